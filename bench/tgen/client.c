/* SPDX-License-Identifier: BSD-3-Clause */
/* The stateful client: its slots, timers and what it sends; what it makes of
 * segments is in client_input.c. */
#include "bench/tgen/client.h"

#define SYN_RTO_MS   1000
#define RTO_MS       200
#define TIMER_BUDGET 256

static uint32_t slots_for(const struct plan *plan)
{
	uint32_t workers = plan->conf->nb_workers;
	uint32_t each = (uint32_t)((plan->concurrency + workers - 1) / workers), slots = 1;

	while (slots < each)
		slots <<= 1;
	return slots;
}

size_t client_bytes(const struct plan *plan)
{
	return sizeof(struct client) + (slots_for(plan) + 1ull) * sizeof(struct client_conn);
}

static uint32_t index_of(const struct client *k, const struct client_conn *c)
{
	return (uint32_t)(c - k->conns);
}

void client_end_of(const struct load *l, const struct client_conn *c, struct end *e)
{
	bool ours = population_client(&l->clients, c->number, e);

	INVARIANT(ours);
}

void client_send(struct load *l, struct client_conn *c, const struct end *e, struct buf *b,
		 enum client_frame kind)
{
	struct frame_numbers n = {.seq = c->snd_nxt,
				  .ack = c->rcv_nxt,
				  .tsval = mode_tsval(l->now),
				  .tsecr = c->ts_recent};
	const struct frame *f;

	if (kind == CLIENT_FRAME_NONE) {
		mode_free(l, b);
		return;
	}
	f = &l->frames[kind];
	if (l->clients.v6)
		frame_write(f, b, e, n, false, true);
	else
		frame_write(f, b, e, n, false, false);
	c->snd_nxt += f->space;
	mode_send(l, b);
}

void client_arm(struct load *l, struct client_conn *c)
{
	uint32_t ms = c->state == CLIENT_SYN_SENT ? SYN_RTO_MS : RTO_MS;

	if (c->state == CLIENT_THINK)
		ms = (uint32_t)(l->plan->think_us / 1000);
	else
		ms <<= c->retries;
	wheel_arm(&l->client->wheel, index_of(l->client, c), tick_of(l->now) + ms);
}

void client_close(struct load *l, struct client_conn *c, enum tally_count as)
{
	struct client *k = l->client;
	uint32_t age;

	wheel_cancel(&k->wheel, index_of(k, c));
	if (client_counts(l, c, &age)) {
		mode_count(l, as);
		if (as == TALLY_done)
			hist_add(&l->tally.hists[TALLY_CONNECTION], age);
	}
	c->state = CLIENT_FREE;
	c->next_free = k->free_head;
	k->free_head = index_of(k, c);
	k->open--;
}

/* Moves the slot on to its next client; false: it has none. */
static bool next_client(const struct load *l, struct client_conn *c, struct end *e)
{
	uint64_t step = l->client->mask + 1ull, tries = (l->clients.mask + 1) / step;

	for (; tries > 0; tries--) {
		uint64_t next = (c->number + step) & l->clients.mask;

		c->lap += next < c->number || next == c->number ? LOAD_LAP : 0;
		c->number = next;
		if (population_client(&l->clients, next, e))
			return true;
	}
	return false;
}

static bool begin_one(struct load *l)
{
	struct client *k = l->client;
	struct client_conn *c = &k->conns[k->free_head];
	struct buf *b = mode_buf(l);
	struct end e;
	usec_t begun;

	if (!b)
		return false;
	k->free_head = c->next_free;
	if (!next_client(l, c, &e)) {
		/* The slot stays out of use: no client has a number like its. */
		mode_free(l, b);
		return false;
	}
	k->open++;
	begun = pace_take(&l->pace, l->now);
	c->begun_us = (uint32_t)begun;
	c->begun_high = (uint8_t)(begun >> 32);
	c->snd_nxt = mode_isn(l, &e) + c->lap;
	c->rcv_nxt = c->ts_recent = 0;
	c->requests = l->plan->requests;
	c->state = CLIENT_SYN_SENT;
	c->retries = 0;
	c->fin_seen = c->fin_acked = false;
	client_send(l, c, &e, b, CLIENT_FRAME_SYN);
	client_arm(l, c);
	return true;
}

static uint32_t begin(struct load *l, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && l->client->free_head && pace_is_due(&l->pace, l->now)) {
		if (begin_one(l))
			i++;
		else if (l->spare.count == 0)
			break;
	}
	return i;
}

/* Sends again what was sent last and not answered. */
static void retransmit(struct load *l, struct client_conn *c, struct buf *b)
{
	static const enum client_frame again[] = {
	    [CLIENT_SYN_SENT] = CLIENT_FRAME_SYN,
	    [CLIENT_REQUEST] = CLIENT_FRAME_REQUEST,
	    [CLIENT_WAIT_FIN] = CLIENT_FRAME_ACK,
	    [CLIENT_CLOSING] = CLIENT_FRAME_FIN,
	};
	enum client_frame kind = again[c->state];
	struct end e;

	client_end_of(l, c, &e);
	mode_count(l, TALLY_retransmits);
	c->retries++;
	if (c->state == CLIENT_CLOSING && c->fin_acked)
		kind = CLIENT_FRAME_ACK;
	else
		c->snd_nxt -= l->frames[kind].space;
	client_send(l, c, &e, b, kind);
	client_arm(l, c);
}

