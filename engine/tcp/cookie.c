/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN cookies (RFC 4987 §3.6): our initial sequence number says all that a half-open entry
 * would, so that a flood of SYNs costs no memory. The ACK that completes the handshake brings
 * it back.
 *
 * Without timestamps the 32 bits are
 *
 *	2 period | 2 MSS | 3 window scale and SACK | 1 ECN | 24 MAC
 *
 * With timestamps, which come back in the same ACK, the options ride in the low bits of our
 * TSval, and it tells when the cookie was made:
 *
 *	3 MSS | 29 MAC			TSval: 26 clock | 1 ECN | 1 SACK | 4 window scale
 *
 * The MAC (base/prf.h) is over addresses, ports, the client's initial sequence number and all
 * of these bits. Its key belongs to a period of 65.5 s; keys are drawn from the engine's secret by
 * the period's number. A cookie is good in its period and the next one.
 *
 * What it withstands. An attacker who cannot see our answers has to guess, and each guess costs
 * a segment of its own, from an address that then has a connection. Of the 2^32 answers to a
 * SYN 2^7 are good without timestamps (2 periods, 2^6 options) and 2^3 with them, so that a
 * connection costs 2^25 segments at least: at ten million a second one in 3.4 s, each of
 * which takes an idle connection's memory until a timeout ends it. (Linux' cookie without
 * timestamps costs 2^29, and knows neither window scale nor SACK; FreeBSD's 2^24.) An
 * attacker who sees our answers needs no guess but can only connect as whom he sees. Cookies of
 * one tuple tell nothing about another's, and what is collected is worthless after two minutes.
 * A cookie opens one connection: while it is good a record is left of that (timewait.c), as
 * long as TIME_WAIT leaves room for it.
 *
 * A secret that machines share (tcp.cookie_secret_file). Behind a router that spreads connections
 * over machines, and changes its mind between a SYN and its ACK, each of them has to know what
 * the others have sent: keys, periods and timestamps then come from the secret and the time of
 * day, and are computed alike on every processor. What is up to five seconds ahead of our clock
 * is good as well, so that in these seconds of a period three are good instead of two. Guessing
 * is no easier: 3 * 2^6 answers of 2^32 without timestamps, of which an attacker still needs
 * 2^24 on average, and 2^3 with them; but who guesses at n machines guesses n times as fast,
 * and gets a connection from whichever he hits. That a cookie opens one connection is known to
 * the machine that it was opened on: an old duplicate that the router leads elsewhere opens
 * another. Above all, who has the file can open connections as anyone, at any of the machines,
 * until all of them have a new one; what leaves the wire does not help to find it. Timestamps
 * tell what the offset of all these machines is, that is, that they belong together.
 *
 * With such a secret the number of a half-open entry is a cookie as well, and so is the TSval of
 * its SYN-ACK, each time that it goes: the ACK may come to a machine that has no entry, whether
 * or not the one that has it is under pressure. Who can see such a number learns no more from it
 * than from another cookie; its connection leaves a record when it ends, as others do.
 *
 * What it costs. Initial numbers do not grow with time as RFC 6528 has it, which is why a
 * tuple in TIME_WAIT gets a half-open entry. MSS and window scale are rounded down to what the
 * bits can name. A lost SYN-ACK is not sent again: the client's SYN is. When the handshake's ACK
 * is lost the first segment of data completes it, but not a later one (listen.c waits for the
 * first to come again).
 */
#include "engine/tcp/cookie_format.h"
#include "engine/tcp/internal.h"

#define PERIOD_SHIFT 16 /* of milliseconds */
#define PERIODS_GOOD 2

static_assert(COOKIE_LIFE_TICKS == PERIODS_GOOD << PERIOD_SHIFT, "ticks are milliseconds");

/* What comes from so little ahead of our clock is another machine's rather than nobody's. */
#define EARLY_MS (10 * 60 * 1000)

#define MAC_BITS	    24
#define MAC_MASK	    COOKIE_MASK_OF(MAC_BITS)
#define REST_PLAIN(options) (1ull << 40 | (options))

