/* SPDX-License-Identifier: BSD-3-Clause */
/* Drawing a plan from a seed. See plan.h. */
#include "tests/sim/plan.h"
#include "tests/lib/testconf.h"

#define FIRST_PORT 2000
#define HEADER     8 /* bytes of a stream that name the flow, see peer.h */

struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *d)
{
	uint64_t x = d->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* lo … hi, both possible. */
static uint32_t between(struct dice *d, uint32_t lo, uint32_t hi)
{
	return lo + (uint32_t)(roll(d) % ((uint64_t)hi - lo + 1));
}

static bool one_in(struct dice *d, uint32_t n)
{
	return roll(d) % n == 0;
}

/* 0 … max, small values as likely as large ones. */
static uint32_t any_size(struct dice *d, uint32_t max)
{
	uint32_t bits = 0;

	while (max >> bits)
		bits++;
	return MIN(between(d, 0, (uint32_t)((1ull << between(d, 0, bits)) - 1)), max);
}

static uint32_t pick(struct dice *d, const uint32_t *list, uint32_t n)
{
	return list[roll(d) % n];
}

#define PICK(d, ...)                                                                               \
	pick((d), (const uint32_t[]){__VA_ARGS__},                                                 \
	     sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void draw_node(struct dice *d, struct node_plan *n, const struct plan_wishes *w)
{
	struct testconf tc;

	testconf_init(&tc);
	n->tcp = tc.conf.tcp;
	n->mtu = (uint16_t)PICK(d, 1500, 1500, 1500, 1400, 1280, 9000);
	n->tcp.timestamps = !one_in(d, 3);
	n->tcp.sack = !one_in(d, 3);
	n->tcp.window_scaling = !one_in(d, 3);
	n->tcp.nodelay = one_in(d, 3);
	n->tcp.delack_ms = (uint16_t)PICK(d, 0, 40, 40, 200);
	n->tcp.initial_cwnd = (uint16_t)PICK(d, 1, 2, 10, 10, 40);
	n->tcp.rcvbuf = PICK(d, 1000, 3000, 16384, 65535, 262144, 1048576);
	n->tcp.sndbuf = PICK(d, 1000, 3000, 16384, 65535, 262144, 1048576);
	if (w->busy) { /* more in flight than an engine's own queue holds */
		n->tcp.initial_cwnd = (uint16_t)PICK(d, 10, 1000);
		n->tcp.rcvbuf = n->tcp.sndbuf = PICK(d, 65535, 1048576, 1048576);
	}
	n->tcp.mss = (uint16_t)(one_in(d, 8) ? between(d, 200, 1400) : 0);
	/* Losses must not end connections that a patient TCP would bring through. */
	n->tcp.syn_retries = n->tcp.synack_retries = 15;
	n->tcp.retries2 = n->tcp.orphan_retries = 40;
	n->tcp.rto_max_ms = 8000;
	/* Who has been reset without hearing of it finds out by asking. */
	n->tcp.keepalive = w->aborts || w->starve;
	n->tcp.keepalive_time_ms = 20000;
	n->tcp.keepalive_intvl_ms = 2000;
	n->tcp.keepalive_probes = 30;
}

static void draw_link(struct dice *d, struct link_plan *l, const struct plan_wishes *w)
{
	uint32_t delay_us = any_size(d, 40000);

	l->ring_size = PICK(d, 64, 256, 1024);
	for (int i = 0; i < 2; i++)
		l->fault[i] = (struct conf_fault){.enabled = true,
						  .seed = roll(d),
						  .drop_ppm = w->drop_ppm,
						  .duplicate_ppm = w->duplicate_ppm,
						  .reorder_ppm = w->reorder_ppm,
						  .corrupt_ppm = w->corrupt_ppm,
						  .delay_us = 50 + delay_us,
						  .reorder_us = 1 + any_size(d, 20000)};
}

static void draw_side(struct dice *d, struct side_plan *s, bool busy)
{
	s->total = one_in(d, 4) ? between(d, 0, one_in(d, busy ? 2 : 8) ? 2000000 : 200000)
				: any_size(d, 100000);
	s->chunk = 1 + any_size(d, 20000);
	if (one_in(d, 4)) {
		s->pace_us = 1 + any_size(d, 50000);
		s->total = MIN(s->total, 60 * s->chunk);
	}
	if (one_in(d, 4)) {
		s->pause_at = any_size(d, 100000);
		s->pause_us = any_size(d, 5000000);
	}
	s->close = (enum flow_close)between(d, CLOSE_SHUTDOWN, CLOSE_AT_ONCE);
	s->by_copy = one_in(d, 2);
}

/* Tiny buffers make long transfers last for hours. */
static uint32_t most_bytes(const struct plan *p)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < p->nb_nodes; i++)
		least = MIN(least, MIN(p->nodes[i].tcp.rcvbuf, p->nodes[i].tcp.sndbuf));
	return least < 10000 ? 50000 : UINT32_MAX;
}