static void expire(void *ctx, uint32_t index)
{
	struct load *l = ctx;
	struct client_conn *c = &l->client->conns[index];
	struct buf *b = mode_buf(l);
	struct end e;

	if (!b) {
		client_arm(l, c);
		return;
	}
	client_end_of(l, c, &e);
	if (c->state == CLIENT_THINK) {
		c->state = CLIENT_REQUEST;
		c->request_us = l->now_us;
		c->left = l->plan->response_bytes;
		client_send(l, c, &e, b, CLIENT_FRAME_REQUEST);
		client_arm(l, c);
	} else if (c->retries < l->plan->retries) {
		retransmit(l, c, b);
	} else {
		client_send(l, c, &e, b,
			    c->state == CLIENT_SYN_SENT ? CLIENT_FRAME_NONE : CLIENT_FRAME_RST);
		client_close(l, c, TALLY_timeouts);
	}
}

static void timers(struct load *l)
{
	wheel_run(&l->client->wheel, tick_of(l->now), TIMER_BUDGET, expire, l);
}

/* Of a connection that is over here: what the server sends of it is answered as
 * TIME_WAIT would, or refused. */
static void stray(struct load *l, const struct inbound *s, struct buf *b)
{
	struct client_conn none = {
	    .snd_nxt = s->ack, .rcv_nxt = s->seq + inbound_space(s), .ts_recent = s->tsval};
	bool fin = (s->flags & (TCP_FIN | TCP_ACK)) == (TCP_FIN | TCP_ACK);

	if ((s->flags & TCP_RST) || (!fin && inbound_space(s) == 0)) {
		mode_count(l, TALLY_unexpected);
		mode_free(l, b);
		return;
	}
	if (!fin)
		mode_count(l, TALLY_unexpected);
	client_send(l, &none, &s->peer, b, fin ? CLIENT_FRAME_ACK : CLIENT_FRAME_RST);
}

static ALWAYS_INLINE void input(struct load *l, struct buf *const *bufs, uint32_t n, bool v6)
{
	struct client *k = l->client;
	struct inbound s;
	uint64_t number;

	for (uint32_t i = 0; i < n; i++) {
		struct client_conn *c;

		if (unlikely(!inbound_read(bufs[i], &l->target, &s, true, v6))) {
			mode_other(l, bufs[i]);
			continue;
		}
		if (unlikely(!population_number(&l->clients, &s.peer, &number))) {
			mode_count(l, TALLY_unexpected);
			mode_free(l, bufs[i]);
			continue;
		}
		c = &k->conns[1 + (number & k->mask)];
		if (unlikely(c->state == CLIENT_FREE || c->number != number))
			stray(l, &s, bufs[i]);
		else
			client_segment(l, c, &s, bufs[i]);
	}
}

static void input4(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, false);
}

static void input6(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, true);
}

bool client_is_busy(const struct load *l)
{
	return l->client->open > 0;
}

bool client_has_slot(const struct load *l)
{
	return l->client->free_head != 0;
}

bool client_next(const struct load *l, usec_t *at)
{
	tick_t tick, now = tick_of(l->now);

	if (!wheel_next(&l->client->wheel, &tick))
		return false;
	*at = l->now + (tick_reached(now, tick) ? 0 : (usec_t)(tick - now) * USEC_PER_TICK);
	return true;
}

/* `concurrency` of the slots are in use, the last one first. */
static void init_slots(struct load *l, uint32_t slots, uint32_t used)
{
	struct client *k = l->client;

	k->mask = slots - 1;
	for (uint32_t i = 0; i < used; i++) {
		struct client_conn *c = &k->conns[1 + i];

		/* One step in front of its first number. */
		c->number = (i - slots) & l->clients.mask;
		c->next_free = k->free_head;
		k->free_head = 1 + i;
	}
}

void client_init(struct load *l, const struct load_args *args, void *mem)
{
	const struct plan *plan = l->plan;
	uint32_t workers = plan->conf->nb_workers;

	l->client = mem;
	wheel_init(&l->client->wheel, &l->client->conns[0].timer, sizeof(struct client_conn),
		   tick_of(l->now));
	init_slots(l, slots_for(plan), (uint32_t)((plan->concurrency + workers - 1) / workers));
	mode_frame(&l->frames[CLIENT_FRAME_SYN], l, args, TCP_SYN, NULL, 0);
	mode_frame(&l->frames[CLIENT_FRAME_REQUEST], l, args, TCP_ACK | TCP_PSH, plan->request,
		   plan->request_len);
	mode_frame(&l->frames[CLIENT_FRAME_ACK], l, args, TCP_ACK, NULL, 0);
	mode_frame(&l->frames[CLIENT_FRAME_FIN], l, args, TCP_ACK | TCP_FIN, NULL, 0);
	mode_frame(&l->frames[CLIENT_FRAME_RST], l, args, TCP_ACK | TCP_RST, NULL, 0);
	l->input = l->clients.v6 ? input6 : input4;
	l->begin = begin;
	l->timers = timers;
}
