/* SPDX-License-Identifier: BSD-3-Clause */
/* The application's side: calls of engine/tcp/tcp.h, events, and what the runner
 * looks at behind the engine's interface (states, counters, objects). */
#include <arpa/inet.h>
#include <stdlib.h>

#include "engine/table/tuple.h"
#include "engine/tcp/tcp.h"
#include "tests/lib/pattern.h"
#include "tests/script/lists.h"
#include "tests/script/play.h"

#define APP_CHUNK 65536

static const char *const no_conn =
    "the application has no connection here: accept or connect first";

uint64_t play_stream_in(const struct play *p, const struct flow *flow)
{
	return 2 * (uint64_t)(flow - p->flows);
}

uint64_t play_stream_out(const struct play *p, const struct flow *flow)
{
	uint64_t n = (uint64_t)(flow - p->flows);

	if (p->set.service == PLAY_ECHO)
		return 2 * n;
	/* Of a proxied pair, 0 and 1, 2 and 3 …, each gets what the other sends. */
	return p->set.service == PLAY_PROXY ? 2 * (n ^ 1) : 2 * n + 1;
}

static bool is_of_flow(const struct shard *sh, const struct tuple *t, const struct flow *flow)
{
	const void *addr =
	    tuple_is_v6(t) ? pool_at(&sh->addr6s, t->raddr) : (const void *)&t->raddr;
	bool v6 = flow->peer.family == IP_V6;

	return t->local != TUPLE_FREE && tuple_is_v6(t) == v6 &&
	       t->rport_be == htons(flow->rport) && t->lport_be == htons(flow->lport) &&
	       memcmp(addr, flow->peer.bytes, v6 ? 16 : 4) == 0;
}

static void note(struct shard *sh, const struct conn *c, const char *event)
{
	struct play *p = rig_user(sh);

	for (uint32_t i = 0; i < PLAY_FLOWS; i++) {
		struct flow *flow = &p->flows[i];

		/* By its tuple before it is accepted; in TIME_WAIT that is gone. */
		bool same = flow->c ? flow->c == c : is_of_flow(sh, &c->tuple, flow);

		if (same && flow->nb_events < PLAY_EVENTS)
			flow->events[flow->nb_events++] = event;
	}
}

static void on_acceptable(struct shard *sh, uint16_t listener)
{
	struct play *p = rig_user(sh);

	(void)listener;
	p->nb_acceptable++;
}

static void on_connected(struct shard *sh, struct conn *c)
{
	note(sh, c, "connected");
}

static void on_trouble(struct shard *sh, struct conn *c, enum tcp_trouble what)
{
	note(sh, c, what == TCP_TROUBLE_ICMP ? "trouble-icmp" : "trouble-silent");
}

static void on_urgent(struct shard *sh, struct conn *c)
{
	note(sh, c, "urgent");
}

static void on_readable(struct shard *sh, struct conn *c)
{
	note(sh, c, "readable");
}

static void on_eof(struct shard *sh, struct conn *c)
{
	note(sh, c, "eof");
}

static void on_writable(struct shard *sh, struct conn *c)
{
	note(sh, c, "writable");
}

static void on_closed(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	static const char *const reasons[] = {
	    [TCP_CLOSE_DONE] = "closed-done",
	    [TCP_CLOSE_RESET] = "closed-reset",
	    [TCP_CLOSE_REFUSED] = "closed-refused",
	    [TCP_CLOSE_TIMEOUT] = "closed-timeout",
	    [TCP_CLOSE_UNREACHABLE] = "closed-unreachable",
	    [TCP_CLOSE_ABORTED] = "closed-aborted",
	};
	struct play *p = rig_user(sh);

	note(sh, c, reasons[reason]);
	for (uint32_t i = 0; i < PLAY_FLOWS; i++)
		if (p->flows[i].c == c)
			p->flows[i].c = NULL;
}

const struct service play_service = {
    .name = "script",
    .acceptable = on_acceptable,
    .connected = on_connected,
    .urgent = on_urgent,
    .trouble = on_trouble,
    .readable = on_readable,
    .eof = on_eof,
    .writable = on_writable,
    .closed = on_closed,
};

