/* SPDX-License-Identifier: BSD-3-Clause */
/* Drawing a plan from a seed. See plan.h. */
#include "tests/sim/plan.h"
#include "tests/lib/testconf.h"

#define FIRST_PORT 2000
#define HEADER     8 /* bytes of a stream that name the flow, see peer.h */
#define LOSSY_PPM  50000
#define HOUR_US    3600000000ull

static void draw_tcp(struct dice *d, struct conf_tcp *tcp, const struct plan_wishes *w)
{
	struct testconf tc;

	testconf_init(&tc);
	*tcp = tc.conf.tcp;
	tcp->timestamps = !dice_one_in(d, 3);
	tcp->sack = !dice_one_in(d, 3);
	tcp->window_scaling = !dice_one_in(d, 3);
	tcp->nodelay = dice_one_in(d, 3);
	tcp->pacing = dice_one_in(d, 4);
	tcp->frto = !dice_one_in(d, 4);
	tcp->synack_jitter = dice_one_in(d, 4);
	tcp->pmtu_discovery = !dice_one_in(d, 4);
	tcp->syncookies = (enum conf_syncookies)dice_between(d, CONF_SYNCOOKIES_NEVER,
							     CONF_SYNCOOKIES_ALWAYS);
	tcp->ecn = (enum conf_ecn)dice_between(d, CONF_ECN_NEVER, CONF_ECN_REQUEST);
	tcp->congestion_control = dice_one_in(d, 3) ? CONF_CC_NEWRENO : CONF_CC_CUBIC;
	tcp->delack_ms = (uint16_t)DICE_PICK(d, 0, 40, 40, 200);
	tcp->quick_acks = (uint8_t)DICE_PICK(d, 0, 7);
	tcp->initial_cwnd = (uint16_t)DICE_PICK(d, 1, 2, 10, 10, 40);
	tcp->rcvbuf = DICE_PICK(d, 1000, 3000, 16384, 65535, 262144, 1048576);
	tcp->sndbuf = DICE_PICK(d, 1000, 3000, 16384, 65535, 262144, 1048576);
	if (w->busy) { /* more in flight than an engine's own queue holds */
		tcp->initial_cwnd = (uint16_t)DICE_PICK(d, 10, 1000);
		tcp->rcvbuf = tcp->sndbuf = DICE_PICK(d, 65535, 1048576, 1048576);
	}
	tcp->mss = (uint16_t)(dice_one_in(d, 8) ? dice_between(d, 200, 1400) : 0);
	/* Losses must not end connections that a patient TCP would bring through. */
	tcp->syn_retries = 40;
	tcp->synack_retries = 15;
	tcp->retries2 = tcp->orphan_retries = 40;
	tcp->rto_max_ms = 8000;
	tcp->fin_timeout_ms = 1800000; /* a slow server behind a proxy is waited for */
	tcp->half_close_timeout_ms = 6 * 3600000; /* longer than any rest on purpose */
	/* Who has been reset without hearing of it finds out by asking. */
	tcp->keepalive = w->aborts || w->starve || w->reboots;
	tcp->keepalive_time_ms = 20000;
	tcp->keepalive_intvl_ms = 2000;
	tcp->keepalive_probes = 30;
}

static void draw_node(struct dice *d, struct node_plan *n, const struct plan_wishes *w, bool client,
		      bool server)
{
	n->alien = (client && w->alien_client) || (server && w->alien_server);
	n->mtu = (uint16_t)DICE_PICK(d, 1500, 1500, 1500, 1400, 1280, 9000);
	draw_tcp(d, &n->tcp, w);
	if (!n->alien)
		return;
	habits_draw(&n->habits, d, n->mtu, w->drop_ppm >= LOSSY_PPM);
	/* A server reads the name of the flow in one piece. */
	if (server)
		n->habits.rcvbuf = MAX(n->habits.rcvbuf, (uint32_t)HEADER);
	if (n->tcp.keepalive)
		n->habits.keepalive_us = 20000000;
}

static void draw_side(struct dice *d, struct side_plan *s, bool busy)
{
	s->total = dice_size(d, 100000);
	if (dice_one_in(d, 4))
		s->total = dice_between(d, 0, dice_one_in(d, busy ? 2 : 8) ? 2000000 : 200000);
	s->chunk = 1 + dice_size(d, 20000);
	s->total = MIN(s->total, 500 * s->chunk); /* each may make a segment */
	if (dice_one_in(d, 4)) {
		s->pace_us = 1 + dice_size(d, 50000);
		s->total = MIN(s->total, 60 * s->chunk);
	}
	if (dice_one_in(d, 4)) {
		s->pause_at = dice_size(d, 100000);
		s->pause_us = dice_size(d, 5000000);
	}
	s->close = (enum flow_close)dice_between(d, CLOSE_SHUTDOWN, CLOSE_AT_ONCE);
	s->by_copy = dice_one_in(d, 2);
	s->urgent_at = dice_one_in(d, 8) ? 1 + dice_size(d, s->total) : 0;
}

/* What passes in one round trip, at most; a second is about what it may take. */
static uint32_t unit_of(const struct plan *p)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < p->nb_nodes; i++) {
		const struct node_plan *n = &p->nodes[i];
		uint32_t segment = MIN(n->habits.segment, 500u);

		if (n->alien)
			least = MIN(least, MIN(segment * n->habits.flight, n->habits.rcvbuf));
		else
			least = MIN(least, MIN(n->tcp.rcvbuf, n->tcp.sndbuf));
	}
	return least;
}

/* And in one frame. */
static uint32_t frame_of(const struct plan *p)
{
	uint32_t least = 1000;

	for (uint32_t i = 0; i < p->nb_nodes; i++) {
		const struct habits *h = &p->nodes[i].habits;

		if (p->nodes[i].alien)
			least = MIN(least, MIN(MIN(h->segment, h->rcvbuf),
					       h->mss ? MAX(h->mss, 64u) : 536u));
	}
	return least;
}

