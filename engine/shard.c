/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/shard.h"
#include "engine/base/toeplitz.h"
#include "engine/net/neigh.h"
#include "engine/net/util.h"
#include "engine/service/builtin.h"
#include "engine/service/proxy.h"
#include "engine/table/listen_table.h"
#include "engine/tcp/pressure.h"

/* A suspended machine's clock leaps. It is followed in steps, each one once timers have
 * got to the one before, so that no deadline ever lies 2^31 ticks back. */
#define LEAP_MAX_US (((usec_t)1 << 30) * USEC_PER_TICK)

/* All objects are looked at in so many ticks: half of what lies between the age that one may
 * have then and 2^31. A turn makes up for a few that went by without one. */
#define SWEEP_ROUND_TICKS (((1u << 31) - PAWS_IDLE_TICKS) / 2)
#define SWEEP_TICKS_MAX	  64

/* How the shard's memory is divided; every part starts on a cache line. */
struct layout {
	uint32_t conns, halves, time_waits, tw_lines, xfers, sessions, addr6s, refs;
	size_t conn, table, half, half_wheel, time_wait, xfer, progress, session, addr6;
	size_t profiles, lean, quotas, listeners, listen_table, net, pools, toeplitz, sources, end;
};

static uint32_t part(uint32_t total, uint16_t nb)
{
	return (total + nb - 1) / nb;
}

static uint32_t share(uint32_t total, uint16_t nb)
{
	return MAX(part(total, nb), 16u);
}

static size_t place(size_t *end, size_t bytes)
{
	size_t at = *end;

	*end = ALIGN_UP(at + bytes, CACHE_LINE);
	return at;
}

/* Waits of different lengths, and two for what guards SYN cookies. */
static uint32_t count_tw_lines(const struct conf *conf)
{
	uint32_t n = conf->nb_listeners + conf->nb_pools, count = 2;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t before = 0;

		while (conf_tcp_of_profile(conf, before)->time_wait_ms !=
		       conf_tcp_of_profile(conf, i)->time_wait_ms)
			before++;
		count += before == i;
	}
	return count;
}

static void layout_counts(struct layout *l, const struct conf *conf)
{
	const struct conf_memory *m = &conf->memory;
	uint32_t sessions = m->sessions ? m->sessions : m->connections / 2;

	l->conns = share(m->connections, conf->nb_workers);
	l->halves = share(m->half_open, conf->nb_workers);
	l->time_waits = share(m->time_wait, conf->nb_workers);
	l->tw_lines = count_tw_lines(conf);
	l->xfers = share(m->transfers ? m->transfers : m->connections, conf->nb_workers);
	l->sessions = share(sessions, conf->nb_workers);
	l->refs = l->conns + l->halves + l->time_waits;
	l->addr6s = 16;
	for (uint16_t i = 0; i < conf->nb_addrs; i++)
		if (conf->addrs[i].addr.family == IP_V6)
			l->addr6s = l->refs;
}

static bool has_min_rate(const struct conf *conf)
{
	for (uint16_t i = 0; i < conf->nb_listeners; i++)
		if (conf->listeners[i].min_rate.bytes)
			return true;
	return false;
}

static struct layout layout_of(const struct conf *conf)
{
	struct layout l = {0};

	layout_counts(&l, conf);
	place(&l.end, sizeof(struct shard));
	l.conn = place(&l.end, pool_bytes(l.conns, sizeof(struct conn_pair)));
	l.table = place(&l.end, table_bytes(l.refs));
	l.half = place(&l.end, pool_bytes(l.halves, sizeof(struct half)));
	l.half_wheel = place(&l.end, group_wheel_bytes(l.halves));
	l.time_wait = place(&l.end, tw_lines_bytes(l.time_waits, l.tw_lines));
	l.xfer = place(&l.end, pool_bytes(l.xfers, sizeof(struct xfer)));
	l.progress =
	    place(&l.end, has_min_rate(conf) ? pool_bytes(l.xfers, sizeof(struct progress)) : 0);
	l.session = place(&l.end, pool_bytes(l.sessions, sizeof(struct session)));
	l.addr6 = place(&l.end, pool_bytes(l.addr6s, 16));
	l.profiles = place(&l.end,
			   sizeof(struct profile) * ((size_t)conf->nb_listeners + conf->nb_pools));
	l.lean = place(&l.end, pressure_bytes(conf));
	l.quotas =
	    place(&l.end, sizeof(struct quota) * ((size_t)conf->nb_listeners + conf->nb_pools));
	l.listeners = place(&l.end, sizeof(struct listener_state) * conf->nb_listeners);
	l.listen_table = place(&l.end, sizeof(uint16_t) * listen_table_slots(conf));
	l.net = place(&l.end, net_bytes(conf));
	l.pools = place(&l.end, proxy_bytes(conf));
	l.toeplitz = place(&l.end, conf->nb_workers > 1 ? sizeof(struct toeplitz) : 0);
	l.sources = place(&l.end, admit_bytes(conf));
	return l;
}

