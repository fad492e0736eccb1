/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture_tap.h"

#include "drivers/pcapng.h"
#include "engine/base/stat.h"

static_assert(STAT_COUNT <= CAPTURE_COUNTERS_MAX, "each may tell of drops");

/* These count fragments that came earlier than the frame that raises them. */
static bool is_about_others(enum stat i)
{
	return i == STAT_drop_fragment_evicted || i == STAT_drop_fragment_timeout;
}

/* A reset that a limit leaves out and a handshake that is none end frames without a drop. */
static bool is_refusal(enum stat i)
{
	return strncmp(stat_name(i), "drop_", 5) == 0 || i == STAT_rst_limited ||
	       i == STAT_syncookies_early || i == STAT_syncookies_failed;
}

void capture_rules_init(struct capture_rules *r)
{
	r->nb_drops = 0;
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		if (is_refusal(i) && !is_about_others(i))
			r->drops[r->nb_drops++] = (uint8_t)i;
}

bool capture_tap_init(struct capture_tap *t, const struct capture_rules *rules, size_t ring_bytes)
{
	*t = (struct capture_tap){.rules = rules};
	return capture_ring_init(&t->ring, ring_bytes);
}

void capture_tap_fini(struct capture_tap *t)
{
	capture_ring_fini(&t->ring);
}

static void count_missed(struct capture_tap *t, uint64_t n)
{
	uint64_t missed = atomic_load_explicit(&t->missed, memory_order_relaxed);

	atomic_store_explicit(&t->missed, missed + n, memory_order_relaxed);
}

static bool is_wanted(const struct capture_tap *t, const struct buf *b, uint16_t port)
{
	return (t->rules->ports >> port & 1) &&
	       capture_filter_matches(&t->rules->filter, b->data, b->len);
}

static void note_sums(struct capture_record *r, const struct buf *b)
{
	if (b->flags & BUF_TX_IP_CSUM)
		r->sums |= CAPTURE_IP_SUM;
	if (b->flags & BUF_TX_L4_CSUM)
		r->sums |= CAPTURE_L4_SUM;
	r->l2_len = b->l2_len;
	r->l3_len = b->l3_len;
}

/* Puts a copy into the ring without committing it; NULL: no room. */
static struct capture_record *lay_out(struct capture_tap *t, const struct buf *b, uint16_t port,
				      enum pcapng_direction direction, usec_t now)
{
	uint32_t kept = MIN(b->len, t->rules->snaplen);
	struct capture_record *r = capture_ring_put(&t->ring, kept);

	if (!r)
		return NULL;
	r->time_us = now;
	r->len = b->len;
	r->port = (uint8_t)port;
	r->direction = direction;
	if (direction == PCAPNG_OUTBOUND)
		note_sums(r, b);
	memcpy(capture_record_bytes(r), b->data, kept);
	return r;
}

void capture_tap_received(struct capture_tap *t, struct buf *const *bufs, uint32_t n, usec_t now)
{
	uint32_t missed = 0;

	if (t->rules->drops_only)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (is_wanted(t, bufs[i], bufs[i]->port) &&
		    !lay_out(t, bufs[i], bufs[i]->port, PCAPNG_INBOUND, now))
			missed++;
	capture_ring_commit(&t->ring);
	count_missed(t, missed);
}

void capture_tap_hold(struct capture_tap *t, struct buf *const *bufs, uint32_t n, uint16_t port,
		      usec_t now)
{
	uint32_t missed = 0;

	t->mark = t->ring.put;
	for (uint32_t i = 0; i < n; i++) {
		if (!t->rules->drops_only && is_wanted(t, bufs[i], port) &&
		    !lay_out(t, bufs[i], port, PCAPNG_OUTBOUND, now))
			missed++;
		t->held[i].end = t->ring.put;
		t->held[i].missed = missed;
	}
}

void capture_tap_sent(struct capture_tap *t, uint32_t n)
{
	capture_ring_rewind(&t->ring, n ? t->held[n - 1].end : t->mark);
	capture_ring_commit(&t->ring);
	count_missed(t, n ? t->held[n - 1].missed : 0);
}

void capture_tap_expect(struct capture_tap *t, const struct buf *b, const uint64_t *stats,
			usec_t now)
{
	const struct capture_rules *rules = t->rules;
	/* Another worker has the frame that this one was copied from. */
	bool wanted = !(b->flags & BUF_RX_LEARN_ONLY) && is_wanted(t, b, b->port);

	t->mark = t->ring.put;
	t->expected = wanted ? lay_out(t, b, b->port, PCAPNG_INBOUND, now) : NULL;
	t->expected_missed = wanted && !t->expected;
	for (uint32_t i = 0; wanted && i < rules->nb_drops; i++)
		t->counted[i] = stats[rules->drops[i]];
}

/* The counter that was raised since capture_tap_expect(); STAT_COUNT: none. */
static enum stat raised(const struct capture_tap *t, const uint64_t *stats)
{
	const struct capture_rules *rules = t->rules;

	for (uint32_t i = 0; i < rules->nb_drops; i++)
		if (stats[rules->drops[i]] != t->counted[i])
			return rules->drops[i];
	return STAT_COUNT;
}

void capture_tap_settle(struct capture_tap *t, const uint64_t *stats)
{
	enum stat drop;

	if (!t->expected && !t->expected_missed)
		return;
	drop = raised(t, stats);
	if (drop == STAT_COUNT) {
		capture_ring_rewind(&t->ring, t->mark);
	} else if (t->expected) {
		t->expected->drop = stat_name(drop);
		capture_ring_commit(&t->ring);
	} else {
		count_missed(t, 1);
	}
}
