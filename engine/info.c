/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/info.h"
#include "engine/service/proxy.h"
#include "engine/tcp/guard.h"

#define CURSOR_KIND_SHIFT 32

static bool ports_match(const struct info_ports *p, uint16_t port_be)
{
	uint16_t port = get_be16(&port_be);

	return (port >= p->lo && port <= p->hi) != p->invert;
}

static bool side_matches(const struct info_side *s, const struct ipaddr *addr, uint16_t port_be)
{
	if (s->addr.family &&
	    (s->addr.family != addr->family || !ipaddr_prefix_match(&s->addr, addr, s->prefix_len)))
		return false;
	return ports_match(&s->ports, port_be);
}

void info_filter_all(struct info_filter *f)
{
	static const struct info_side any = {.ports = {0, UINT16_MAX, false}};

	*f = (struct info_filter){
	    .states = (1u << TCP_NB_STATES) - 1,
	    .local = any,
	    .remote = any,
	    .listener_first = CONF_NONE,
	    .listener_last = CONF_NONE,
	    .pool = CONF_NONE,
	};
}

bool info_filter_matches(const struct info_filter *f, const struct conn_info *c)
{
	if (!(f->states >> c->state & 1))
		return false;
	if (f->listener_first != CONF_NONE &&
	    (c->listener < f->listener_first || c->listener > f->listener_last))
		return false;
	if (f->pool != CONF_NONE && c->pool != f->pool)
		return false;
	return side_matches(&f->local, &c->local, c->lport_be) &&
	       side_matches(&f->remote, &c->remote, c->rport_be);
}

static uint32_t ms_until(const struct shard *sh, tick_t at)
{
	return tick_before(sh->now, at) ? at - sh->now : 0;
}

static void set_tuple(struct conn_info *o, const struct shard *sh, const struct tuple *t)
{
	o->local = sh->conf->addrs[tuple_local(t)].addr;
	o->remote = tuple_ipaddr(sh, t);
	o->lport_be = t->lport_be;
	o->rport_be = t->rport_be;
}

static void set_profile(struct conn_info *o, const struct shard *sh, uint16_t profile,
			uint16_t backend)
{
	const struct profile *p = &sh->profiles[profile];

	o->listener = p->listener;
	o->pool = p->pool;
	o->backend = p->pool == CONF_NONE ? CONF_NONE : backend;
}

static void set_options(struct conn_info *o, uint32_t flags, uint8_t wscale)
{
	o->timestamps = flags & CF_TIMESTAMPS;
	o->sack = flags & CF_SACK;
	o->wscale = flags & CF_WSCALE;
	if (o->wscale) {
		o->snd_wscale = wscale >> 4;
		o->rcv_wscale = wscale & 15;
	}
}

static void set_queues(struct conn_info *o, const struct conn *c, const struct xfer *x)
{
	if (!x)
		return;
	o->recv_q = x->rcvq.bytes;
	if (x->sndq.head)
		o->send_q = sndq_end(c, x) - c->snd_una;
}

static void consider(struct conn_info *o, enum info_timer timer, uint32_t ms)
{
	if (o->timer != INFO_TIMER_OFF && o->timer_ms <= ms)
		return;
	o->timer = (uint8_t)timer;
	o->timer_ms = ms;
}

/* Closed in one direction, the other still in use. */
static bool is_half_closed(const struct conn *c)
{
	return c->state == TCP_CLOSE_WAIT ||
	       (c->state == TCP_FIN_WAIT_2 && !(c->flags & CF_ORPHAN));
}

/* The timers that run while nothing is in flight, as engine/tcp/timer.c keeps
 * them: counted from the last segment of the peer. */
