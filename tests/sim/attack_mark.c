/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom the attacker aims at, and what he knows. See attack.h. */
#include <arpa/inet.h>

#include "engine/table/tuple.h"
#include "tests/sim/attack.h"
#include "tests/sim/world.h"

#define TRIES         16
#define STRANGE_PORT  50000 /* of peers' tuples that no flow has */
#define STRANGE_PORTS 24
#define SLOW_PPM      10000 /* with more loss a neighbour may be silent for long */

static void set_tuple(struct attack_mark *m, const struct shard *sh, const struct tuple *t)
{
	m->us = sh->conf->addrs[tuple_local(t)].addr;
	m->them = tuple_ipaddr(sh, t);
	m->lport = ntohs(t->lport_be);
	m->rport = ntohs(t->rport_be);
	m->port = sh->conf->ifaces[sh->conf->addrs[tuple_local(t)].iface].port;
}

static bool aim_at_conn(struct attack_mark *m, const struct shard *sh, struct dice *d)
{
	for (uint32_t i = 0; i < TRIES && sh->conns.fresh > 1; i++) {
		const struct conn *c = shard_conn(sh, dice_between(d, 1, sh->conns.fresh - 1));

		if (c->tuple.local == TUPLE_FREE || c->state == TCP_CLOSED)
			continue;
		set_tuple(m, sh, &c->tuple);
		m->opening = c->state < TCP_ESTABLISHED;
		m->rcv_nxt = c->rcv_nxt;
		m->window = c->rcv_adv - c->rcv_nxt;
		m->snd_una = c->snd_una;
		m->flight = c->snd_nxt - c->snd_una;
		m->ts_recent = c->ts_recent;
		return true;
	}
	return false;
}

static bool aim_at_half(struct attack_mark *m, const struct shard *sh, struct dice *d)
{
	for (uint32_t i = 0; i < TRIES && sh->halves.fresh > 1; i++) {
		const struct half *h = shard_half(sh, dice_between(d, 1, sh->halves.fresh - 1));

		if (h->tuple.local == TUPLE_FREE)
			continue;
		set_tuple(m, sh, &h->tuple);
		m->opening = true;
		m->rcv_nxt = h->irs + 1;
		m->window = UINT16_MAX;
		m->snd_una = h->iss;
		m->flight = 1;
		m->ts_recent = h->ts_recent;
		return true;
	}
	return false;
}

/* Not what a spent SYN cookie leaves: any SYN ends that. */
static bool is_in_time_wait(const struct shard *sh, uint32_t index)
{
	const struct tw_chunk *c = tw_chunk_of(&sh->time_waits, index);

	return index % TW_CHUNK < c->nb && c->line != sh->spent_line &&
	       tw_at(&sh->time_waits, index)->used;
}

static bool aim_at_time_wait(struct attack_mark *m, const struct shard *sh, struct dice *d)
{
	uint32_t end = tw_index_end(&sh->time_waits);

	for (uint32_t i = 0; i < TRIES && sh->time_waits.used; i++) {
		uint32_t index = dice_between(d, 0, end - 1);
		const struct time_wait *tw = tw_at(&sh->time_waits, index);
		struct tuple t;

		if (!is_in_time_wait(sh, index))
			continue;
		t = tuple_of_time_wait(sh, tw);
		set_tuple(m, sh, &t);
		m->rcv_nxt = tw->rcv_nxt;
		m->window = UINT16_MAX;
		m->snd_una = tw->snd_nxt;
		m->ts_recent = tw->ts_recent;
		return true;
	}
	return false;
}

/* A peer that is not there, or has a true peer's address, at a port that is open or not. */
static void aim_at_nobody(struct attack_mark *m, const struct shard *sh, struct dice *d)
{
	const struct conf *conf = sh->conf;
	const struct conf_addr *a = &conf->addrs[dice_between(d, 0, conf->nb_addrs - 1u)];

	m->us = a->addr;
	m->port = conf->ifaces[a->iface].port;
	m->them = testconf_ip(a->addr.family == IP_V4 ? "203.0.113.0" : "2001:db8:99::");
	if (dice_one_in(d, 2)) /* the other end of the link is .1 or .2 */
		m->them = a->addr;
	m->them.bytes[a->addr.family == IP_V4 ? 3 : 15] ^= 3;
	m->rport = (uint16_t)(STRANGE_PORT + dice_between(d, 0, STRANGE_PORTS - 1));
	m->lport = (uint16_t)DICE_PICK(d, 7, 9, 100, 100, 1, 0, 10000, 65535);
	if (dice_one_in(d, 20)) { /* land */
		m->them = m->us;
		m->rport = m->lport;
	}
	m->rcv_nxt = (uint32_t)dice_roll(d);
	m->snd_una = (uint32_t)dice_roll(d);
	m->window = UINT16_MAX;
}

/* Claims are contested where the neighbour's answer is neither lost nor late. */
static bool may_poison(const struct world *w)
{
	const struct plan_wishes *wishes = &w->plan->wishes;

	return wishes->drop_ppm <= SLOW_PPM && !wishes->narrow && !wishes->busy && !wishes->starve;
}

void attack_aim(const struct world *w, uint32_t i, struct dice *d, struct attack_mark *m)
{
	static bool (*const aims[])(struct attack_mark *, const struct shard *, struct dice *) = {
	    [ATTACK_CONN] = aim_at_conn,
	    [ATTACK_HALF] = aim_at_half,
	    [ATTACK_TIME_WAIT] = aim_at_time_wait,
	};
	const struct shard *sh = w->nodes[i].rigs[dice_between(d, 0, w->nb_shards - 1)].sh;
	uint32_t neighbour;

	*m = (struct attack_mark){
	    .aim = (enum attack_aim)DICE_PICK(d, ATTACK_CONN, ATTACK_CONN, ATTACK_CONN, ATTACK_HALF,
					      ATTACK_TIME_WAIT, ATTACK_NOBODY)};
	if (m->aim == ATTACK_NOBODY || !aims[m->aim](m, sh, d)) {
		m->aim = ATTACK_NOBODY;
		aim_at_nobody(m, sh, d);
	}
	m->poison = may_poison(w);
	neighbour = i == 0 || m->port == 1 ? i + 1 : i - 1;
	rig_mac(m->mac, (uint8_t)(i + 1), m->port);
	rig_mac(m->neighbour, (uint8_t)(neighbour + 1), neighbour == 1 && i == 2);
}
