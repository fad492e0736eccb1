/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/service/proxy.h"

size_t proxy_bytes(const struct conf *conf)
{
	size_t bytes = sizeof(struct pool_state) * conf->nb_pools;

	for (uint16_t p = 0; p < conf->nb_pools; p++) {
		const struct conf_pool *pool = &conf->pools[p];

		bytes += sizeof(struct backend_state) * pool->nb_backends;
		for (uint16_t b = 0; b < pool->nb_backends; b++)
			bytes += sizeof(struct srcport_map) * srcport_nb_maps(conf, pool, b);
	}
	return bytes;
}

static void join_maps(struct backend_state *known, struct backend_state *new)
{
	for (uint32_t i = 0; i < new->nb_maps; i++)
		for (uint32_t k = 0; k < known->nb_maps; k++)
			if (known->maps[k].local == new->maps[i].local)
				srcport_join(&known->maps[k], &new->maps[i]);
}

/* With the pools before this one that have the same backend. */
static void join_pools(struct shard *sh, uint16_t p, uint16_t b)
{
	const struct conf_backend *backend = &sh->conf->pools[p].backends[b];

	for (uint16_t q = 0; q < p; q++) {
		const struct conf_pool *pool = &sh->conf->pools[q];

		for (uint16_t c = 0; c < pool->nb_backends; c++) {
			const struct conf_backend *known = &pool->backends[c];

			if (known->port_be == backend->port_be &&
			    ipaddr_equal(&known->addr, &backend->addr))
				join_maps(&sh->pools[q].backends[c], &sh->pools[p].backends[b]);
		}
	}
}

void proxy_init(struct shard *sh, void *mem)
{
	const struct conf *conf = sh->conf;
	struct backend_state *bs;
	struct srcport_map *maps;
	uint32_t backends = 0;

	for (uint16_t p = 0; p < conf->nb_pools; p++)
		backends += conf->pools[p].nb_backends;
	sh->pools = mem;
	bs = (void *)(sh->pools + conf->nb_pools);
	maps = (void *)(bs + backends);
	for (uint16_t p = 0; p < conf->nb_pools; p++) {
		const struct conf_pool *pool = &conf->pools[p];

		sh->pools[p].backends = bs;
		if (pool->max_connections)
			sh->pools[p].max_sessions = MAX(pool->max_connections / sh->nb_shards, 1u);
		/* Shards begin at different backends, so that few clients on many
		 * workers are spread as well. */
		sh->pools[p].next = sh->id % pool->nb_backends;
		for (uint16_t b = 0; b < pool->nb_backends; b++, bs++) {
			bs->maps = maps;
			bs->nb_maps = srcport_nb_maps(conf, pool, b);
			srcport_init(sh, maps, pool, b);
			maps += bs->nb_maps;
			join_pools(sh, p, b);
		}
	}
}

void proxy_port_put(struct shard *sh, uint16_t pool, uint16_t backend, uint16_t local,
		    uint16_t lport_be)
{
	struct backend_state *bs = &sh->pools[pool].backends[backend];

	srcport_put(sh, bs->maps, bs->nb_maps, local, lport_be);
}

static struct session *session_at(const struct shard *sh, uint32_t index)
{
	return pool_at(&sh->sessions, index);
}

static struct session *session_of(const struct shard *sh, const struct conn *c)
{
	return session_at(sh, c->svc_data);
}

static struct conn *conn_at(const struct shard *sh, uint32_t index)
{
	return index ? shard_conn(sh, index) : NULL;
}

static bool pool_full(const struct pool_state *ps)
{
	return ps->max_sessions && ps->sessions >= ps->max_sessions;
}

static void accept_clients(struct shard *sh, uint16_t listener);

/* A slot is free again: clients that wait in accept queues get it, those of one listener after
 * those of another. */
static void wake_listeners(struct shard *sh, uint16_t pool)
{
	struct pool_state *ps = &sh->pools[pool];
	uint16_t nb = sh->conf->nb_listeners, first = ps->next_listener;

	ps->waiting = false;
	for (uint16_t i = 0; i < nb; i++) {
		uint16_t l = (uint16_t)((first + i) % nb);

		if (sh->conf->listeners[l].service == CONF_SERVICE_PROXY &&
		    sh->conf->listeners[l].pool == pool)
			accept_clients(sh, l);
	}
}