static bool cmd_accept(struct play *p, struct scan *s)
{
	/* The second listener is that of the VLAN's address. */
	struct conn *c = tcp_accept(p->rig.sh, p->flow->vlan ? 1 : 0);

	if (scan_accept(s, "none"))
		return !c || play_fail(p, "a connection was waiting to be accepted");
	if (!c)
		return play_fail(p, "no connection was waiting to be accepted");
	if (!is_of_flow(p->rig.sh, &c->tuple, p->flow))
		return play_fail(p, "another connection was first in the accept queue");
	p->flow->c = c;
	return true;
}

static bool cmd_connect(struct play *p, struct scan *s)
{
	struct flow *flow = p->flow;
	struct conn *c;

	flow->lport = (uint16_t)(5000 + (flow - p->flows));
	flow->rport = PLAY_BACKEND_PORT;
	c = tcp_connect(p->rig.sh, p->tc.conf.nb_listeners, 0, 0, htons(flow->lport), &flow->peer,
			htons(flow->rport));
	if (scan_accept(s, "fails"))
		return !c || play_fail(p, "the connection could be opened");
	flow->c = c;
	return c || play_fail(p, "the connection could not be opened");
}

static bool cmd_write(struct play *p, struct scan *s)
{
	struct flow *flow = p->flow;
	uint8_t bytes[APP_CHUNK];
	uint32_t len, want, done = 0, n, took;

	if (!scan_number(s, &len))
		return false;
	want = len;
	if (scan_accept(s, "=") && !scan_number(s, &want))
		return false;
	if (!flow->c)
		return play_fail(p, "%s", no_conn);
	do {
		n = MIN(len - done, APP_CHUNK);
		pattern_fill(play_stream_out(p, flow), flow->written, bytes, n);
		took = tcp_write_copy(p->rig.sh, flow->c, bytes, n);
		flow->written += took;
		done += took;
	} while (took == n && done < len);
	return done == want || play_fail(p, "%u bytes were taken, not %u", done, want);
}

static bool content_is_right(struct play *p, const void *bytes, uint32_t len)
{
	uint32_t at = pattern_check(play_stream_in(p, p->flow), p->flow->read, bytes, len);

	if (at != PATTERN_OK)
		return play_fail(p, "byte %u of what was read is not the stream's", at);
	p->flow->read += len;
	return true;
}

static bool cmd_read(struct play *p, struct scan *s)
{
	struct conn *c = p->flow->c;
	uint8_t bytes[APP_CHUNK];
	uint32_t len, n;

	if (!scan_number(s, &len))
		return false;
	if (!c)
		return play_fail(p, "%s", no_conn);
	if (tcp_readable(p->rig.sh, c) < len)
		return play_fail(p, "only %u bytes can be read", tcp_readable(p->rig.sh, c));
	for (; len > 0; len -= n) {
		n = tcp_peek(p->rig.sh, c, 0, bytes, MIN(len, APP_CHUNK));
		if (n != MIN(len, APP_CHUNK))
			return play_fail(p, "tcp_peek() gave %u bytes", n);
		if (!content_is_right(p, bytes, n))
			return false;
		tcp_consume(p->rig.sh, c, n);
	}
	return true;
}

/* One buffer of whatever size, as services that move buffers read. */
static bool cmd_take(struct play *p, struct scan *s)
{
	struct buf *b;
	uint32_t len;
	bool fine;

	if (!scan_number(s, &len))
		return false;
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	b = tcp_read(p->rig.sh, p->flow->c);
	if (!b)
		return len == 0 || play_fail(p, "there is nothing to read");
	fine = b->len == len || play_fail(p, "the first buffer has %u bytes", b->len);
	fine = fine && content_is_right(p, b->data, b->len);
	shard_buf_free(p->rig.sh, b);
	return fine;
}