static void draw_flow(struct dice *d, struct flow_plan *f, const struct plan *p)
{
	struct side_plan *client = &f->side[0], *server = &f->side[1];

	f->kind =
	    (enum flow_kind)between(d, FLOW_STREAM, p->wishes.proxy ? FLOW_ECHO : FLOW_DISCARD);
	f->family = one_in(d, 2) ? IP_V4 : IP_V6;
	f->start_us = any_size(d, 3000000);
	draw_side(d, client, p->wishes.busy);
	draw_side(d, server, p->wishes.busy);
	client->total = MAX(MIN(client->total, most_bytes(p)), (uint32_t)HEADER);
	server->total = MIN(server->total, most_bytes(p));
	if (f->kind != FLOW_STREAM) {
		/* These services close when the client does. */
		client->close = CLOSE_SHUTDOWN;
		server->total = f->kind == FLOW_ECHO ? client->total : 0;
	} else if (client->close == CLOSE_AFTER_EOF && server->close == CLOSE_AFTER_EOF) {
		client->close = CLOSE_SHUTDOWN; /* or each would wait for the other */
	}
	if (p->wishes.aborts && one_in(d, 3)) {
		struct side_plan *s = &f->side[f->kind == FLOW_STREAM ? between(d, 0, 1) : 0];

		s->abort_at = 1 + any_size(d, client->total + server->total);
	}
}

static void draw_droughts(struct dice *d, struct plan *p)
{
	uint32_t at = 0;

	p->nb_droughts = between(d, 1, PLAN_DROUGHTS);
	for (uint32_t i = 0; i < p->nb_droughts; i++) {
		at += any_size(d, 1000000);
		p->droughts[i].begin_us = at;
		at += 1 + any_size(d, 300000); /* a next hop counts as dead after 600 ms */
		p->droughts[i].end_us = at;
	}
}

void plan_make(struct plan *p, uint64_t seed, const struct plan_wishes *wishes)
{
	struct dice d = {seed * 0x2545f4914f6cdd1dull + 1};

	*p = (struct plan){.seed = seed, .wishes = *wishes, .nb_nodes = wishes->proxy ? 3 : 2};
	/* Some begin a few seconds before the millisecond clock wraps. */
	p->start = one_in(&d, 8) ? ((usec_t)1 << 32) * 1000 - between(&d, 1, 10000000)
				 : 1000000 + roll(&d) % 1000000000;
	for (uint32_t i = 0; i < p->nb_nodes; i++)
		draw_node(&d, &p->nodes[i], wishes);
	for (uint32_t i = 0; i + 1 < p->nb_nodes; i++)
		draw_link(&d, &p->links[i], wishes);
	if (wishes->starve)
		draw_droughts(&d, p);
	p->nb_flows = between(&d, 1, one_in(&d, 4) ? PLAN_FLOWS : 8);
	for (uint32_t i = 0; i < p->nb_flows; i++) {
		draw_flow(&d, &p->flows[i], p);
		p->flows[i].lport = (uint16_t)(FIRST_PORT + (one_in(&d, 4) ? 0 : i));
	}
}
