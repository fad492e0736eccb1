/* SPDX-License-Identifier: BSD-3-Clause */
/* Control commands that list: workers, listeners, pools and connections, in pages. */
#include <stdio.h>
#include <time.h>

#include <rte_cycles.h>

#include "engine/run/addr_text.h"
#include "engine/run/ctl_commands.h"
#include "engine/run/ctl_params.h"
#include "engine/tcp/tcp.h"

/* Rows of one answer: the longest listener rows take 850 bytes. */
#define PAGE_ROWS 16

/* A search that finds little answers with what it has after this long. */
#define SEARCH_MAX_US 500000

/* A connection cursor: the worker's number above the worker's own cursor. */
#define CURSOR_WORKER_SHIFT 40

/* What an object comes to over all workers. */
struct list_sum {
	uint32_t index; /* of a listener in the configuration */
	union {
		struct listener_info listener; /* the longer one, so that {0} clears both */
		struct backend_info backend;
	};
};

/* Connections of several workers. Rows are made of them when all have answered: those of an
 * answer that is given up would never be freed. */
struct found {
	uint32_t count;
	uint16_t workers[INQUIRY_CONNS];
	struct conn_info conns[INQUIRY_CONNS];
};

struct list_kind {
	enum inquiry_kind inquiry;
	/* Adds one worker's answer about the i-th object of the page. */
	void (*add)(struct list_sum *row, const struct inquiry *q, uint32_t i);
	void (*fill)(struct rte_tel_data *d, const struct conf *conf, const struct list_sum *row);
};

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool page_start(const char *params, uint32_t *first, struct rte_tel_data *d)
{
	char err[CTL_ERROR_MAX];

	if (ctl_row_param(params, first, err))
		return true;
	reply_error(d, "%s", err);
	return false;
}

static uint64_t to_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e9 / (double)rte_get_tsc_hz());
}

static const char *cpu_use(const struct worker *w)
{
	static const char *const names[] = {
	    [CPU_SHARE_OWN] = "own",
	    [CPU_SHARE_SHARED] = "shared",
	    [CPU_SHARE_OFF] = "off",
	    [CPU_SHARE_REFUSED] = "refused",
	};

	return names[cpu_share_state(&w->share)];
}

static void fill_worker(struct rte_tel_data *d, const struct engine *e, uint16_t id)
{
	struct turn_summary s;

	turn_times_read(&e->workers[id]->turns, &s);
	reply_number(d, "worker", id);
	if (e->conf->worker_cpu[id] >= 0)
		reply_number(d, "cpu", (uint64_t)e->conf->worker_cpu[id]);
	reply_text(d, "cpu_use", cpu_use(e->workers[id]));
	reply_number(d, "busy_cycles", s.busy_cycles);
	reply_number(d, "busy_us", to_ns(s.busy_cycles) / 1000);
	reply_number(d, "idle_us", to_ns(s.idle_cycles) / 1000);
	reply_number(d, "turns", s.turns);
	reply_number(d, "turn_ns_p50", to_ns(s.cycles[TURN_P50]));
	reply_number(d, "turn_ns_p99", to_ns(s.cycles[TURN_P99]));
	reply_number(d, "turn_ns_p99_9", to_ns(s.cycles[TURN_P99_9]));
	reply_number(d, "turn_ns_max", to_ns(s.max_cycles));
}

void ctl_workers(struct engine *e, const char *params, struct rte_tel_data *d)
{
	uint32_t first, end;
	struct reply p;

	if (!page_start(params, &first, d))
		return;
	end = (uint32_t)MIN((uint64_t)e->conf->nb_workers, (uint64_t)first + PAGE_ROWS);
	reply_start(&p, d);
	for (uint32_t i = first; i < end; i++) {
		struct rte_tel_data *row = reply_row(&p);

		if (!row)
			break;
		fill_worker(row, e, (uint16_t)i);
		reply_add_row(&p, row);
	}
	reply_finish(&p);
	reply_number(d, "next", end < e->conf->nb_workers ? end : 0);
}

