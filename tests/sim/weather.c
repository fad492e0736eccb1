/* SPDX-License-Identifier: BSD-3-Clause */
/* What befalls nodes from outside: times without buffers, and reboots. See world.h. */
#include "tests/sim/turn.h"
#include "tests/sim/world.h"

/* Takes every free buffer away, the engines' own small stocks included. */
static void begin_drought(struct world *w)
{
	struct buf *b;

	for (uint32_t i = 0; i < w->nb_nodes * w->nb_shards; i++) {
		struct rig *r = &w->nodes[i / w->nb_shards].rigs[i % w->nb_shards];

		if (!r->sh)
			continue;
		r->buf_ops.free_bulk(r->buf_ops.ctx, r->sh->cache.bufs, r->sh->cache.count);
		r->sh->cache.count = 0;
	}
	while ((b = mem_pool_get(w->pool))) {
		b->next = w->hoard;
		w->hoard = b;
	}
}

void weather_end(struct world *w)
{
	while (w->hoard) {
		struct buf *b = w->hoard;

		w->hoard = b->next;
		mem_pool_put(w->pool, b);
	}
}

/* When buffers vanish or come back next. */
static usec_t next_drought(const struct world *w)
{
	const struct drought *d = &w->plan->droughts[w->drought];

	if (w->drought == w->plan->nb_droughts)
		return PEER_NEVER;
	return w->begin + (w->hoard ? d->end_us : d->begin_us);
}

static usec_t next_reboot(const struct world *w)
{
	if (w->reboot == w->plan->nb_reboots)
		return PEER_NEVER;
	return w->begin + w->plan->reboots[w->reboot].at_us;
}

usec_t weather_next(const struct world *w)
{
	return MIN(next_drought(w), next_reboot(w));
}

static bool reboot(struct world *w, uint32_t node)
{
	peers_strike(&w->peers, node == 0, node + 1 == w->nb_nodes);
	observer_forget(&w->observer, node);
	return world_restart(w, node);
}

bool weather(struct world *w)
{
	while (next_drought(w) <= w->now) {
		if (!w->hoard) {
			begin_drought(w);
			if (w->hoard)
				continue;
		}
		weather_end(w);
		w->drought++;
	}
	while (next_reboot(w) <= w->now)
		if (!reboot(w, w->plan->reboots[w->reboot++].node))
			return false;
	return true;
}
