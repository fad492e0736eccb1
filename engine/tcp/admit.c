/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may connect to a listener: whom its prefix lists admit, and whose source has not reached its
 * limits (table/source_table.h).
 *
 * Both are asked when a SYN comes, also one for a tuple in TIME_WAIT. What lists say is asked
 * again when a cookie comes back, which may have been sent before they changed; a handshake that
 * has an entry is completed. Sources are counted when a handshake is complete, and limits asked
 * again then, since any number of SYNs may have been answered meanwhile. What completes a
 * handshake and is refused gets a reset, whatever `refuse` says: its sender believes to be
 * connected. A connection counts until it is freed or in TIME_WAIT; none is ended for a limit.
 */
#include "engine/table/listen_table.h"
#include "engine/table/prefix_table.h"
#include "engine/tcp/internal.h"

static bool has_guard(const struct shard *sh, uint16_t listener)
{
	return sh->listeners[listener].prefixes ||
	       conf_limits_sources(&sh->conf->listeners[listener]);
}

void shard_set_prefixes(struct shard *sh, const struct prefix_set *set)
{
	INVARIANT(set->nb_listeners == sh->conf->nb_listeners);
	for (uint16_t i = 0; i < set->nb_listeners; i++) {
		sh->listeners[i].prefixes = set->of_listener[i];
		sh->listeners[i].guarded = has_guard(sh, i);
	}
}

size_t admit_bytes(const struct conf *conf)
{
	uint32_t n = conf_sources(conf);

	return n ? ALIGN_UP(sizeof(struct source_guard), (size_t)CACHE_LINE) + source_table_bytes(n)
		 : 0;
}

void admit_init(struct shard *sh, uint8_t *mem)
{
	uint32_t n = conf_sources(sh->conf);

	for (uint16_t i = 0; i < sh->conf->nb_listeners; i++)
		sh->listeners[i].guarded = has_guard(sh, i);
	if (n == 0)
		return;
	sh->sources = (void *)mem;
	source_table_init(&sh->sources->table,
			  mem + ALIGN_UP(sizeof(struct source_guard), (size_t)CACHE_LINE), n);
	shard_share_sources(&sh, 1);
}

void shard_share_sources(struct shard *const *shards, uint16_t n)
{
	for (uint16_t i = 0; i < n && shards[i]->sources; i++) {
		struct source_guard *g = shards[i]->sources;

		g->nb = n;
		for (uint16_t k = 0; k < n; k++)
			g->all[k] = &shards[k]->sources->table;
	}
}

/* ---- prefix lists ---- */

static bool is_listed(struct shard *sh, const struct seg *s, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];

	if (!l->prefixes || likely(!prefix_table_refuses(l->prefixes, s->family, s->src)))
		return false;
	l->prefix_refused++;
	stat_inc(sh, STAT_prefix_refused);
	return true;
}

/* ---- limits for each source ---- */

static struct source_id source_of(const struct shard *sh, uint16_t listener, uint8_t family,
				  const uint8_t *addr)
{
	const struct conf_listener *l = &sh->conf->listeners[listener];
	uint8_t len = family == IP_V4 ? l->source_prefix_v4 : l->source_prefix_v6;
	struct source_id id = {.listener = l->group, .family = family, .prefix_len = len};
	uint64_t w[6] = {0};

	memcpy(id.addr, addr, len / 8);
	if (len % 8)
		id.addr[len / 8] = addr[len / 8] & (uint8_t)(0xff00 >> len % 8);
	memcpy(w, id.addr, sizeof(id.addr));
	w[2] = (uint64_t)id.listener << 16 | (uint64_t)family << 8 | len;
	/* Six words, as no tuple has: keys of tuples and of sources have nothing in common. */
	id.key = sh->prf->place(&sh->table_key, w, 6);
	id.key += id.key == 0;
	return id;
}

static struct source_count count_all(const struct shard *sh, uint64_t key)
{
	const struct source_guard *g = sh->sources;
	struct source_count n = {0};