/* What the MSS is rounded down to. */
#define PLAIN_MSS 4
static const uint16_t mss_v4[PLAIN_MSS] = {536, 1300, 1400, 1460};
static const uint16_t mss_v6[PLAIN_MSS] = {1220, 1280, 1380, 1440};
static const uint16_t ts_mss_v6[COOKIE_TS_MSS] = {1220, 1260, 1300, 1340, 1380, 1420, 1440, 8940};

/* Window scale and SACK without timestamps, after what systems that send none offer. */
static const struct {
	bool sack, has_wscale;
	uint8_t wscale;
} plain_options[8] = {
    {false, false, 0}, {true, false, 0}, {true, true, 0}, {true, true, 2},
    {true, true, 6},   {true, true, 7},  {true, true, 8}, {true, true, 10},
};

/* Who talks to whom; addresses of 4 or 16 bytes. */
struct ends {
	const uint8_t *src, *dst;
	uint16_t sport_be, dport_be;
	uint8_t family;
};

static ALWAYS_INLINE struct ends ends_of_seg(const struct seg *s)
{
	return (struct ends){s->src, s->dst, s->sport_be, s->dport_be, s->family};
}

static struct ends ends_of_half(const struct shard *sh, const struct half *h)
{
	const struct tuple *t = &h->tuple;

	return (struct ends){tuple_raddr(sh, t), sh->conf->addrs[tuple_local(t)].addr.bytes,
			     t->rport_be, t->lport_be, tuple_is_v6(t) ? IP_V6 : IP_V4};
}

static const uint16_t *ts_mss(uint8_t family)
{
	return family == IP_V4 ? cookie_ts_mss_v4 : ts_mss_v6;
}

/* What was made then; `age_ms` is negative for what others' clocks have made. */
static uint32_t period_of(const struct shard *sh, int32_t age_ms)
{
	uint64_t now_ms = sh->now_us / USEC_PER_TICK + sh->cookie_clock_ms;

	return (uint32_t)((now_ms - (uint64_t)(int64_t)age_ms) >> PERIOD_SHIFT);
}

static const struct prf_key *key_of(struct shard *sh, uint32_t period)
{
	struct cookie_key *k = &sh->cookie_keys[period % SHARD_COOKIE_KEYS];

	if (unlikely(!k->valid || k->period != period)) {
		uint64_t secret[2];

		for (uint32_t i = 0; i < 2; i++)
			secret[i] =
			    sh->cookie_prf->mac(&sh->cookie_secret, (uint64_t[]){period, i}, 2);
		prf_key_init(&k->key, (const uint8_t *)secret);
		k->period = period;
		k->valid = true;
	}
	return &k->key;
}

static uint32_t mac_of(struct shard *sh, const struct ends *e, uint32_t irs, uint64_t rest,
		       uint32_t period)
{
	const struct prf_key *key = key_of(sh, period);

	if (e->family == IP_V4) {
		uint64_t w[4];

		cookie_words(w, e->src, e->dst, e->sport_be, e->dport_be, irs, rest);
		return (uint32_t)sh->cookie_prf->mac(key, w, 4);
	} else {
		uint64_t ports = (uint64_t)irs << 32 | (uint32_t)e->sport_be << 16 | e->dport_be;
		uint64_t w[6] = {0, 0, 0, 0, ports, rest};

		memcpy(w, e->src, 16);
		memcpy(w + 2, e->dst, 16);
		return (uint32_t)sh->cookie_prf->mac(key, w, 6);
	}
}

/* ---- with timestamps ---- */

static uint32_t ts_mac(struct shard *sh, const struct ends *e, uint32_t irs, uint32_t tsval,
		       uint32_t mss_row, uint32_t period)
{
	return mac_of(sh, e, irs, COOKIE_REST_TS(tsval, mss_row), period) & COOKIE_TS_MAC_MASK;
}

static uint32_t ts_options_of(const struct half *h)
{
	uint32_t options = h->flags & CF_WSCALE ? h->wscale >> 4 : COOKIE_TS_NO_WSCALE;

	options |= h->flags & CF_SACK ? COOKIE_TS_SACK : 0;
	return options | (h->flags & CF_ECN ? COOKIE_TS_ECN : 0);
}

