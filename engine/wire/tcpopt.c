/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/wire/tcpopt.h"
#include "engine/wire/wire.h"

#define OPT_ROOM 40

/* One option with a length byte; `len` is that length and fits the header. */
static void parse_one(struct tcpopt *o, const uint8_t *p, uint8_t len, bool syn)
{
	switch (p[0]) {
	case TCPOPT_MSS:
		if (len != 4 || !syn)
			break;
		o->mss = get_be16(p + 2);
		o->seen |= TCPOPT_HAS_MSS;
		break;
	case TCPOPT_WSCALE:
		if (len != 3 || !syn)
			break;
		/* RFC 7323 §2.3: a shift above 14 is taken as 14. */
		o->wscale = MIN(p[2], TCPOPT_MAX_WSCALE);
		o->seen |= TCPOPT_HAS_WSCALE;
		break;
	case TCPOPT_SACK_PERMITTED:
		if (len == 2 && syn)
			o->seen |= TCPOPT_HAS_SACK_PERMITTED;
		break;
	case TCPOPT_SACK:
		if (len < 10 || (len - 2) % 8 != 0 || syn)
			break;
		o->sack = p + 2;
		o->nb_sack = (uint8_t)((len - 2) / 8);
		o->seen |= TCPOPT_HAS_SACK;
		break;
	case TCPOPT_TIMESTAMPS:
		if (len != 10)
			break;
		o->tsval = get_be32(p + 2);
		o->tsecr = get_be32(p + 6);
		o->seen |= TCPOPT_HAS_TS;
		break;
	}
}

/* MSS, SACK-permitted, timestamps, NOP, window scale. */
static bool is_linux_syn(const uint8_t *opts, uint32_t len)
{
	return len == 20 && get_be16(opts) == 0x0204 && get_be32(opts + 4) == 0x0402080a &&
	       get_be32(opts + 16) >> 8 == 0x010303;
}

void tcpopt_parse(struct tcpopt *o, const uint8_t *opts, uint32_t len, bool syn)
{
	/* The layout nearly every established segment has: NOP NOP TS. */
	if (likely(len == TCPOPT_TS_LEN && get_be32(opts) == 0x0101080a)) {
		*o = (struct tcpopt){.seen = TCPOPT_HAS_TS,
				     .tsval = get_be32(opts + 4),
				     .tsecr = get_be32(opts + 8)};
		return;
	}
	if (likely(syn && is_linux_syn(opts, len))) {
		*o = (struct tcpopt){.seen = TCPOPT_HAS_MSS | TCPOPT_HAS_SACK_PERMITTED |
					     TCPOPT_HAS_TS | TCPOPT_HAS_WSCALE,
				     .wscale = MIN(opts[19], TCPOPT_MAX_WSCALE),
				     .mss = get_be16(opts + 2),
				     .tsval = get_be32(opts + 8),
				     .tsecr = get_be32(opts + 12)};
		return;
	}
	*o = (struct tcpopt){0};
	for (uint32_t i = 0; i < len && opts[i] != TCPOPT_EOL;) {
		if (opts[i] == TCPOPT_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= len || opts[i + 1] < 2 || opts[i + 1] > len - i) {
			o->seen |= TCPOPT_MALFORMED;
			return;
		}
		parse_one(o, opts + i, opts[i + 1], syn);
		i += opts[i + 1];
	}
}

struct sack_block tcpopt_sack_block(const struct tcpopt *o, uint32_t i)
{
	return (struct sack_block){get_be32(o->sack + 8 * i), get_be32(o->sack + 8 * i + 4)};
}

static uint32_t fixed_size(const struct tcpopt_out *o)
{
	return (o->mss ? 4u : 0) + (o->has_ts ? TCPOPT_TS_LEN : 0) + (o->has_wscale ? 4u : 0) +
	       (o->sack_permitted && !o->has_ts ? 4u : 0);
}

static uint32_t sack_blocks_fitting(const struct tcpopt_out *o)
{
	uint32_t left = OPT_ROOM - fixed_size(o);

	return left < 12 ? 0 : MIN(o->nb_sack, (left - 4) / 8);
}

uint32_t tcpopt_size(const struct tcpopt_out *o)
{
	uint32_t n = o->nb_sack ? sack_blocks_fitting(o) : 0;

	return fixed_size(o) + (n ? 4 + 8 * n : 0);
}

uint32_t tcpopt_write(uint8_t *p, const struct tcpopt_out *o)
{
	uint8_t *start = p;
	uint32_t n = o->nb_sack ? sack_blocks_fitting(o) : 0;

	if (o->mss) {
		put_be32(p, (uint32_t)TCPOPT_MSS << 24 | 4 << 16 | o->mss);
		p += 4;
	}
	if (o->sack_permitted && !o->has_ts) {
		put_be32(p, 0x01010000 | TCPOPT_SACK_PERMITTED << 8 | 2);
		p += 4;
	}
	if (o->has_ts) {
		/* SACK-permitted fits where the padding would be. */
		put_be16(p, o->sack_permitted ? TCPOPT_SACK_PERMITTED << 8 | 2 : 0x0101);
		put_be16(p + 2, TCPOPT_TIMESTAMPS << 8 | 10);
		put_be32(p + 4, o->tsval);
		put_be32(p + 8, o->tsecr);
		p += TCPOPT_TS_LEN;
	}
	if (o->has_wscale) {
		put_be32(p, (uint32_t)TCPOPT_NOP << 24 | TCPOPT_WSCALE << 16 | 3 << 8 | o->wscale);
		p += 4;
	}
	if (n) {
		put_be32(p, 0x01010000 | TCPOPT_SACK << 8 | (2 + 8 * n));
		p += 4;
		for (uint32_t i = 0; i < n; i++, p += 8) {
			put_be32(p, o->sack[i].start);
			put_be32(p + 4, o->sack[i].end);
		}
	}
	return (uint32_t)(p - start);
}