static void fill_listener(struct rte_tel_data *d, const struct conf *conf,
			  const struct list_sum *row)
{
	const struct listener_info *l = &row->listener;
	static const char *const services[] = {"proxy", "http", "echo", "discard"};
	const struct conf_listener *c = &conf->listeners[row->index];
	char local[ADDR_TEXT_MAX];

	reply_text(d, "name", c->name);
	reply_text(d, "state", "LISTEN");
	reply_text(d, "local", endpoint_text(&c->addr, c->port_be, local));
	reply_text(d, "remote", "*:*");
	reply_text(d, "service", services[c->service]);
	reply_text(d, "pool", c->service == CONF_SERVICE_PROXY ? conf->pools[c->pool].name : "");
	reply_number(d, "recv_q", l->queued);
	reply_number(d, "send_q", l->backlog);
	reply_number(d, "half_open", l->half_open);
	reply_number(d, "half_open_limit", l->max_half_open);
	reply_number(d, "connections", l->connections);
	reply_number(d, "max_connections", l->max_connections);
	reply_number(d, "reserve", l->reserve);
	reply_number(d, "cookies",
		     l->cookies || c->tcp.syncookies == CONF_SYNCOOKIES_ALWAYS);
	reply_number(d, "accepted", l->accepted);
	reply_number(d, "overflows", l->overflows);
	reply_number(d, "drops", l->drops);
	reply_number(d, "cookies_sent", l->cookies_sent);
	reply_number(d, "cookies_received", l->cookies_received);
	reply_number(d, "cookies_failed", l->cookies_failed);
	reply_number(d, "time_wait_overflows", l->time_wait_overflows);
	reply_number(d, "prefix_refused", l->prefix_refused);
	reply_number(d, "source_limit_refused", l->source_limit_refused);
	reply_number(d, "source_rate_refused", l->source_rate_refused);
}

static void add_listener(struct list_sum *row, const struct inquiry *q, uint32_t i)
{
	listener_info_add(&row->listener, &q->listeners[i]);
}

static void fill_backend(struct rte_tel_data *d, const struct conf *conf,
			 const struct list_sum *row)
{
	const struct backend_info *b = &row->backend;
	const struct conf_pool *pool = &conf->pools[b->pool];
	const struct conf_backend *c = &pool->backends[b->backend];
	char address[ADDR_TEXT_MAX];

	reply_text(d, "pool", pool->name);
	reply_text(d, "backend", c->name);
	reply_text(d, "address", endpoint_text(&c->addr, c->port_be, address));
	reply_number(d, "active", b->active);
	reply_number(d, "total", b->total);
	reply_number(d, "failed", b->failed);
	reply_number(d, "free_ports", b->free_ports);
	reply_number(d, "ports", b->nb_ports);
	reply_number(d, "pool_sessions", b->pool_sessions);
	reply_number(d, "pool_limit", b->pool_limit);
}

static void add_backend(struct list_sum *row, const struct inquiry *q, uint32_t i)
{
	struct backend_info *sum = &row->backend;
	const struct backend_info *b = &q->backends[i];

	sum->pool = b->pool;
	sum->backend = b->backend;
	sum->active += b->active;
	sum->free_ports += b->free_ports;
	sum->nb_ports += b->nb_ports;
	sum->pool_sessions += b->pool_sessions;
	sum->pool_limit += b->pool_limit;
	sum->total += b->total;
	sum->failed += b->failed;
}

/* A page of objects that each worker has a part of, summed up. */
static void list(struct engine *e, const char *params, struct rte_tel_data *d,
		 const struct list_kind *kind)
{
	struct list_sum sum[PAGE_ROWS] = {0};
	uint32_t first, count = 0;
	struct reply p;

	if (!page_start(params, &first, d))
		return;
	for (uint16_t w = 0; w < e->conf->nb_workers; w++) {
		struct inquiry q = {.kind = kind->inquiry, .cursor = first, .max = PAGE_ROWS};

		if (!ctl_ask(e, w, &q, d))
			return;
		count = q.count;
		for (uint32_t i = 0; i < count; i++)
			kind->add(&sum[i], &q, i);
	}
	reply_start(&p, d);
	for (uint32_t i = 0; i < count; i++) {
		struct rte_tel_data *row = reply_row(&p);

		if (!row)
			break;
		sum[i].index = first + i;
		kind->fill(row, e->conf, &sum[i]);
		reply_add_row(&p, row);
	}
	reply_number(d, "next", p.count == PAGE_ROWS ? first + p.count : 0);
	reply_finish(&p);
}

void ctl_listeners(struct engine *e, const char *params, struct rte_tel_data *d)
{
	static const struct list_kind kind = {INQUIRY_LISTENER_STATES, add_listener, fill_listener};

	list(e, params, d, &kind);
}

void ctl_pools(struct engine *e, const char *params, struct rte_tel_data *d)
{
	static const struct list_kind kind = {INQUIRY_BACKEND_STATES, add_backend, fill_backend};

	list(e, params, d, &kind);
}