/* What was lacking is all pools': they get it one after another as well. */
static void wake_pools(struct shard *sh)
{
	uint16_t nb = sh->conf->nb_pools, first = sh->next_pool;

	sh->sessions_short = false;
	for (uint16_t i = 0; i < nb; i++) {
		uint16_t p = (uint16_t)((first + i) % nb);

		if (sh->pools[p].waiting)
			wake_listeners(sh, p);
	}
}

/* Ends the pair once neither side has a connection left. */
static void session_end(struct shard *sh, struct session *s)
{
	uint16_t pool = s->pool;

	if (s->client || s->backend)
		return;
	pool_put(&sh->sessions, pool_index(&sh->sessions, s));
	sh->pools[pool].sessions--;
	if (unlikely(sh->sessions_short))
		wake_pools(sh);
	else if (sh->pools[pool].waiting)
		wake_listeners(sh, pool);
}

/* Forgets the backend's connection, which is gone or about to be. */
static void backend_gone(struct shard *sh, struct session *s)
{
	sh->pools[s->pool].backends[s->backend_id].active--;
	s->backend = 0;
}

/* MUST-44: from one of the pool's addresses, a port that hashes to this worker. */
static struct conn *connect_backend(struct shard *sh, struct session *s, uint16_t b)
{
	const struct conf_backend *backend = &sh->conf->pools[s->pool].backends[b];
	struct backend_state *bs = &sh->pools[s->pool].backends[b];
	uint16_t local, port_be;
	struct conn *c;

	if (!srcport_take(bs->maps, bs->nb_maps, &bs->turn, &local, &port_be)) {
		stat_inc(sh, STAT_proxy_no_port);
		return NULL;
	}
	c = tcp_connect(sh, (uint16_t)(sh->conf->nb_listeners + s->pool), b, local, port_be,
			&backend->addr, backend->port_be);
	if (!c) {
		srcport_put(sh, bs->maps, bs->nb_maps, local, port_be);
		return NULL;
	}
	bs->active++;
	bs->total++;
	s->backend = conn_index(sh, c);
	c->svc_data = pool_index(&sh->sessions, s);
	tcp_ask_mss(sh, c, shard_conn(sh, s->client)->mss);
	return c;
}

/* Each session goes round from where it began, whatever others do meanwhile. */
static uint16_t backend_to_try(struct shard *sh, const struct session *s)
{
	uint16_t nb = sh->conf->pools[s->pool].nb_backends;

	return s->tried ? (uint16_t)((s->backend_id + 1) % nb)
			: (uint16_t)(sh->pools[s->pool].next++ % nb);
}

/* Tries backends in turn until one can be connected to; false: none can. */
static bool try_backends(struct shard *sh, struct session *s)
{
	while (s->tried < sh->conf->pools[s->pool].nb_backends) {
		s->backend_id = backend_to_try(sh, s);
		if (s->tried++)
			stat_inc(sh, STAT_proxy_retries);
		if (connect_backend(sh, s, s->backend_id))
			return true;
	}
	return false;
}

static void next_backend(struct shard *sh, struct session *s)
{
	struct conn *client = conn_at(sh, s->client);

	if (client && try_backends(sh, s))
		return;
	if (client) {
		stat_inc(sh, STAT_proxy_no_backend);
		s->client = 0;
		tcp_abort(sh, client);
	}
	session_end(sh, s);
}

static void accept_clients(struct shard *sh, uint16_t listener)
{
	uint16_t pool = sh->conf->listeners[listener].pool;
	struct pool_state *ps = &sh->pools[pool];

	for (;;) {
		struct session *s;
		struct conn *c;
		uint32_t i;

		/* No slot: the client stays in the accept queue, where operators
		 * see it and the backlog limits it. */
		i = pool_full(ps) ? POOL_NIL : pool_get(&sh->sessions);
		if (i == POOL_NIL) {
			ps->waiting = true;
			sh->sessions_short |= !pool_full(ps);
			return;
		}
		c = tcp_accept(sh, listener);
		if (!c) {
			pool_put(&sh->sessions, i);
			return;
		}
		s = session_at(sh, i);
		*s = (struct session){.client = conn_index(sh, c), .pool = pool};
		c->svc_data = i;
		ps->sessions++;
		ps->next_listener = (uint16_t)(listener + 1);
		sh->next_pool = (uint16_t)(pool + 1);
		stat_inc(sh, STAT_proxy_sessions);
		next_backend(sh, s);
	}
}

