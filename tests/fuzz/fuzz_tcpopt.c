/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as TCP options: what is understood of them must be what a second,
 * plainer reader understands, and what is written from it reads the same.
 *
 * Input: a byte (odd: a SYN's options), then up to 40 bytes of options.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/wire/tcpopt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint32_t load(const uint8_t *p, uint32_t bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

/* The last option of this kind and length before anything malformed, NULL: none.
 * *malformed tells whether the walk ended so. */
static const uint8_t *last(const uint8_t *p, uint32_t len, uint8_t kind, uint8_t want,
			   bool *malformed)
{
	const uint8_t *found = NULL;
	uint32_t i = 0;

	*malformed = false;
	while (i < len && p[i] != 0) {
		if (p[i] == 1) {
			i++;
			continue;
		}
		if (len - i < 2 || p[i + 1] < 2 || p[i + 1] > len - i) {
			*malformed = true;
			break;
		}
		if (p[i] == kind && (p[i + 1] == want || (want == 0 && p[i + 1] >= 10 &&
							  (p[i + 1] - 2) % 8 == 0)))
			found = p + i;
		i += p[i + 1];
	}
	return found;
}

static void check_seen(const struct tcpopt *o, const uint8_t *opts, uint32_t len, bool syn)
{
	bool malformed;
	const uint8_t *mss = last(opts, len, 2, 4, &malformed);
	const uint8_t *wscale = last(opts, len, 3, 3, &malformed);
	const uint8_t *permitted = last(opts, len, 4, 2, &malformed);
	const uint8_t *sack = last(opts, len, 5, 0, &malformed);
	const uint8_t *ts = last(opts, len, 8, 10, &malformed);

	must(!!(o->seen & TCPOPT_MALFORMED) == malformed, "malformed or not");
	must(!!(o->seen & TCPOPT_HAS_MSS) == (mss && syn), "MSS");
	must(!!(o->seen & TCPOPT_HAS_WSCALE) == (wscale && syn), "window scale");
	must(!!(o->seen & TCPOPT_HAS_SACK_PERMITTED) == (permitted && syn), "SACK-permitted");
	must(!!(o->seen & TCPOPT_HAS_SACK) == (sack && !syn), "SACK");
	must(!!(o->seen & TCPOPT_HAS_TS) == !!ts, "timestamps");
	if (mss && syn)
		must(o->mss == load(mss + 2, 2), "MSS value");
	if (wscale && syn)
		must(o->wscale == MIN(wscale[2], 14), "shift");
	if (ts)
		must(o->tsval == load(ts + 2, 4) && o->tsecr == load(ts + 6, 4),
		     "timestamp values");
	if (!sack || syn)
		return;
	must(o->nb_sack == (sack[1] - 2) / 8 && o->nb_sack <= TCPOPT_MAX_SACK, "number of blocks");
	for (uint32_t i = 0; i < o->nb_sack; i++) {
		struct sack_block b = tcpopt_sack_block(o, i);

		must(b.start == load(sack + 2 + 8 * i, 4) && b.end == load(sack + 6 + 8 * i, 4),
		     "SACK block");
	}
}

static void check_round_trip(const struct tcpopt *o, bool syn)
{
	struct tcpopt_out out = {.has_ts = o->seen & TCPOPT_HAS_TS,
				 .sack_permitted = o->seen & TCPOPT_HAS_SACK_PERMITTED,
				 .has_wscale = o->seen & TCPOPT_HAS_WSCALE,
				 .wscale = o->wscale,
				 .mss = o->seen & TCPOPT_HAS_MSS ? o->mss : 0,
				 .tsval = o->tsval,
				 .tsecr = o->tsecr,
				 .nb_sack = o->seen & TCPOPT_HAS_SACK ? o->nb_sack : 0};
	uint8_t bytes[40];
	struct tcpopt back;
	uint32_t len;

	for (uint32_t i = 0; i < out.nb_sack; i++)
		out.sack[i] = tcpopt_sack_block(o, i);
	len = tcpopt_size(&out);
	must(len <= sizeof(bytes) && len % 4 == 0, "size of what is written");
	must(tcpopt_write(bytes, &out) == len, "size foretold and size written");
	tcpopt_parse(&back, bytes, len, syn);
	must(back.tsval == o->tsval && back.tsecr == o->tsecr && back.wscale == o->wscale,
	     "what was written reads differently");
	must(back.mss == out.mss, "MSS that was written reads differently");
	must((back.seen & ~TCPOPT_HAS_SACK & ~TCPOPT_HAS_MSS) ==
		 (o->seen & ~TCPOPT_HAS_SACK & ~TCPOPT_HAS_MSS & ~TCPOPT_MALFORMED),
	     "other options were written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcpopt o;
	uint32_t len;
	uint8_t *opts;
	bool syn;

	if (size < 1 || size > 41)
		return 0;
	syn = data[0] & 1;
	len = (uint32_t)size - 1;
	opts = malloc(len ? len : 1);
	must(opts, "no memory");
	memcpy(opts, data + 1, len);
	memset(&o, 0xee, sizeof(o));
	tcpopt_parse(&o, opts, len, syn);
	check_seen(&o, opts, len, syn);
	check_round_trip(&o, syn);
	free(opts);
	return 0;
}