static bool compare(struct play *p, struct scan *s, const char *what, uint64_t got)
{
	uint32_t want;

	if (!scan_number(s, &want))
		return false;
	return got == want ||
	       play_fail(p, "%s is %llu, not %u", what, (unsigned long long)got, want);
}

static bool cmd_readable(struct play *p, struct scan *s)
{
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	return compare(p, s, "readable", tcp_readable(p->rig.sh, p->flow->c));
}

static bool cmd_writable(struct play *p, struct scan *s)
{
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	return compare(p, s, "writable", tcp_writable(p->rig.sh, p->flow->c));
}

static bool cmd_shutdown(struct play *p, struct scan *s)
{
	(void)s;
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	tcp_shutdown(p->rig.sh, p->flow->c);
	return true;
}

static bool cmd_close(struct play *p, struct scan *s)
{
	(void)s;
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	tcp_close(p->rig.sh, p->flow->c);
	p->flow->c = NULL;
	return true;
}

static bool cmd_abort(struct play *p, struct scan *s)
{
	(void)s;
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	tcp_abort(p->rig.sh, p->flow->c);
	p->flow->c = NULL;
	return true;
}

/* The state that the engine holds for the flow's tuple. */
static const char *state_of(const struct shard *sh, const struct flow *flow)
{
	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		if (is_of_flow(sh, &shard_conn(sh, i)->tuple, flow))
			return tcp_state_name(shard_conn(sh, i)->state);
	for (uint32_t i = 1; i < sh->halves.fresh; i++)
		if (is_of_flow(sh, pool_at(&sh->halves, i), flow))
			return tcp_state_name(TCP_SYN_RECEIVED);
	for (uint32_t i = 0; i < tw_index_end(&sh->time_waits); i++) {
		const struct time_wait *tw = tw_at(&sh->time_waits, i);
		struct tuple t = tuple_of_time_wait(sh, tw);

		if (tw->used && is_of_flow(sh, &t, flow))
			return tcp_state_name(TCP_TIME_WAIT);
	}
	return tcp_state_name(TCP_CLOSED);
}

static bool cmd_state(struct play *p, struct scan *s)
{
	const char *got = state_of(p->rig.sh, p->flow);
	char want[32];

	if (!scan_word(s, want, sizeof(want)))
		return false;
	for (char *c = want; *c; c++)
		if (*c == '-')
			*c = '_';
	return strcmp(got, want) == 0 || play_fail(p, "the state is %s, not %s", got, want);
}

static bool next_acceptable(struct play *p)
{
	if (!p->nb_acceptable)
		return play_fail(p, "there was no event acceptable");
	p->nb_acceptable--;
	return true;
}

/* `event NAME`: has happened since the last one asked for; what came before it
 * is skipped. `event none`: nothing is left. */
static bool cmd_event(struct play *p, struct scan *s)
{
	struct flow *flow = p->flow;
	char want[32];

	if (!scan_word(s, want, sizeof(want)))
		return false;
	if (strcmp(want, "acceptable") == 0)
		return next_acceptable(p);
	if (strcmp(want, "none") == 0)
		return flow->seen_events == flow->nb_events ||
		       play_fail(p, "there was an event %s", flow->events[flow->seen_events]);
	for (uint32_t i = flow->seen_events; i < flow->nb_events; i++) {
		if (strcmp(flow->events[i], want) != 0)
			continue;
		flow->seen_events = i + 1;
		return true;
	}
	return play_fail(p, "there was no event %s; the last one was %s", want,
			 flow->nb_events ? flow->events[flow->nb_events - 1] : "none");
}

/* Of what listeners count themselves, all of them together. */
static bool listener_counter(const struct play *p, const char *name, uint64_t *sum)
{
	*sum = 0;
	for (uint16_t i = 0; i < p->rig.sh->conf->nb_listeners; i++) {
		const struct listener_state *l = &p->rig.sh->listeners[i];

		if (strcmp(name, "listener_overflows") == 0)
			*sum += l->overflows;
		else if (strcmp(name, "listener_drops") == 0)
			*sum += l->drops;
		else if (strcmp(name, "listener_time_wait_overflows") == 0)
			*sum += l->time_wait_overflows;
		else
			return false;
	}
	return true;
}