size_t shard_bytes(const struct conf *conf)
{
	return layout_of(conf).end;
}

static const struct service *service_of(enum conf_service s)
{
	static const struct service *const services[] = {
	    [CONF_SERVICE_PROXY] = &proxy_client_service,
	    [CONF_SERVICE_HTTP] = &http_service,
	    [CONF_SERVICE_ECHO] = &echo_service,
	    [CONF_SERVICE_DISCARD] = &discard_service,
	};

	return services[s];
}

/* The line of connections that wait for so long. */
static uint16_t tw_line_of(struct shard *sh, uint32_t wait_ms)
{
	for (uint16_t i = 0; i < sh->time_waits.nb_lines; i++)
		if (i != sh->spent_line && sh->time_waits.lines[i].wait == wait_ms)
			return i;
	return tw_add_line(&sh->time_waits, wait_ms);
}

static uint8_t limits_of(const struct conf_tcp *tcp, const struct conf_listener *l)
{
	uint8_t limits = tcp->idle_timeout_ms || tcp->keepalive ? LIMIT_SILENCE : 0;

	if (!l)
		return limits;
	if (l->first_byte_timeout_ms)
		limits |= LIMIT_FIRST_BYTE;
	if (l->min_rate.bytes)
		limits |= LIMIT_MIN_RATE;
	if (l->defer == CONF_DEFER_DATA)
		limits |= LIMIT_DEFER;
	return limits;
}

/* `l` is NULL for a pool's. */
static struct profile profile_of(struct shard *sh, const struct conf_tcp *tcp,
				 const struct service *service, const struct conf_listener *l)
{
	return (struct profile){
	    .tcp = tcp,
	    .service = service,
	    .listener = CONF_NONE,
	    .pool = CONF_NONE,
	    .limits = limits_of(tcp, l) & 15,
	    .tw_line = tw_line_of(sh, tcp->time_wait_ms) & 0x7ff,
	    .wscale = wscale_for(tcp->rcvbuf) & 15,
	    .ordinary = !tcp->pacing && !tcp->user_timeout_ms && tcp->pmtu_discovery,
	};
}

static void init_profiles(struct shard *sh)
{
	const struct conf *conf = sh->conf;

	sh->half_open_share =
	    MAX(sh->halves.capacity / MAX(conf->nb_listeners, (uint16_t)1), 1u);
	if (sh->xfers.capacity < sh->conns.capacity)
		sh->xfer_reserve = MAX(sh->xfers.capacity / 16, 1u);
	sh->spent_line = tw_add_line(&sh->time_waits, cookie_life_ticks(sh));
	sh->cookie_line = tw_line_of(sh, cookie_life_ticks(sh));

	for (uint16_t i = 0; i < conf->nb_listeners; i++) {
		const struct conf_listener *cl = &conf->listeners[i];
		struct profile *p = &sh->profiles[i];

		*p = profile_of(sh, &cl->tcp, service_of(cl->service), cl);
		p->listener = i;
		p->quota = cl->first & 0x7ff;
		if (cl->service == CONF_SERVICE_HTTP)
			p->body = &conf->bodies[cl->http_body];
		sh->listeners[i].backlog = MAX(cl->backlog / sh->nb_shards, 1u);
		sh->listeners[i].max_half_open =
		    cl->tcp.max_syn_backlog ? part(cl->tcp.max_syn_backlog, sh->nb_shards)
					    : sh->halves.capacity;
	}
	for (uint16_t i = 0; i < conf->nb_pools; i++) {
		struct profile *p = &sh->profiles[conf->nb_listeners + i];

		*p = profile_of(sh, &conf->pools[i].tcp, &proxy_backend_service, NULL);
		p->pool = i;
		p->quota = (conf->nb_listeners + i) & 0x7ff;
	}
}