/* The number and TSval of what h->irs and its options became so long ago. False: the MSS is
 * smaller than any that a cookie can name. */
static bool ts_cookie(struct shard *sh, const struct ends *e, const struct half *h,
		      uint32_t age_ms, uint32_t *iss, uint32_t *tsval)
{
	uint32_t row = cookie_mss_row(ts_mss(e->family), COOKIE_TS_MSS, h->mss);

	if (row == COOKIE_TS_MSS)
		return false;
	*tsval = cookie_tsval(ts_now(sh) - age_ms, ts_options_of(h));
	*iss = ts_mac(sh, e, h->irs, *tsval, row, period_of(sh, (int32_t)(ts_now(sh) - *tsval)));
	*iss |= row << COOKIE_TS_MAC_BITS;
	return true;
}

static bool make_ts(struct shard *sh, const struct ends *e, struct half *h, uint32_t *tsval)
{
	if (!ts_cookie(sh, e, h, 0, &h->iss, tsval))
		return false;
	h->mss = ts_mss(e->family)[h->iss >> COOKIE_TS_MAC_BITS];
	return true;
}

static enum cookie check_ts(struct shard *sh, const struct seg *s, const struct ends *e,
			    struct half *h)
{
	uint32_t tsval = s->opt.tsecr, mss_row = h->iss >> COOKIE_TS_MAC_BITS, period;
	int32_t age_ms = (int32_t)(ts_now(sh) - tsval);

	if (age_ms < -(int32_t)sh->cookie_skew_ms)
		return sh->cookie_skew_ms && age_ms >= -EARLY_MS ? COOKIE_EARLY : COOKIE_FORGED;
	period = period_of(sh, age_ms);
	if ((int32_t)(period_of(sh, 0) - period) >= PERIODS_GOOD)
		return COOKIE_STALE;
	if (ts_mac(sh, e, h->irs, tsval, mss_row, period) != (h->iss & COOKIE_TS_MAC_MASK))
		return COOKIE_FORGED;
	h->mss = ts_mss(e->family)[mss_row];
	h->flags = CF_TIMESTAMPS;
	h->flags |= tsval & COOKIE_TS_SACK ? CF_SACK : 0;
	h->flags |= tsval & COOKIE_TS_ECN ? CF_ECN : 0;
	if ((tsval & 15) != COOKIE_TS_NO_WSCALE) {
		h->flags |= CF_WSCALE;
		h->wscale = (uint8_t)((tsval & 15) << 4);
	}
	h->ts_recent = s->opt.tsval;
	return COOKIE_GOOD;
}

/* ---- without ---- */

/* The last row that offers no more than the SYN did. */
static uint32_t plain_options_of(const struct half *h)
{
	uint32_t i = ARRAY_SIZE(plain_options) - 1;

	while (i > 0) {
		bool wscale_fits = !plain_options[i].has_wscale ||
				   ((h->flags & CF_WSCALE) &&
				    plain_options[i].wscale <= h->wscale >> 4);

		if (wscale_fits && (h->flags & CF_SACK))
			break;
		i--;
	}
	return i;
}

/* Leaves our own shift as it is. */
static void set_plain_options(struct half *h, uint32_t i, bool ecn)
{
	h->flags = ecn ? CF_ECN : 0;
	h->flags |= plain_options[i].sack ? CF_SACK : 0;
	h->flags |= plain_options[i].has_wscale ? CF_WSCALE : 0;
	h->wscale = (uint8_t)(plain_options[i].wscale << 4 | (h->wscale & 15));
	if (!plain_options[i].has_wscale)
		h->wscale = 0;
}

static const uint16_t *plain_mss(uint8_t family)
{
	return family == IP_V4 ? mss_v4 : mss_v6;
}

