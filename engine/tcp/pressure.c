/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/tcp/pressure.h"

#define LEAN_RCVBUF   65535 /* what a SYN-ACK has offered at most, and a window never shrinks */
#define LEAN_SNDBUF   16384
#define STALLED_TICKS 5000 /* who takes something is not thought to stand still for a while */
#define SCAN_MAX      256  /* connections looked at in one tick */
#define LOOK_TICKS    8    /* between looks while there is enough: the pool is everybody's */

static uint32_t nb_profiles(const struct shard *sh)
{
	return (uint32_t)sh->conf->nb_listeners + sh->conf->nb_pools;
}

size_t pressure_bytes(const struct conf *conf)
{
	return sizeof(struct conf_tcp) * ((size_t)conf->nb_listeners + conf->nb_pools);
}

/* As many buffers as so many slots of rings are of all that were asked for. */
static uint32_t in_rings(const struct shard *sh, uint64_t slots)
{
	uint64_t total = sh->buf_ops->total;

	slots *= sh->conf->nb_workers;
	return (uint32_t)MIN(total * slots / MAX(sh->conf->memory.buffers, 1u), total);
}

static void set_thresholds(struct shard *sh)
{
	uint32_t total = sh->buf_ops->total, rx = 0, tx = 0, n;
	struct pressure *p = &sh->pressure;

	for (uint16_t i = 0; i < sh->conf->nb_ports; i++) {
		rx += sh->conf->ports[i].rx_ring;
		tx += sh->conf->ports[i].tx_ring;
	}
	/* What connections may come to hold: not what waits in devices for frames. */
	n = MAX(total - in_rings(sh, rx), total / 16);
	p->lean_below = n / 4;
	p->lean_until = n / 8 * 3;
	p->reclaim_below = n / 8;
	/* Devices may keep what they have sent until they send again: all that is gone may be
	 * theirs, and then nobody is to be kept from anything. */
	p->full_below = MIN(n / 16, total - in_rings(sh, (uint64_t)rx + tx));
}

void pressure_init(struct shard *sh, void *mem)
{
	struct pressure *p = &sh->pressure;

	set_thresholds(sh);
	p->cursor = 1;
	p->looked_at = sh->now;
	p->lean_tcp = mem;
	for (uint32_t i = 0; i < nb_profiles(sh); i++) {
		p->lean_tcp[i] = *sh->profiles[i].tcp;
		p->lean_tcp[i].rcvbuf = MIN(p->lean_tcp[i].rcvbuf, (uint32_t)LEAN_RCVBUF);
		p->lean_tcp[i].sndbuf = MIN(p->lean_tcp[i].sndbuf, (uint32_t)LEAN_SNDBUF);
	}
}

static COLD void set_lean(struct shard *sh, bool lean)
{
	struct pressure *p = &sh->pressure;

	p->lean = lean;
	if (lean)
		stat_inc(sh, STAT_memory_pressure);
	for (uint32_t i = 0; i < nb_profiles(sh); i++)
		sh->profiles[i].tcp =
		    lean ? &p->lean_tcp[i] : conf_tcp_of_profile(sh->conf, i);
}

/* Ticks since the peer last took something of what waits for it, in flight or not: a closed window
 * can't even be probed when there is no buffer for it. */
static uint32_t stalled_for(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	if (c->state < TCP_ESTABLISHED || !x || !x->sndq.head)
		return 0;
	/* What waits for something else, as its turn, is not the peer's doing. */
	if (c->snd_nxt == c->snd_una && x->timer != XFER_TIMER_PERSIST)
		return 0;
	return sh->now - x->unacked_since;
}

/* RFC 2018 §8: what was not acknowledged may be forgotten; its sender has it. */
static void forget_early(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);

	if (!x || !x->ooo)
		return;
	stat_add(sh, STAT_early_forgotten, x->ooo_count);
	conn_drop_early(sh, x);
	conn_work(sh, c, 0);
}

/* Its buffers come back first: the RST may need one of them. */
static void reset_stalled(struct shard *sh, struct conn *c)
{
	stat_inc(sh, STAT_stalled_reset);
	tcp_conn_release_bufs(sh, c);
	tcp_reset_conn(sh, c);
	conn_die(sh, c, TCP_CLOSE_ABORTED);
}

static bool transfers_run_short(const struct shard *sh)
{
	return sh->xfer_reserve > 0 && sh->xfers.capacity - sh->xfers.used <= sh->xfer_reserve;
}

static COLD void reclaim(struct shard *sh)
{
	struct pressure *p = &sh->pressure;
	uint32_t n = MIN((uint32_t)SCAN_MAX, sh->conns.fresh - 1), longest = 0;
	struct conn *victim = NULL;

	while (n--) {
		struct conn *c;
		uint32_t stalled;

		if (++p->cursor >= sh->conns.fresh)
			p->cursor = 1;
		c = shard_conn(sh, p->cursor);
		if (c->tuple.local == TUPLE_FREE || c->state == TCP_CLOSED)
			continue;
		forget_early(sh, c);
		if (transfers_run_short(sh))
			conn_xfer_forget(sh, c);
		stalled = stalled_for(sh, c);
		if (stalled > longest) {
			longest = stalled;
			victim = c;
		}
	}
	if (longest >= STALLED_TICKS)
		reset_stalled(sh, victim);
}

bool pressure_next(const struct shard *sh, tick_t *at)
{
	const struct pressure *p = &sh->pressure;

	if (!p->lean && !transfers_run_short(sh))
		return false;
	*at = p->looked_at + LOOK_TICKS;
	return true;
}

void pressure_look(struct shard *sh)
{
	struct pressure *p = &sh->pressure;
	uint32_t left;

	if (sh->now - p->looked_at < (p->lean ? 1 : LOOK_TICKS))
		return;
	p->looked_at = sh->now;
	left = sh->buf_ops->available(sh->buf_ops->ctx) + sh->cache.count;
	if (left < p->lean_below ? !p->lean : p->lean && left >= p->lean_until)
		set_lean(sh, !p->lean);
	p->full = left < p->full_below;
	if (unlikely(left < p->reclaim_below || transfers_run_short(sh)))
		reclaim(sh);
}