static void set_silence_timer(struct conn_info *o, const struct shard *sh, const struct conn *c)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	uint32_t keepalive_ms = tcp->keepalive_time_ms + o->retries * tcp->keepalive_intvl_ms;
	tick_t at;

	if (c->state < TCP_ESTABLISHED)
		return;
	if (c->state == TCP_FIN_WAIT_2 && (c->flags & CF_ORPHAN))
		consider(o, INFO_TIMER_TIME_WAIT, ms_until(sh, conn_cold(c)->due));
	if (is_half_closed(c) && guard_half_close_deadline(sh, c, &at))
		consider(o, INFO_TIMER_IDLE, ms_until(sh, at));
	if (guard_deadline(sh, c, &at))
		consider(o, INFO_TIMER_IDLE, ms_until(sh, at));
	if (tcp->idle_timeout_ms)
		consider(o, INFO_TIMER_IDLE, ms_until(sh, c->last_rx + tcp->idle_timeout_ms));
	if (tcp->keepalive && c->snd_una == c->snd_nxt)
		consider(o, INFO_TIMER_KEEPALIVE, ms_until(sh, c->last_rx + keepalive_ms));
}

/* When the transfer's timer is due; a tail loss probe may come first where that is still open. */
static tick_t xfer_deadline(const struct shard *sh, const struct conn *c, const struct xfer *x)
{
	if (x->timer == XFER_TIMER_LATER)
		return x->unacked_since + tcp_rto_ms(sh, c, x);
	return x->timer_at;
}

/* What ss(8) shows as well: the transfer's timer first, then what else runs. */
static void set_timer(struct conn_info *o, const struct shard *sh, const struct conn *c,
		      const struct xfer *x)
{
	if (x && x->timer != XFER_TIMER_NONE)
		consider(o, x->timer == XFER_TIMER_PERSIST ? INFO_TIMER_PERSIST : INFO_TIMER_ON,
			 ms_until(sh, xfer_deadline(sh, c, x)));
	else if (c->flags & CF_ACK_DELAYED)
		consider(o, INFO_TIMER_ACK, ms_until(sh, conn_cold(c)->due));
	else
		set_silence_timer(o, sh, c);
}

static bool conn_fill(struct conn_info *o, const struct shard *sh, uint32_t i)
{
	const struct conn *c = shard_conn(sh, i);
	const struct conn_cold *k = conn_cold(c);
	const struct xfer *x = conn_xfer(sh, c);

	if (c->tuple.local == TUPLE_FREE)
		return false;
	o->state = c->state;
	o->retries = k->retries;
	o->active = c->flags & CF_ACTIVE;
	o->mss = c->mss;
	o->rto_us = tcp_rto_ms(sh, c, x) * USEC_PER_TICK;
	o->srtt_us = k->srtt_us;
	o->rttvar_us = k->rttvar_us;
	o->cwnd = k->cwnd;
	o->ssthresh = k->ssthresh == SSTHRESH_NONE ? UINT32_MAX : (uint32_t)k->ssthresh * c->mss;
	o->snd_wnd = c->snd_wnd;
	o->age_ms = sh->now - k->opened;
	o->idle_ms = sh->now - c->last_rx;
	set_tuple(o, sh, &c->tuple);
	set_profile(o, sh, k->profile, k->backend);
	set_options(o, c->flags, c->wscale);
	set_queues(o, c, x);
	set_timer(o, sh, c, x);
	return true;
}

static bool half_fill(struct conn_info *o, const struct shard *sh, uint32_t i)
{
	const struct half *h = shard_half(sh, i);

	if (h->tuple.local == TUPLE_FREE)
		return false;
	o->state = TCP_SYN_RECEIVED;
	o->retries = h->retries;
	o->mss = h->mss;
	o->timer = INFO_TIMER_ON;
	o->timer_ms = ms_until(sh, group_wheel_at(&sh->half_wheel, i));
	set_tuple(o, sh, &h->tuple);
	set_profile(o, sh, h->profile, CONF_NONE);
	set_options(o, h->flags, h->wscale);
	return true;
}

static bool time_wait_fill(struct conn_info *o, const struct shard *sh, uint32_t i)
{
	const struct time_wait *tw = tw_at(&sh->time_waits, i);
	struct tuple tuple;

	if (!tw->used)
		return false;
	tuple = tuple_of_time_wait(sh, tw);
	o->state = TCP_TIME_WAIT;
	o->active = sh->profiles[tw->profile].pool != CONF_NONE;
	o->timer = INFO_TIMER_TIME_WAIT;
	o->timer_ms = ms_until(sh, tw_end_of(&sh->time_waits, i));
	set_tuple(o, sh, &tuple);
	set_profile(o, sh, tw->profile, tw->backend);
	return true;
}