static bool make_plain(struct shard *sh, const struct ends *e, struct half *h)
{
	const uint16_t *mss = plain_mss(e->family);
	uint32_t period = period_of(sh, 0), row = plain_options_of(h);
	uint32_t mss_row = cookie_mss_row(mss, PLAIN_MSS, h->mss), options;

	if (mss_row == PLAIN_MSS)
		return false;
	options = (period & 3) << 6 | mss_row << 4 | row << 1 | !!(h->flags & CF_ECN);
	h->mss = mss[mss_row];
	set_plain_options(h, row, h->flags & CF_ECN);
	h->iss = mac_of(sh, e, h->irs, REST_PLAIN(options), period) & MAC_MASK;
	h->iss |= options << MAC_BITS;
	return true;
}

static enum cookie check_plain(struct shard *sh, const struct ends *e, struct half *h)
{
	/* The latest of four periods may be the next one, by another machine's clock. */
	uint32_t latest = period_of(sh, -(int32_t)sh->cookie_skew_ms);
	uint32_t options = h->iss >> MAC_BITS, period = latest - ((latest - (options >> 6)) & 3);

	/* An old cookie is told from a forged one by the key that it was made with. */
	if ((mac_of(sh, e, h->irs, REST_PLAIN(options), period) ^ h->iss) & MAC_MASK)
		return COOKIE_FORGED;
	if ((int32_t)(period_of(sh, 0) - period) >= PERIODS_GOOD)
		return COOKIE_STALE;
	h->mss = plain_mss(e->family)[options >> 4 & 3];
	set_plain_options(h, options >> 1 & 7, options & 1);
	return COOKIE_GOOD;
}

bool cookie_make(struct shard *sh, const struct seg *s, struct half *h, uint32_t *tsval)
{
	struct ends e = ends_of_seg(s);

	if (h->flags & CF_TIMESTAMPS)
		return make_ts(sh, &e, h, tsval);
	return make_plain(sh, &e, h);
}

void cookie_share(struct shard *sh, const struct seg *s, struct half *h)
{
	struct half cut = *h;
	uint32_t tsval;

	if (!cookie_make(sh, s, &cut, &tsval))
		return;
	h->iss = cut.iss;
	h->flags = cut.flags;
	if (!(h->flags & CF_WSCALE))
		h->wscale = 0;
}

/* False for one that follows on TIME_WAIT, whose number had to be another one. */
static bool is_ts_cookie(struct shard *sh, const struct ends *e, const struct half *h,
			 uint32_t *tsval)
{
	uint32_t iss;

	return ts_cookie(sh, e, h, half_age(sh, h), &iss, tsval) && iss == h->iss;
}

bool cookie_is_shared(struct shard *sh, const struct half *h)
{
	struct ends e = ends_of_half(sh, h);
	struct half copy = *h;
	uint32_t tsval;

	return h->flags & CF_TIMESTAMPS ? is_ts_cookie(sh, &e, h, &tsval)
					: check_plain(sh, &e, &copy) == COOKIE_GOOD;
}

uint32_t cookie_half_tsval(struct shard *sh, const struct half *h)
{
	struct ends e = ends_of_half(sh, h);
	uint32_t tsval;

	return is_ts_cookie(sh, &e, h, &tsval) ? tsval : ts_now(sh);
}

const struct prf_key *cookie_ts_key(struct shard *sh)
{
	uint32_t period = period_of(sh, 0);

	/* As old as the rounding of timestamps makes them. */
	if (period != period_of(sh, COOKIE_MASK_OF(COOKIE_TS_OPTION_BITS)))
		return NULL;
	return key_of(sh, period);
}

enum cookie cookie_check(struct shard *sh, const struct seg *s, struct half *h)
{
	const struct profile *p = &sh->profiles[h->profile];
	struct ends e = ends_of_seg(s);
	enum cookie verdict;

	h->irs = s->seq - 1;
	h->iss = s->ack - 1;
	if ((s->opt.seen & TCPOPT_HAS_TS) && p->tcp->timestamps)
		verdict = check_ts(sh, s, &e, h);
	else
		verdict = check_plain(sh, &e, h);
	if (verdict == COOKIE_GOOD && (h->flags & CF_WSCALE))
		h->wscale |= p->wscale;
	return verdict;
}