/* A proxied client needs a connection to its pool as well. */
static void init_quotas(struct shard *sh)
{
	const struct conf *conf = sh->conf;
	uint32_t n = (uint32_t)conf->nb_listeners + conf->nb_pools;

	for (uint32_t i = 0; i < n; i++)
		sh->quotas[i].max = UINT32_MAX;
	for (uint16_t i = 0; i < conf->nb_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (l->first != i)
			continue;
		if (l->max_connections)
			sh->quotas[i].max = MAX(l->max_connections / sh->nb_shards, 1u);
		sh->quotas[i].reserve = l->reserve / sh->nb_shards;
		if (l->pool != CONF_NONE)
			sh->quotas[conf->nb_listeners + l->pool].reserve += sh->quotas[i].reserve;
		sh->has_quotas |= l->max_connections || l->reserve;
	}
	for (uint32_t i = 0; i < n; i++)
		sh->reserved += sh->quotas[i].reserve;
	INVARIANT(sh->reserved <= sh->conns.capacity);
}

static void init_pools(struct shard *sh, uint8_t *mem, const struct layout *l)
{
	table_init(&sh->table, mem + l->table, l->refs);
	pool_init(&sh->conns, mem + l->conn, l->conns, sizeof(struct conn_pair));
	pool_init(&sh->halves, mem + l->half, l->halves, sizeof(struct half));
	tw_lines_init(&sh->time_waits, mem + l->time_wait, l->time_waits, l->tw_lines,
		      tcp_time_wait_moved, sh);
	pool_init(&sh->xfers, mem + l->xfer, l->xfers, sizeof(struct xfer));
	sh->progress = has_min_rate(sh->conf) ? (void *)(mem + l->progress) : NULL;
	pool_init(&sh->sessions, mem + l->session, l->sessions, sizeof(struct session));
	pool_init(&sh->addr6s, mem + l->addr6, l->addr6s, 16);
	wheel_init(&sh->conn_wheel, &conn_cold(shard_conn(sh, 0))->timer,
		   sizeof(struct conn_pair), sh->now);
	group_wheel_init(&sh->half_wheel, mem + l->half_wheel, l->halves, sh->now);
}

/* What has to be the same on all machines that share the secret: the keys of cookies, the periods
 * that these are for, the clock of timestamps, and how all of that is computed. */
static void share_cookies(struct shard *sh, const uint8_t *secret, uint64_t wall_offset_us)
{
	struct prf_key key;

	sh->cookie_prf = &prf_portable;
	sh->cookie_clock_ms = wall_offset_us / USEC_PER_TICK;
	sh->cookie_skew_ms = COOKIE_SKEW_MS;
	prf_key_init(&sh->cookie_secret, secret);
	prf_key_init(&key, secret + PRF_SECRET);
	sh->ts_offset = (uint32_t)sh->cookie_clock_ms +
			(uint32_t)prf_portable.mac(&key, (uint64_t[]){0, 0}, 2);
}

static void init_secrets(struct shard *sh, const struct shard_args *args)
{
	const uint8_t *entropy = args->entropy;

	sh->prf = sh->cookie_prf = prf_choose();
	prf_key_init(&sh->table_key, entropy);
	prf_key_init(&sh->isn_key, entropy + 16);
	memcpy(&sh->ts_offset, entropy + 32, sizeof(sh->ts_offset));
	prf_key_init(&sh->cookie_secret, entropy + 48);
	if (args->shared_secret)
		share_cookies(sh, args->shared_secret, args->wall_offset_us);
}

/* RFC 5961 §7: per shard; more would make us an amplifier. */
#define CHALLENGE_ACKS_PER_SEC 1000

/* Far more than neighbours have to say to us; each takes a buffer for every other worker. */
#define SHARED_ANSWERS_PER_SEC 1000

static uint32_t rate_part(const struct shard *sh, uint32_t per_second)
{
	return per_second ? part(per_second, sh->nb_shards) : 0;
}

static void init_budgets(struct shard *sh)
{
	const struct conf_limits *l = &sh->conf->limits;

	budget_init(&sh->challenge_budget, 0, CHALLENGE_ACKS_PER_SEC, sh->now);
	budget_init(&sh->rst_budget, 1, rate_part(sh, l->max_rst_per_second), sh->now);
	budget_init(&sh->icmp_budget, 2, rate_part(sh, l->icmp_msgs_per_sec), sh->now);
	budget_init(&sh->share_budget, 3, SHARED_ANSWERS_PER_SEC, sh->now);
	budget_init(&sh->hop_budget, 4, SHARED_ANSWERS_PER_SEC, sh->now);
	budget_init(&sh->holder_budget, 5, SHARED_ANSWERS_PER_SEC, sh->now);
}