static void fill_owner(struct rte_tel_data *d, const struct conf *conf, const struct conn_info *c)
{
	const struct conf_pool *pool = c->pool == CONF_NONE ? NULL : &conf->pools[c->pool];

	reply_text(d, "listener",
		   c->listener == CONF_NONE ? "" : conf->listeners[c->listener].name);
	reply_text(d, "pool", pool ? pool->name : "");
	reply_text(d, "backend",
		   pool && c->backend < pool->nb_backends ? pool->backends[c->backend].name : "");
}

static void fill_connection(struct rte_tel_data *d, const struct conf *conf, uint16_t worker,
			    const struct conn_info *c)
{
	char addr[ADDR_TEXT_MAX];

	reply_text(d, "state", tcp_state_name(c->state));
	reply_number(d, "recv_q", c->recv_q);
	reply_number(d, "send_q", c->send_q);
	reply_text(d, "local", endpoint_text(&c->local, c->lport_be, addr));
	reply_text(d, "remote", endpoint_text(&c->remote, c->rport_be, addr));
	reply_text(d, "timer", info_timer_name(c->timer));
	reply_number(d, "timer_ms", c->timer_ms);
	reply_number(d, "retries", c->retries);
	fill_owner(d, conf, c);
	reply_number(d, "worker", worker);
	reply_number(d, "active", c->active);
	reply_number(d, "timestamps", c->timestamps);
	reply_number(d, "sack", c->sack);
	reply_number(d, "wscale", c->wscale);
	reply_number(d, "snd_wscale", c->snd_wscale);
	reply_number(d, "rcv_wscale", c->rcv_wscale);
	reply_number(d, "mss", c->mss);
	reply_number(d, "rto_us", c->rto_us);
	reply_number(d, "srtt_us", c->srtt_us);
	reply_number(d, "rttvar_us", c->rttvar_us);
	reply_number(d, "cwnd", c->cwnd);
	reply_number(d, "ssthresh", c->ssthresh);
	reply_number(d, "snd_wnd", c->snd_wnd);
	reply_number(d, "age_ms", c->age_ms);
	reply_number(d, "idle_ms", c->idle_ms);
}

static bool connection_params(const struct engine *e, const char *params, uint64_t *cursor,
			      struct filter *f, struct rte_tel_data *d)
{
	char err[CTL_ERROR_MAX];

	if (ctl_connection_params(params, cursor, f, err) && filter_bind(f, e->conf, err))
		return true;
	reply_error(d, "%s", err);
	return false;
}

/* The next ones from the cursor on, all of one worker; false: *d says that it is silent. */
static bool find_connections(struct engine *e, const struct filter *f, uint64_t *cursor,
			     struct found *found, struct rte_tel_data *d)
{
	uint64_t worker = *cursor >> CURSOR_WORKER_SHIFT;
	struct inquiry q = {
	    .kind = INQUIRY_CONNECTIONS,
	    .cursor = *cursor & ((1ull << CURSOR_WORKER_SHIFT) - 1),
	    .filter = f->match,
	    .max = INQUIRY_CONNS - found->count,
	};

	if (!ctl_ask(e, (uint16_t)worker, &q, d))
		return false;
	for (uint32_t i = 0; i < q.count; i++) {
		found->workers[found->count] = (uint16_t)worker;
		found->conns[found->count++] = q.conns[i];
	}
	worker += q.next == 0;
	*cursor = worker << CURSOR_WORKER_SHIFT | q.next;
	return true;
}

static bool is_beyond_all(const struct engine *e, uint64_t cursor)
{
	return cursor >> CURSOR_WORKER_SHIFT >= e->conf->nb_workers;
}

void ctl_connections(struct engine *e, const char *params, struct rte_tel_data *d)
{
	uint64_t cursor, end = monotonic_us() + SEARCH_MAX_US;
	struct found found;
	struct filter f;
	struct reply p;

	if (!connection_params(e, params, &cursor, &f, d))
		return;
	found.count = 0;
	while (!is_beyond_all(e, cursor) && found.count < INQUIRY_CONNS && monotonic_us() < end)
		if (!find_connections(e, &f, &cursor, &found, d))
			return;
	reply_start(&p, d);
	for (uint32_t i = 0; i < found.count; i++) {
		struct rte_tel_data *row = reply_row(&p);

		if (!row)
			break;
		fill_connection(row, e->conf, found.workers[i], &found.conns[i]);
		reply_add_row(&p, row);
	}
	reply_number(d, "next", is_beyond_all(e, cursor) ? 0 : cursor);
	reply_finish(&p);
}