/* Moves what `to` takes of what `from` has received, and where its urgent data ends. */
static void move(struct shard *sh, struct conn *from, struct conn *to)
{
	uint32_t urgent = tcp_urgent_left(sh, from);
	struct buf *b;

	if (unlikely(urgent))
		tcp_set_urgent(sh, to, urgent);
	while (tcp_writable(sh, to) && (b = tcp_read(sh, from)))
		if (!tcp_write(sh, to, b))
			break;
}

static void client_readable(struct shard *sh, struct conn *c)
{
	const struct session *s = session_of(sh, c);

	if (s->connected && s->backend)
		move(sh, c, conn_at(sh, s->backend));
}

static void backend_readable(struct shard *sh, struct conn *c)
{
	const struct session *s = session_of(sh, c);

	if (s->client)
		move(sh, c, conn_at(sh, s->client));
}

static void client_eof(struct shard *sh, struct conn *c)
{
	const struct session *s = session_of(sh, c);

	/* Before the backend is connected tcp_shutdown() notes it for later. */
	if (s->backend)
		tcp_shutdown(sh, conn_at(sh, s->backend));
}

static void backend_eof(struct shard *sh, struct conn *c)
{
	const struct session *s = session_of(sh, c);

	if (s->client)
		tcp_shutdown(sh, conn_at(sh, s->client));
}

static void backend_connected(struct shard *sh, struct conn *c)
{
	struct session *s = session_of(sh, c);
	struct conn *client = conn_at(sh, s->client);

	s->connected = true;
	if (!client)
		return;
	move(sh, client, c);
	if (tcp_eof(client) && tcp_readable(sh, client) == 0)
		tcp_shutdown(sh, c);
}

static void client_closed(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	struct session *s = session_of(sh, c);
	struct conn *backend = conn_at(sh, s->backend);

	s->client = 0;
	/* An orderly end has been carried across by eof; a RST goes as a RST. */
	if (backend && (reason != TCP_CLOSE_DONE || !s->connected)) {
		backend_gone(sh, s);
		tcp_abort(sh, backend);
	}
	session_end(sh, s);
}

static void backend_closed(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	struct session *s = session_of(sh, c);
	struct conn *client = conn_at(sh, s->client);

	if (!s->connected) {
		sh->pools[s->pool].backends[s->backend_id].failed++;
		stat_inc(sh, STAT_proxy_connect_failed);
		backend_gone(sh, s);
		next_backend(sh, s);
		return;
	}
	backend_gone(sh, s);
	if (client && reason != TCP_CLOSE_DONE) {
		s->client = 0;
		tcp_abort(sh, client);
	}
	session_end(sh, s);
}

static void client_writable(struct shard *sh, struct conn *c)
{
	const struct session *s = session_of(sh, c);

	if (s->backend && s->connected)
		move(sh, conn_at(sh, s->backend), c);
}

static void backend_writable(struct shard *sh, struct conn *c)
{
	const struct session *s = session_of(sh, c);

	if (s->client)
		move(sh, conn_at(sh, s->client), c);
}

const struct service proxy_client_service = {
    .name = "proxy",
    .relays = true,
    .acceptable = accept_clients,
    .urgent = client_readable,
    .readable = client_readable,
    .eof = client_eof,
    .writable = client_writable,
    .closed = client_closed,
};

const struct service proxy_backend_service = {
    .name = "proxy-backend",
    .relays = true,
    .connected = backend_connected,
    .urgent = backend_readable,
    .readable = backend_readable,
    .eof = backend_eof,
    .writable = backend_writable,
    .closed = backend_closed,
};