struct shard *shard_init(void *mem, const struct shard_args *args)
{
	struct layout l = layout_of(args->conf);
	uint8_t *base = mem;
	struct shard *sh = mem;

	sh->now_us = args->now;
	sh->now = tick_of(args->now);
	sh->id = args->id;
	sh->nb_shards = args->nb_shards;
	sh->conf = args->conf;
	sh->buf_ops = args->buf_ops;
	sh->work_end = &sh->work_head;
	init_budgets(sh);
	sh->last_local = CONF_NONE; /* of 0.0.0.0, which is never ours */
	sh->max_orphans = share(args->conf->memory.orphans, args->nb_shards);
	init_secrets(sh, args);
	init_pools(sh, base, &l);
	if (sh->nb_shards > 1) {
		struct toeplitz *t = (void *)(base + l.toeplitz);

		toeplitz_init(t);
		sh->toeplitz = t;
	}
	sh->profiles = (void *)(base + l.profiles);
	sh->quotas = (void *)(base + l.quotas);
	sh->listeners = (void *)(base + l.listeners);
	sh->listen_table = (void *)(base + l.listen_table);
	init_profiles(sh);
	init_quotas(sh);
	pressure_init(sh, base + l.lean);
	listen_table_build(sh);
	net_init(&sh->net, base + l.net, args->conf, args->links);
	hops_init(&sh->hops, args->conf, &sh->isn_key.sip);
	proxy_init(sh, base + l.pools);
	admit_init(sh, base + l.sources);
	return sh;
}

/* Ticks have 32 bits: what lies 2^31 back looks like the future. Some objects of each kind are
 * looked at in each tick, so that none that remembers a time gets there: a time that is young
 * enough when it is looked at must still be when its turn comes again. */
static void sweep(struct shard *sh)
{
	uint32_t ticks = MIN(sh->now - sh->swept_at, (uint32_t)SWEEP_TICKS_MAX);

	sh->swept_at = sh->now;
	for (uint32_t n = ticks * (1 + sh->conns.capacity / SWEEP_ROUND_TICKS); n > 0; n--) {
		sh->swept++;
		tcp_sweep(sh, 1 + sh->swept % sh->conns.capacity);
		neigh_sweep(sh, sh->swept % NEIGH_MAX);
		if (sh->conf->nb_listeners)
			backlog_sweep(sh, (uint16_t)(sh->swept % sh->conf->nb_listeners));
	}
}

static void sweep_all(struct shard *sh)
{
	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		tcp_sweep(sh, i);
	for (uint32_t i = 0; i < NEIGH_MAX; i++)
		neigh_sweep(sh, i);
	for (uint16_t i = 0; i < sh->conf->nb_listeners; i++)
		backlog_sweep(sh, i);
}

static bool timers_are_up_to_date(const struct shard *sh)
{
	tick_t at;

	return sh->conn_wheel.now == sh->now && sh->half_wheel.wheel.now == sh->now &&
	       (!tw_next(&sh->time_waits, &at) || tick_before(sh->now, at));
}

void shard_set_time(struct shard *sh, usec_t now)
{
	if (now < sh->now_us)
		return;
	if (unlikely(now - sh->now_us > LEAP_MAX_US)) {
		if (!timers_are_up_to_date(sh))
			return;
		sweep_all(sh);
		now = sh->now_us + LEAP_MAX_US;
	}
	sh->now_us = now;
	sh->now = tick_of(now);
}

uint32_t shard_timers(struct shard *sh, uint32_t budget)
{
	uint32_t done = wheel_run(&sh->conn_wheel, sh->now, budget, tcp_conn_expired, sh);

	done += group_wheel_run(&sh->half_wheel, sh->now, budget - done, tcp_half_expired, sh);
	frag_expire(sh);
	pressure_look(sh);
	sweep(sh);
	done += tw_expire(&sh->time_waits, sh->now, budget - done, tcp_time_wait_over, sh);
	return done;
}