/* Indexes of a kind are from its first up to, but not with, its end. */
static uint32_t first_of(uint64_t kind)
{
	return kind == INFO_TIME_WAIT ? 0 : 1;
}

static uint32_t end_of(const struct shard *sh, uint64_t kind)
{
	if (kind == INFO_TIME_WAIT)
		return tw_index_end(&sh->time_waits);
	return kind == INFO_CONN ? sh->conns.fresh : sh->halves.fresh;
}

static bool fill(struct conn_info *o, const struct shard *sh, uint64_t kind, uint32_t i)
{
	memset(o, 0, sizeof(*o));
	o->kind = (uint8_t)kind;
	if (kind == INFO_CONN)
		return conn_fill(o, sh, i);
	return kind == INFO_HALF ? half_fill(o, sh, i) : time_wait_fill(o, sh, i);
}

uint32_t info_connections(const struct shard *sh, uint64_t cursor, const struct info_filter *f,
			  struct conn_info *out, uint32_t max, uint64_t *next)
{
	uint64_t kind = cursor >> CURSOR_KIND_SHIFT;
	uint32_t i = MAX((uint32_t)cursor, first_of(kind)), count = 0;

	for (uint32_t visits = 0; kind < INFO_NB_KINDS; visits++) {
		if (i >= end_of(sh, kind)) {
			kind++;
			i = first_of(kind);
			continue;
		}
		if (count == max || visits >= INFO_VISIT_MAX) {
			*next = kind << CURSOR_KIND_SHIFT | i;
			return count;
		}
		if (fill(&out[count], sh, kind, i) && info_filter_matches(f, &out[count]))
			count++;
		i++;
	}
	*next = 0;
	return count;
}

static uint32_t pressed_ms(const struct shard *sh, const struct syn_pressure *p)
{
	return p->cookies ? (uint32_t)((sh->now - p->begun_at) * 1000ull / TICKS_PER_SEC) : 0;
}

uint32_t info_listeners(const struct shard *sh, uint32_t first, struct listener_info *out,
			uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = first; i < sh->conf->nb_listeners && n < max; i++) {
		const struct listener_state *l = &sh->listeners[i];
		const struct quota *q = &sh->quotas[sh->profiles[i].quota];

		out[n++] = (struct listener_info){
		    .backlog = l->backlog,
		    .queued = l->length,
		    .half_open = l->half_open,
		    .max_half_open = MIN(l->max_half_open, sh->halves.capacity),
		    .connections = q->used,
		    .max_connections = q->max == UINT32_MAX ? 0 : q->max,
		    .reserve = q->reserve,
		    .cookies = l->pressure.cookies,
		    .supply = l->pressure.supply,
		    .pressed_ms = pressed_ms(sh, &l->pressure),
		    .accepted = l->accepted,
		    .overflows = l->overflows,
		    .drops = l->drops,
		    .cookies_sent = l->pressure.cookies_sent,
		    .cookies_received = l->cookies_received,
		    .cookies_failed = l->cookies_failed,
		    .time_wait_overflows = l->time_wait_overflows,
		    .prefix_refused = l->prefix_refused,
		    .source_limit_refused = l->source_limit_refused,
		    .source_rate_refused = l->source_rate_refused,
		};
	}
	return n;
}

void listener_info_add(struct listener_info *sum, const struct listener_info *l)
{
	sum->backlog += l->backlog;
	sum->queued += l->queued;
	sum->half_open += l->half_open;
	sum->max_half_open += l->max_half_open;
	sum->connections += l->connections;
	sum->max_connections += l->max_connections;
	sum->reserve += l->reserve;
	sum->supply |= l->cookies && l->supply;
	sum->cookies |= l->cookies;
	sum->pressed_ms = MAX(sum->pressed_ms, l->pressed_ms);
	sum->accepted += l->accepted;
	sum->overflows += l->overflows;
	sum->drops += l->drops;
	sum->cookies_sent += l->cookies_sent;
	sum->cookies_received += l->cookies_received;
	sum->cookies_failed += l->cookies_failed;
	sum->time_wait_overflows += l->time_wait_overflows;
	sum->prefix_refused += l->prefix_refused;
	sum->source_limit_refused += l->source_limit_refused;
	sum->source_rate_refused += l->source_rate_refused;
}