/* Small windows and segments make long transfers last for hours, and cost as much as
 * large ones. */
static uint32_t most_bytes(const struct plan *p)
{
	uint32_t most = UINT32_MAX, unit = unit_of(p), frame = frame_of(p);

	if (unit < 10000)
		most = MIN(unit, 250u) * 200;
	if (frame < 1000)
		most = MIN(most, 400 * frame);
	for (uint32_t i = 0; i + 1 < p->nb_nodes; i++)
		for (int k = 0; k < 2; k++)
			if (p->links[i].hop[k].rate_bps)
				most = MIN(most, p->links[i].hop[k].rate_bps / 8);
	if (p->wishes.drop_ppm > 100000)
		most = MIN(most, 20000u);
	return most;
}

/* A window that stays closed for hours: who does that reads all in the end, so the
 * other side must not give up on it by having closed. */
static void draw_long_rest(struct dice *d, struct flow_plan *f, struct plan *p)
{
	uint32_t rests = dice_between(d, 0, 1);
	struct side_plan *s = &f->side[rests], *other = &f->side[1 - rests];

	if (f->kind != FLOW_STREAM || p->wishes.aborts || p->wishes.starve || p->wishes.reboots)
		return;
	s->pause_at = dice_size(d, other->total);
	s->pause_us = dice_between(d, 1, 12) * (HOUR_US / 4);
	s->close = CLOSE_AFTER_EOF;
	other->close = CLOSE_SHUTDOWN;
	p->longest_us = MAX(p->longest_us, s->pause_us);
}

static void draw_flow(struct dice *d, struct flow_plan *f, struct plan *p)
{
	struct side_plan *client = &f->side[0], *server = &f->side[1];
	bool services = !p->nodes[p->nb_nodes - 1].alien; /* of an engine's own */

	f->kind = (enum flow_kind)dice_between(d, FLOW_STREAM,
					       p->wishes.proxy ? FLOW_ECHO : FLOW_DISCARD);
	if (!services)
		f->kind = FLOW_STREAM;
	f->family = dice_one_in(d, 2) ? IP_V4 : IP_V6;
	f->start_us = dice_size(d, 3000000);
	if (p->wishes.reboots && dice_one_in(d, 2))
		f->start_us = dice_between(d, 0, 20000000);
	f->early = dice_one_in(d, 3);
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
	if (p->wishes.aborts && dice_one_in(d, 3)) {
		struct side_plan *s = &f->side[f->kind == FLOW_STREAM ? dice_between(d, 0, 1) : 0];

		s->abort_at = 1 + dice_size(d, client->total + server->total);
	}
}

static void draw_droughts(struct dice *d, struct plan *p)
{
	uint32_t at = 0;

	p->nb_droughts = dice_between(d, 1, PLAN_DROUGHTS);
	for (uint32_t i = 0; i < p->nb_droughts; i++) {
		at += dice_size(d, 1000000);
		p->droughts[i].begin_us = at;
		at += 1 + dice_size(d, 300000); /* a next hop counts as dead after 600 ms */
		p->droughts[i].end_us = at;
	}
}

static void draw_reboots(struct dice *d, struct plan *p)
{
	usec_t at = 0;

	p->nb_reboots = dice_between(d, 1, PLAN_REBOOTS);
	for (uint32_t i = 0; i < p->nb_reboots; i++) {
		at += dice_size(d, 4000000);
		p->reboots[i].at_us = at;
		p->reboots[i].node = dice_between(d, 0, p->nb_nodes - 1);
	}
}

static void draw_flows(struct dice *d, struct plan *p)
{
	p->nb_flows = dice_between(d, 1, dice_one_in(d, 4) ? PLAN_FLOWS : 8);
	for (uint32_t i = 0; i < p->nb_flows; i++) {
		draw_flow(d, &p->flows[i], p);
		p->flows[i].lport = (uint16_t)(FIRST_PORT + (dice_one_in(d, 4) ? 0 : i));
		if (dice_one_in(d, 40))
			draw_long_rest(d, &p->flows[i], p);
	}
}

/* Hours of rest are not to be filled with questions whether the peer is still there. */
static void draw_out_keepalives(struct plan *p)
{
	for (uint32_t i = 0; i < p->nb_nodes; i++) {
		struct habits *h = &p->nodes[i].habits;

		if (h->keepalive_us)
			h->keepalive_us = MAX(h->keepalive_us, (uint32_t)(p->longest_us / 1000));
	}
}

void plan_make(struct plan *p, uint64_t seed, const struct plan_wishes *wishes)
{
	struct dice d = {seed * 0x2545f4914f6cdd1dull + 1};

	*p = (struct plan){.seed = seed, .wishes = *wishes, .nb_nodes = wishes->proxy ? 3 : 2};
	/* Some begin a few seconds before the millisecond clock wraps. */
	if (dice_one_in(&d, 8))
		p->start = ((usec_t)1 << 32) * 1000 - dice_between(&d, 1, 10000000);
	else
		p->start = 1000000 + dice_roll(&d) % 1000000000;
	for (uint32_t i = 0; i < p->nb_nodes; i++)
		draw_node(&d, &p->nodes[i], wishes, i == 0, i + 1 == p->nb_nodes);
	for (uint32_t i = 0; i + 1 < p->nb_nodes; i++)
		plan_link(&p->links[i], &d, wishes);
	if (wishes->starve)
		draw_droughts(&d, p);
	if (wishes->reboots)
		draw_reboots(&d, p);
	draw_flows(&d, p);
	draw_out_keepalives(p);
}