	for (uint16_t i = 0; i < g->nb; i++)
		source_table_prefetch(g->all[i], key);
	for (uint16_t i = 0; i < g->nb; i++)
		source_table_add(g->all[i], key, sh->now_us, &n);
	return n;
}

/* Whether a source with this many connections, the one at hand included, is within its limits;
 * else it is counted as refused. */
static bool within_limits(struct shard *sh, uint16_t listener, uint64_t key,
			  const struct source_count *n)
{
	const struct conf_listener *cl = &sh->conf->listeners[listener];
	uint32_t most = cl->max_connections_per_source, rate = cl->max_rate_per_source;
	struct listener_state *l = &sh->listeners[listener];

	if (most && n->connections > most) {
		l->source_limit_refused++;
		stat_inc(sh, STAT_source_limit_refused);
	} else if (rate && n->recent_milli > (uint64_t)rate * 1000) {
		l->source_rate_refused++;
		stat_inc(sh, STAT_source_rate_refused);
	} else {
		return true;
	}
	source_table_refused(&sh->sources->table, key);
	return false;
}

static bool has_room(struct shard *sh, const struct seg *s, uint16_t listener)
{
	struct source_count n;
	uint64_t key;

	if (!conf_limits_sources(&sh->conf->listeners[listener]))
		return true;
	key = source_of(sh, listener, s->family, s->src).key;
	n = count_all(sh, key);
	n.connections++;
	n.recent_milli += 1000;
	return within_limits(sh, listener, key, &n);
}

bool admit_handshake(struct shard *sh, struct seg *s, uint16_t listener, enum source_place *place)
{
	struct source_count n;
	struct source_id id;

	*place = SOURCE_NOWHERE;
	if (!conf_limits_sources(&sh->conf->listeners[listener]))
		return true;
	id = source_of(sh, listener, s->family, s->src);
	*place = source_table_enter(&sh->sources->table, &id, sh->now_us);
	n = count_all(sh, id.key);
	if (likely(within_limits(sh, listener, id.key, &n))) {
		stat_add(sh, STAT_sources_crowded, *place == SOURCE_SKETCH);
		return true;
	}
	source_table_undo(&sh->sources->table, id.key, *place, sh->now_us);
	tcp_reset_reply(sh, s);
	return false;
}

void admit_failed(struct shard *sh, const struct seg *s, uint16_t listener, enum source_place place)
{
	struct source_id id;

	if (place == SOURCE_NOWHERE)
		return;
	id = source_of(sh, listener, s->family, s->src);
	source_table_undo(&sh->sources->table, id.key, place, sh->now_us);
}

void admit_leave(struct shard *sh, struct conn *c)
{
	struct conn_cold *k = conn_cold(c);
	struct ipaddr a = tuple_ipaddr(sh, &c->tuple);
	struct source_id id = source_of(sh, conn_profile(sh, c)->listener, a.family, a.bytes);

	source_table_leave(&sh->sources->table, id.key, k->source);
	k->source = SOURCE_NOWHERE;
}

/* ---- both ---- */

bool admit_syn(struct shard *sh, struct seg *s, uint16_t listener)
{
	if (!is_listed(sh, s, listener) && has_room(sh, s, listener))
		return true;
	tcp_refuse_syn(sh, s, listener);
	return false;
}

bool admit_syn_to_time_wait(struct shard *sh, struct seg *s)
{
	uint16_t listener = listen_table_find(sh, s->family, s->local, s->dport_be);

	return listener == CONF_NONE || likely(!sh->listeners[listener].guarded) ||
	       admit_syn(sh, s, listener);
}

bool admit_cookie(struct shard *sh, struct seg *s, uint16_t listener, enum source_place *place)
{
	if (is_listed(sh, s, listener)) {
		tcp_reset_reply(sh, s);
		return false;
	}
	return admit_handshake(sh, s, listener, place);
}