static struct backend_info backend_fill(const struct shard *sh, uint16_t pool, uint16_t backend)
{
	const struct pool_state *p = &sh->pools[pool];
	const struct backend_state *b = &p->backends[backend];
	struct backend_info o = {
	    .pool = pool,
	    .backend = backend,
	    .active = b->active,
	    .pool_sessions = p->sessions,
	    .pool_limit = p->max_sessions,
	    .total = b->total,
	    .failed = b->failed,
	};

	for (uint32_t i = 0; i < b->nb_maps; i++) {
		o.free_ports += b->maps[i].free;
		o.nb_ports += b->maps[i].capacity;
	}
	return o;
}

uint32_t info_backends(const struct shard *sh, uint32_t first, struct backend_info *out,
		       uint32_t max)
{
	uint32_t number = 0, n = 0;

	for (uint16_t p = 0; p < sh->conf->nb_pools && n < max; p++) {
		uint32_t count = sh->conf->pools[p].nb_backends;

		for (uint32_t b = first > number ? first - number : 0; b < count && n < max; b++)
			out[n++] = backend_fill(sh, p, (uint16_t)b);
		number += count;
	}
	return n;
}

uint32_t info_sources(const struct shard *sh, uint64_t cursor, struct source_info *out,
		      uint32_t max, uint64_t *next)
{
	const struct source_table *t = sh->sources ? &sh->sources->table : NULL;
	uint32_t slots = t ? source_table_slots(t) : 0, n = 0, i = (uint32_t)cursor;

	for (uint32_t visits = 0; i < slots && n < max && visits < INFO_VISIT_MAX; i++, visits++) {
		const struct source_entry *e = &t->entries[i];
		struct source_count count = {0};

		source_table_entry(t, i, sh->now_us, &count);
		if (count.connections == 0 && count.recent_milli == 0 && e->refused == 0)
			continue;
		out[n] = (struct source_info){.addr.family = e->family,
					      .prefix_len = e->prefix_len,
					      .listener = e->listener,
					      .connections = (uint32_t)count.connections,
					      .refused = e->refused,
					      .recent_milli = (uint32_t)count.recent_milli};
		memcpy(out[n++].addr.bytes, e->addr, sizeof(e->addr));
	}
	*next = i < slots ? i : 0;
	return n;
}

void info_objects(const struct shard *sh, struct object_info *out)
{
	const struct pool *pools[INFO_NB_OBJECTS] = {
	    [INFO_CONNECTIONS] = &sh->conns, [INFO_HALF_OPEN] = &sh->halves,
	    [INFO_TRANSFERS] = &sh->xfers,   [INFO_SESSIONS] = &sh->sessions,
	    [INFO_PEERS_V6] = &sh->addr6s,
	};

	for (uint32_t i = 0; i < INFO_NB_OBJECTS; i++) {
		out->used[i] = pools[i] ? pools[i]->used : 0;
		out->limit[i] = pools[i] ? pools[i]->capacity : 0;
	}
	out->used[INFO_TIME_WAITS] = sh->time_waits.used;
	out->limit[INFO_TIME_WAITS] = sh->time_waits.capacity;
	if (sh->sources) {
		out->used[INFO_SOURCES] = sh->sources->table.live;
		out->limit[INFO_SOURCES] = source_table_slots(&sh->sources->table);
	}
	out->cached_buffers = sh->cache.count;
}

const char *info_object_name(enum info_object i)
{
	static const char *const names[INFO_NB_OBJECTS] = {
	    "connections", "half_open", "time_wait", "transfers", "sessions", "ipv6_peers",
	    "sources",
	};

	return names[i];
}

const char *info_timer_name(enum info_timer t)
{
	static const char *const names[] = {
	    "off", "on", "keepalive", "timewait", "persist", "ack", "idle",
	};

	return names[t];
}