static bool cmd_counter(struct play *p, struct scan *s)
{
	char name[48];
	uint64_t sum;

	if (!scan_word(s, name, sizeof(name)))
		return false;
	if (listener_counter(p, name, &sum))
		return compare(p, s, name, sum);
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		if (strcmp(name, stat_name((enum stat)i)) == 0)
			return compare(p, s, name, p->rig.sh->stats[i]);
	return scan_fail(s, "there is no counter \"%s\"", name);
}

/* `objects N`: of all kinds together; `objects KIND N`: of one. */
static bool cmd_objects(struct play *p, struct scan *s)
{
	const struct shard *sh = p->rig.sh;
	const struct {
		const char *name;
		uint32_t used;
	} kinds[] = {
	    {"conns", sh->conns.used},
	    {"halves", sh->halves.used},
	    {"time_waits", sh->time_waits.used},
	    {"xfers", sh->xfers.used},
	    {"addr6s", sh->addr6s.used},
	    {"sessions", sh->sessions.used},
	    {"timers", rig_timers(&p->rig)},
	    {"bufs", mem_pool_in_use(p->pool) - sh->cache.count},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (scan_accept(s, kinds[i].name))
			return compare(p, s, kinds[i].name, kinds[i].used);
	return compare(p, s, "number of objects",
		       rig_objects(&p->rig) + rig_timers(&p->rig) +
			   (mem_pool_in_use(p->pool) - sh->cache.count));
}

/* The tuple is used anew: the next SYN says where our numbers begin. `beyond N`:
 * that must be after number N of the connection before. */
static bool cmd_renew(struct play *p, struct scan *s)
{
	struct flow *flow = p->flow;
	uint32_t n;

	flow->has_floor = scan_accept(s, "beyond");
	if (flow->has_floor) {
		if (!scan_number(s, &n))
			return false;
		flow->floor = flow->rel.ours + n;
	}
	flow->rel.ours_known = flow->rel.ts_known = false;
	flow->written = flow->read = 0;
	return true;
}

/* Where the flow goes from and to, instead of the usual. */
static bool cmd_flow(struct play *p, struct scan *s)
{
	struct flow *flow = p->flow;
	char word[48];
	uint32_t n;

	while (!scan_end(s)) {
		if (scan_accept(s, "backend2")) {
			flow->lport = 0;
			flow->rport = PLAY_BACKEND_PORT + 1;
			continue;
		}
		if (scan_accept(s, "backend")) {
			flow->lport = 0;
			flow->rport = PLAY_BACKEND_PORT;
			continue;
		}
		if (scan_accept(s, "peer")) {
			if (!scan_word(s, word, sizeof(word)))
				return false;
			flow->peer = testconf_ip(word);
			continue;
		}
		if (scan_accept(s, "vlan")) {
			bool v6 = p->family == IP_V6;

			flow->vlan = PLAY_VLAN;
			flow->local = testconf_ip(v6 ? "2001:db8:100::1" : "203.0.113.1");
			flow->peer = testconf_ip(v6 ? "2001:db8:100::2" : "203.0.113.2");
			continue;
		}
		if (scan_accept(s, "port")) {
			if (!scan_number(s, &n))
				return false;
			flow->lport = (uint16_t)n;
			continue;
		}
		if (!scan_accept(s, "isn"))
			return scan_fail(s, "unknown word at \"%.20s\"", s->p);
		if (!scan_number(s, &flow->rel.theirs))
			return false;
	}
	return true;
}

/* `burst on`: frames are kept back; `burst off`: and received all together. */
static bool cmd_burst(struct play *p, struct scan *s)
{
	p->bursting = scan_accept(s, "on");
	return p->bursting || scan_expect(s, "off");
}

/* `port holds`: sent frames stay referenced, as by a slow device, until `port releases`.
 * `port busy`: it takes no frame at all until `port free`. */
static bool cmd_port(struct play *p, struct scan *s)
{
	if (scan_accept(s, "busy"))
		return p->busy = true;
	if (scan_accept(s, "free")) {
		p->busy = false;
		return true;
	}
	p->holding = scan_accept(s, "holds");
	if (p->holding)
		return true;
	while (p->nb_held)
		mem_pool_put(p->pool, p->held[--p->nb_held]);
	return scan_expect(s, "releases");
}

/* `buffers N`: leaves the engine N free ones; `buffers back` ends that. */
static bool cmd_buffers(struct play *p, struct scan *s)
{
	struct shard *sh = p->rig.sh;
	struct buf *b;
	uint32_t left;

	while (p->hoard) {
		b = p->hoard;
		p->hoard = b->next;
		mem_pool_put(p->pool, b);
	}
	if (scan_accept(s, "back"))
		return true;
	if (!scan_number(s, &left))
		return false;
	sh->buf_ops->free_bulk(sh->buf_ops->ctx, sh->cache.bufs, sh->cache.count);
	sh->cache.count = 0;
	while ((b = mem_pool_get(p->pool))) {
		b->next = p->hoard;
		p->hoard = b;
	}
	for (; left && p->hoard; left--) {
		b = p->hoard;
		p->hoard = b->next;
		mem_pool_put(p->pool, b);
	}
	return true;
}

/* `urgent N`: so much urgent data is left to be read. */
static bool cmd_urgent(struct play *p, struct scan *s)
{
	uint32_t want, left;

	if (!scan_number(s, &want))
		return false;
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	left = tcp_urgent_left(p->rig.sh, p->flow->c);
	return left == want || play_fail(p, "%u bytes of urgent data are left, not %u", left, want);
}

/* `hurry [N]`: what is queued is urgent, and the next N bytes. */
static bool cmd_hurry(struct play *p, struct scan *s)
{
	uint32_t ahead = 0;

	if (!scan_end(s) && !scan_number(s, &ahead))
		return false;
	if (!p->flow->c)
		return play_fail(p, "%s", no_conn);
	tcp_set_urgent(p->rig.sh, p->flow->c, ahead);
	return true;
}

/* `leap SECONDS`: the clock jumps, as when a machine was suspended. */
static bool cmd_leap(struct play *p, struct scan *s)
{
	uint32_t seconds;

	if (!scan_number(s, &seconds))
		return false;
	p->now += (usec_t)seconds * 1000000;
	p->mark = p->now;
	return play_turn(p);
}

static bool cmd_stop(struct play *p, struct scan *s)
{
	(void)s;
	tcp_stop(p->rig.sh, 1);
	return true;
}

static bool cmd_announce(struct play *p, struct scan *s)
{
	(void)s;
	net_announce(p->rig.sh, 0);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct play *p, struct scan *s);
} commands[] = {
    {"accept", cmd_accept},     {"connect", cmd_connect},   {"write", cmd_write},
    {"read", cmd_read},         {"take", cmd_take},         {"readable", cmd_readable},
    {"writable", cmd_writable}, {"shutdown", cmd_shutdown}, {"close", cmd_close},
    {"abort", cmd_abort},       {"state", cmd_state},       {"event", cmd_event},
    {"counter", cmd_counter},   {"objects", cmd_objects},   {"renew", cmd_renew},
    {"flow", cmd_flow},         {"burst", cmd_burst},       {"port", cmd_port},
    {"buffers", cmd_buffers},   {"announce", cmd_announce}, {"stop", cmd_stop},
    {"leap", cmd_leap},         {"urgent", cmd_urgent},     {"hurry", cmd_hurry},
    {"lists", play_lists},
};

bool play_command(struct play *p, struct scan *s)
{
	char name[32];

	if (!scan_word(s, name, sizeof(name)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		return commands[i].run(p, s) &&
		       (scan_end(s) || scan_fail(s, "nothing more should come at \"%.20s\"", s->p));
	}
	return scan_fail(s, "unknown command \"%s\"", name);
}