bool shard_next_deadline(struct shard *sh, usec_t *at)
{
	struct wheel *wheels[] = {&sh->conn_wheel, &sh->half_wheel.wheel};
	uint32_t soonest = UINT32_MAX;
	tick_t t;

	for (uint32_t i = 0; i < ARRAY_SIZE(wheels); i++)
		if (wheel_next(wheels[i], &t))
			soonest = MIN(soonest, tick_before(sh->now, t) ? t - sh->now : 0);
	if (tw_next(&sh->time_waits, &t))
		soonest = MIN(soonest, tick_before(sh->now, t) ? t - sh->now : 0);
	if (frag_next(sh, &t))
		soonest = MIN(soonest, tick_before(sh->now, t) ? t - sh->now : 0);
	if (pressure_next(sh, &t))
		soonest = MIN(soonest, tick_before(sh->now, t) ? t - sh->now : 0);
	if (sh->work_head)
		soonest = 0;
	if (soonest == UINT32_MAX)
		return false;
	*at = soonest ? (sh->now_us / USEC_PER_TICK + soonest) * USEC_PER_TICK : sh->now_us;
	return true;
}

struct buf *shard_buf_alloc(struct shard *sh)
{
	struct buf_cache *c = &sh->cache;
	struct buf *b;

	if (c->count == 0) {
		uint32_t want = SHARD_BUF_CACHE / 2;

		/* When the pool runs dry its last bufs are still worth having. */
		while (!sh->buf_ops->alloc_bulk(sh->buf_ops->ctx, c->bufs, want))
			if ((want /= 2) == 0) {
				stat_inc(sh, STAT_drop_no_buffer);
				return NULL;
			}
		c->count = want;
	}
	b = c->bufs[--c->count];
	b->hdr_len = 0; /* its last life may have ended in a port */
	return b;
}

void shard_buf_free(struct shard *sh, struct buf *b)
{
	struct buf_cache *c = &sh->cache;

	if (c->count == SHARD_BUF_CACHE) {
		c->count -= SHARD_BUF_CACHE / 2;
		sh->buf_ops->free_bulk(sh->buf_ops->ctx, c->bufs + c->count, SHARD_BUF_CACHE / 2);
	}
	b->data = b->start + BUF_HEADROOM;
	b->next = NULL;
	b->len = 0;
	b->flags = 0;
	b->hdr_len = 0;
	c->bufs[c->count++] = b;
}

void shard_buf_free_kept(struct shard *sh, struct buf *b)
{
	if (b->flags & BUF_IN_TXQ)
		b->flags &= ~(uint32_t)BUF_KEEP; /* the port frees it when it has left */
	else if (sh->buf_ops->in_port(sh->buf_ops->ctx, b))
		sh->buf_ops->free_bulk(sh->buf_ops->ctx, &b, 1);
	else
		shard_buf_free(sh, b);
}

bool shard_buf_busy(const struct shard *sh, const struct buf *b)
{
	if (b->flags & BUF_IN_TXQ)
		return true;
	return (b->flags & BUF_SENT) && sh->buf_ops->in_port(sh->buf_ops->ctx, b);
}

uint32_t shard_transmit(struct shard *sh, uint16_t port, shard_send_fn send, void *ctx)
{
	struct txq *q = &sh->tx[port];
	uint32_t sent;

	if (!q->count)
		return 0;
	for (uint32_t i = 0; i < q->count; i++)
		q->bufs[i]->flags &= ~(uint32_t)BUF_IN_TXQ;
	sent = send(ctx, q->bufs, q->count);
	q->count -= sent;
	memmove(q->bufs, q->bufs + sent, q->count * sizeof(q->bufs[0]));
	for (uint32_t i = 0; i < q->count; i++)
		q->bufs[i]->flags |= BUF_IN_TXQ;
	return sent;
}

void shard_fini(struct shard *sh)
{
	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		if (shard_conn(sh, i)->tuple.local != TUPLE_FREE)
			tcp_conn_release_bufs(sh, shard_conn(sh, i));
	for (uint16_t p = 0; p < sh->conf->nb_ports; p++) {
		struct txq *q = &sh->tx[p];

		/* A kept buf lost its owner above: both kinds are ours to free. */
		for (uint32_t i = 0; i < q->count; i++)
			sh->buf_ops->free_bulk(sh->buf_ops->ctx, &q->bufs[i], 1);
		q->count = 0;
	}
	sh->buf_ops->free_bulk(sh->buf_ops->ctx, sh->handover, sh->handover_count);
	sh->handover_count = 0;
	frag_fini(sh);
	sh->buf_ops->free_bulk(sh->buf_ops->ctx, sh->cache.bufs, sh->cache.count);
	sh->cache.count = 0;
}
