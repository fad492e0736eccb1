/* SPDX-License-Identifier: BSD-3-Clause */
/* The stranger's receive buffer and window. See alien.h. */
#include "tests/sim/alien_tcp.h"

#define FIELD_MAX 0xffffu
#define SWS_BYTES 1000 /* stands for a segment in silly-window avoidance */

static void copy_in(struct alien_conn *c, uint64_t pos, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len;) {
		uint32_t at = (uint32_t)((pos + i) % c->in_size);
		uint32_t n = MIN(len - i, c->in_size - at);

		memcpy(c->in + at, bytes + i, n);
		i += n;
	}
}

static bool same(const struct alien_conn *c, uint64_t pos, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (c->in[(pos + i) % c->in_size] != bytes[i])
			return false;
	return true;
}

/* What is sent twice is the same both times. */
static void compare(struct alien_conn *c, const struct alien_range *held, uint64_t pos,
		    const uint8_t *bytes, uint32_t len)
{
	uint64_t start = MAX(held->start, pos), end = MIN(held->end, pos + len);

	if (start < end && !same(c, start, bytes + (start - pos), (uint32_t)(end - start)))
		alien_complain(c->host, "port %u: bytes %llu to %llu have changed when sent again",
			       c->rport, (unsigned long long)start, (unsigned long long)end);
}

static void remove_early(struct alien_conn *c, uint32_t i)
{
	c->nb_early--;
	memmove(c->early + i, c->early + i + 1, (c->nb_early - i) * sizeof(c->early[0]));
}

/* Adds a piece to the list, joined with all that it touches; false: no room. */
static bool add_early(struct alien_conn *c, struct alien_range r)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < c->nb_early;) {
		struct alien_range *e = &c->early[i];

		if (e->end < r.start || e->start > r.end) {
			i++;
			continue;
		}
		r.start = MIN(r.start, e->start);
		r.end = MAX(r.end, e->end);
		remove_early(c, i);
	}
	/* What is next in sequence is always taken: the last piece makes room. */
	if (c->nb_early == ALIEN_EARLY && r.start > c->got)
		return false;
	if (c->nb_early == ALIEN_EARLY)
		c->nb_early--;
	while (at < c->nb_early && c->early[at].start < r.start)
		at++;
	memmove(c->early + at + 1, c->early + at, (c->nb_early - at) * sizeof(r));
	c->early[at] = r;
	c->nb_early++;
	return true;
}

void alien_store(struct alien_conn *c, uint64_t pos, const uint8_t *bytes, uint32_t len)
{
	struct alien_range r = {pos, pos + len}, unread = {c->taken, c->got};

	compare(c, &unread, pos, bytes, len);
	if (pos + len <= c->got)
		return;
	if (pos < c->got) {
		bytes += c->got - pos;
		len -= (uint32_t)(c->got - pos);
		r.start = pos = c->got;
	}
	if (pos > c->got && !c->host->conf.habits->keeps_early)
		return;
	for (uint32_t i = 0; i < c->nb_early; i++)
		compare(c, &c->early[i], pos, bytes, len);
	if (!add_early(c, r))
		return;
	copy_in(c, pos, bytes, len);
	if (c->early[0].start == c->got) {
		c->got = c->early[0].end;
		remove_early(c, 0);
		c->changed = true;
	}
}

/* Receiver silly-window avoidance, or none: RFC 9293 §3.8.6.2.2. */
static uint64_t edge_to_offer(const struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;
	uint32_t shift = c->wscale ? h->shift : 0;
	uint64_t edge = MAX(c->taken + h->rcvbuf, c->got);

	edge = c->got + (MIN((edge - c->got) >> shift, FIELD_MAX) << shift);
	if (edge <= c->offered)
		return c->offered;
	if (h->silly_window || edge - c->offered >= MIN(h->rcvbuf / 2, SWS_BYTES))
		return edge;
	return c->offered;
}

uint16_t alien_window(struct alien_conn *c, bool syn)
{
	uint32_t shift = c->wscale && !syn ? c->host->conf.habits->shift : 0;
	uint64_t edge = edge_to_offer(c), field;

	if (edge < c->got)
		return 0;
	field = MIN((edge - c->got) >> shift, FIELD_MAX);
	/* Rounding down takes back what was offered, rounding up offers more than there
	 * is: up to the size of the buffer the former is worse (RFC 7323 §2.4). */
	if (c->got + (field << shift) < c->offered && field < FIELD_MAX &&
	    c->got + ((field + 1) << shift) <= c->taken + c->in_size)
		field++;
	c->offered = MAX(c->offered, c->got + (field << shift));
	return (uint16_t)field;
}

bool alien_window_opens(const struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;
	uint64_t gain = edge_to_offer(c) - c->offered;

	if (gain == 0 || h->keeps_quiet || c->fin_got)
		return false;
	return h->silly_window || c->offered == c->got || gain >= MIN(h->rcvbuf / 2, 2 * SWS_BYTES);
}
