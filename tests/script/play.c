/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs scripts: time, turns, frames in and out. See play.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "tests/script/lists.h"
#include "tests/script/other.h"
#include "tests/script/play.h"

#define PLAY_BUFS_EXTRA   256   /* frames of the peer's, beyond the engine's buffers */
#define PLAY_TURNS_MAX    10000 /* turns without time passing: the engine is stuck */
#define PLAY_TIMER_BUDGET 64
#define PLAY_BUSY_US      1000

static const char *family_name(uint8_t family)
{
	return family == IP_V4 ? "IPv4" : "IPv6";
}

bool play_fail(struct play *p, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	if (p->failed)
		return false;
	p->failed = true;
	used = (size_t)snprintf(p->why, sizeof(p->why), "%s:%d: (%s, %.6f s) ", p->line->file,
				p->line->number, family_name(p->family),
				(double)(p->now - p->start) / 1e6);
	used = MIN(used, sizeof(p->why) - 1);
	va_start(ap, fmt);
	vsnprintf(p->why + used, sizeof(p->why) - used, fmt, ap);
	va_end(ap);
	return false;
}

/* A port that takes everything: copies the frame and keeps or drops its reference. */
static uint32_t capture(void *ctx, struct buf **bufs, uint32_t n)
{
	struct play *p = ctx;

	for (uint32_t i = 0; i < n; i++) {
		struct buf *b = bufs[i];
		struct captured *c = malloc(sizeof(*c) + b->len);

		if (!c)
			return i;
		*c = (struct captured){.at = p->now, .len = b->len};
		c->pending = (b->flags & BUF_TX_IP_CSUM ? FRAME_IP_SUM_PENDING : 0) |
			     (b->flags & BUF_TX_L4_CSUM ? FRAME_L4_SUM_PENDING : 0);
		memcpy(c->bytes, b->data, b->len);
		if (p->tail)
			p->tail->next = c;
		else
			p->head = c;
		p->tail = c;
		if (p->holding && p->nb_held < ARRAY_SIZE(p->held)) {
			if (b->flags & BUF_KEEP)
				mem_pool_hold(b);
			p->held[p->nb_held++] = b;
		} else if (!(b->flags & BUF_KEEP)) {
			mem_pool_put(p->pool, b);
		}
	}
	return n;
}

static struct captured *pop(struct play *p)
{
	struct captured *c = p->head;

	if (!c)
		return NULL;
	p->head = c->next;
	if (!p->head)
		p->tail = NULL;
	return c;
}

/* Drops the frames in front that the script is not to see. */
static void purge(struct play *p)
{
	while (p->head && p->head->hidden)
		free(pop(p));
}

struct captured *play_take(struct play *p)
{
	struct captured *c = pop(p);

	purge(p);
	return c;
}

struct flow *play_flow_of(struct play *p, const struct frame *f)
{
	for (uint32_t i = 0; i < PLAY_FLOWS; i++) {
		struct flow *flow = &p->flows[i];

		if (flow->rport != f->tcp.dport || !ipaddr_equal(&flow->peer, &f->daddr) ||
		    !ipaddr_equal(&flow->local, &f->saddr))
			continue;
		if (flow->lport == 0 && (f->tcp.flags & FRAME_SYN))
			flow->lport = f->tcp.sport;
		if (flow->lport == f->tcp.sport)
			return flow;
	}
	return NULL;
}

/* A frame of the engine's in the notation of scripts. */
static void print_frame(struct play *p, FILE *out, const struct frame *f)
{
	static const struct relation absolute;
	struct other_context ctx = {.family = p->family};
	const struct flow *flow;
	struct segment seg;
	struct other o;
	char why[200];

	rig_mac(ctx.peer_mac, 2, 0);
	if (f->kind != FRAME_TCP) {
		if (other_of_frame(f, &ctx, &o, why, sizeof(why)))
			other_print(out, &o);
		else
			fputs(why, out);
		return;
	}
	flow = play_flow_of(p, f);
	segment_of_frame(f, flow ? &flow->rel : &absolute, &seg);
	segment_print(out, &seg);
	if (!flow)
		fprintf(out, "   (ports %u -> %u)", f->tcp.sport, f->tcp.dport);
	else if (flow != p->flow)
		fprintf(out, "   (conn %u)", (unsigned)(flow - p->flows));
}

bool play_unexpected(struct play *p, const struct captured *c, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct frame f;
	char why[200];

	frame_parse(c->bytes, c->len, c->pending, &f, why, sizeof(why));
	fprintf(out, "+%.6f > ", (double)(c->at - p->mark) / 1e6);
	print_frame(p, out, &f);
	fclose(out);
	play_fail(p, "\n    expected  %s\n    actual    %s", expected, text);
	free(text);
	return false;
}

static void trace(struct play *p, const struct captured *c, const struct frame *f)
{
	printf("# %12.6f      sent > ", (double)(c->at - p->start) / 1e6);
	print_frame(p, stdout, f);
	printf("\n");
}

/* Learns where a connection's numbers begin from the first frames of it. */
static void learn(struct play *p, const struct frame *f)
{
	struct flow *flow = f->kind == FRAME_TCP ? play_flow_of(p, f) : NULL;

	if (!flow)
		return;
	if ((f->tcp.flags & FRAME_SYN) && !flow->rel.ours_known) {
		flow->rel.ours = f->tcp.seq;
		flow->rel.ours_known = true;
		if (flow->has_floor && (int32_t)(f->tcp.seq - flow->floor) <= 0)
			play_fail(p, "the new sequence number is %u before the old one's end",
				  flow->floor - f->tcp.seq);
		flow->has_floor = false;
		if (!p->learnt) {
			p->learnt = true;
			p->learnt_iss = f->tcp.seq;
		}
	}
	for (uint32_t i = 0; i + 10 <= f->tcp.opts_len && f->tcp.opts[i] && !flow->rel.ts_known;) {
		const uint8_t *o = f->tcp.opts + i;

		if (o[0] == 8) {
			flow->rel.ts_ours = (uint32_t)o[2] << 24 | (uint32_t)o[3] << 16 |
					    (uint32_t)o[4] << 8 | o[5];
			flow->rel.ts_known = true;
		}
		i += o[0] == 1 ? 1 : o[1];
	}
}

/* The next hop is known all the time unless the script wants to see it asked for. */
static bool answer_for_neighbour(struct play *p, const struct frame *f)
{
	struct other_context ctx = {.family = p->family, .rel = &p->flows[0].rel};
	struct other o;
	struct frame reply;
	uint8_t room[64], bytes[FRAME_MAX];
	char why[128];

	if (!p->set.neighbour)
		return false;
	rig_mac(ctx.local_mac, 1, 0);
	rig_mac(ctx.peer_mac, 2, 0);
	if (!other_of_frame(f, &ctx, &o, why, sizeof(why)) || o.kind != OTHER_NEIGHBOUR_REQUEST ||
	    ipaddr_equal(&o.who, &o.tell))
		return false; /* not a question: an announcement is none either */
	o.kind = OTHER_NEIGHBOUR_REPLY;
	other_build(&o, &ctx, &reply, room);
	reply.vlan = f->vlan;
	play_receive(p, bytes, frame_build(bytes, &reply));
	return true;
}

/* Looks at what has just been sent; frames from `c` on are new. */
static bool examine(struct play *p, struct captured *c)
{
	for (; c; c = c->next) {
		struct frame f;
		char why[200];

		if (!frame_parse(c->bytes, c->len, c->pending, &f, why, sizeof(why)))
			return play_fail(p, "the engine has sent a bad frame: %s", why);
		learn(p, &f);
		if (p->verbose && !p->learning)
			trace(p, c, &f);
		c->hidden = f.kind != FRAME_TCP && answer_for_neighbour(p, &f);
	}
	purge(p);
	return !p->failed;
}

/* False: timers never end. */
static bool expire_timers(struct play *p)
{
	for (uint32_t left = PLAY_TURNS_MAX; shard_timers(p->rig.sh, PLAY_TIMER_BUDGET);)
		if (--left == 0)
			return play_fail(p, "timers go on expiring without an end");
	return true;
}

/* To p->now, which takes several turns when it lies days ahead. */
static bool set_time(struct play *p)
{
	struct shard *sh = p->rig.sh;

	for (shard_set_time(sh, p->now); sh->now_us < p->now; shard_set_time(sh, p->now)) {
		if (!expire_timers(p))
			return false;
		shard_finish(sh);
	}
	return true;
}

static bool turn_once(struct play *p)
{
	struct shard *sh = p->rig.sh;
	struct captured *before = p->tail;

	if (!set_time(p))
		return false;
	if (p->nb_burst) {
		shard_receive(sh, p->burst, p->nb_burst);
		p->nb_burst = 0;
	}
	if (!expire_timers(p))
		return false;
	shard_finish(sh);
	if (!p->busy)
		shard_transmit(sh, 0, capture, p);
	if (!shard_check(sh))
		return play_fail(p, "shard_check() finds the shard inconsistent");
	return examine(p, before ? before->next : p->head);
}

bool play_turn(struct play *p)
{
	usec_t at;
	uint32_t turns = 0;

	do {
		if (++turns > PLAY_TURNS_MAX)
			return play_fail(p, "the engine is busy without an end");
		if (!turn_once(p))
			return false;
		/* With the port busy work may stay undone however often it is tried. */
	} while (p->nb_burst || (!p->busy && shard_next_deadline(p->rig.sh, &at) && at <= p->now));
	return true;
}

bool play_wait(struct play *p, usec_t until)
{
	usec_t at;

	while (!p->head && p->now < until) {
		/* While the port is busy, a worker with work to do looks again soon. */
		if (!shard_next_deadline(p->rig.sh, &at))
			at = until;
		if (at <= p->now && p->busy)
			at = p->now + PLAY_BUSY_US;
		p->now = MIN(MAX(at, p->now), until);
		if (!play_turn(p))
			return false;
	}
	return true;
}

/* A buffer of the peer's, also when the engine is to have none left. */
static struct buf *peer_buf(struct play *p)
{
	struct buf *b = p->hoard;

	if (!b)
		return mem_pool_get(p->pool);
	p->hoard = b->next;
	b->next = NULL;
	return b;
}

bool play_receive(struct play *p, const uint8_t *bytes, uint32_t len)
{
	struct buf *b = peer_buf(p);

	if (!b || len > b->room - BUF_HEADROOM)
		return play_fail(p, "no buffer for a frame of %u bytes", len);
	memcpy(b->data, bytes, len);
	b->len = len;
	b->port = 0;
	p->burst[p->nb_burst++] = b;
	if (p->bursting && p->nb_burst < SHARD_BURST)
		return true;
	return p->nb_burst < SHARD_BURST || play_turn(p);
}

static void init_flows(struct play *p)
{
	bool v6 = p->family == IP_V6;

	for (uint32_t i = 0; i < PLAY_FLOWS; i++)
		p->flows[i] = (struct flow){
		    .local = testconf_ip(v6 ? PLAY_LOCAL6 : PLAY_LOCAL4),
		    .peer = testconf_ip(v6 ? PLAY_PEER6 : PLAY_PEER4),
		    .lport = PLAY_PORT,
		    .rport = (uint16_t)(40000 + i),
		    .wnd = 65535,
		    .rel.theirs = p->set.peer_isn,
		};
}

/* As a worker does before its first connection to a next hop. */
static bool meet_neighbour(struct play *p)
{
	uint8_t mac[6];

	if (!p->set.neighbour)
		return true;
	net_resolve(p->rig.sh, 0, &p->flows[0].peer, mac);
	if (!play_turn(p) || !play_turn(p))
		return false;
	memset(p->rig.sh->stats, 0, sizeof(p->rig.sh->stats));
	return true;
}

static bool world_init(struct play *p, usec_t start)
{
	uint32_t room = ALIGN_UP((uint32_t)p->set.mtu + 200, 64u);

	settings_apply(&p->set, p->family, &p->tc);
	p->tc.user = p;
	p->start = p->now = p->mark = start;
	p->pool = mem_pool_create(p->set.memory.buffers + PLAY_BUFS_EXTRA, room, 0);
	if (!p->pool)
		return play_fail(p, "no memory for buffers");
	rig_init(&p->rig, &p->tc, p->pool, 1, 1, p->set.csum_offload, start);
	if (p->set.service == PLAY_MANUAL)
		rig_serve(&p->rig, &play_service);
	init_flows(p);
	return meet_neighbour(p);
}

/* Everything goes back; what does not is a leak. */
static void world_fini(struct play *p)
{
	struct captured *c;
	uint32_t left;

	if (!p->pool)
		return;
	for (uint32_t i = 0; i < p->nb_burst; i++)
		mem_pool_put(p->pool, p->burst[i]);
	for (uint32_t i = 0; i < p->nb_held; i++)
		mem_pool_put(p->pool, p->held[i]);
	while (p->hoard) {
		struct buf *b = p->hoard;

		p->hoard = b->next;
		mem_pool_put(p->pool, b);
	}
	while ((c = play_take(p)))
		free(c);
	rig_fini(&p->rig);
	play_lists_free(p);
	left = mem_pool_in_use(p->pool);
	if (left)
		play_fail(p, "%u buffers have leaked", left);
	mem_pool_destroy(p->pool);
	p->pool = NULL;
}

/* Lets time pass up to a line that is not about the engine's frames. */
static bool reach(struct play *p, usec_t at, const char *text)
{
	struct captured *c;

	if (!play_wait(p, at))
		return false;
	c = p->head;
	if (c) {
		char expected[300];

		snprintf(expected, sizeof(expected), "no frame before: %s", text);
		return play_unexpected(p, c, expected);
	}
	p->mark = at;
	return true;
}

/* `+T`, `+T~+T`, `T` or `*` in front of a line; nothing is `+0`. */
static bool scan_when(struct play *p, struct scan *s, usec_t *from, usec_t *until)
{
	*from = *until = p->mark;
	if (scan_accept(s, "*")) {
		*until = UINT64_MAX;
		return true;
	}
	if (scan_accept(s, "+")) {
		if (!scan_time(s, from))
			return false;
		*until = *from += p->mark;
	} else if (*s->p >= '0' && *s->p <= '9') {
		if (!scan_time(s, from))
			return false;
		*until = *from += p->start;
	}
	if (!scan_accept(s, "~"))
		return true;
	if (!scan_expect(s, "+") || !scan_time(s, until))
		return false;
	*until += p->mark;
	return true;
}

/* What stands in front of a line: for which flows and families it is. */
struct prefix {
	uint32_t first, last; /* flows */
	uint32_t times;       /* for each of them */
	bool skip;            /* not for this family */
};

/* `conn N:` or `conn N-M:` */
static bool scan_flows(struct scan *s, struct prefix *x)
{
	if (!scan_number(s, &x->first))
		return false;
	x->last = x->first;
	if (scan_accept(s, "-") && !scan_number(s, &x->last))
		return false;
	if (x->last >= PLAY_FLOWS || x->first > x->last)
		return scan_fail(s, "connections are 0 to %d", PLAY_FLOWS - 1);
	return scan_expect(s, ":");
}

/* `conn N:`, `repeat N:`, `ipv4:` and `ipv6:`, in any order. */
static bool scan_prefix(struct play *p, struct scan *s, struct prefix *x)
{
	*x = (struct prefix){.first = p->current, .last = p->current, .times = 1};
	for (;;) {
		if (scan_accept(s, "ipv4:"))
			x->skip |= p->family != IP_V4;
		else if (scan_accept(s, "ipv6:"))
			x->skip |= p->family != IP_V6;
		else if (scan_accept(s, "repeat")) {
			if (!scan_number(s, &x->times) || !scan_expect(s, ":"))
				return false;
		} else if (!scan_accept(s, "conn"))
			return true;
		else if (!scan_flows(s, x))
			return false;
	}
}

/* One line for one flow. */
static bool run_for_flow(struct play *p, struct scan *s)
{
	usec_t from, until;
	bool fine;

	if (!scan_when(p, s, &from, &until))
		return false;
	if (scan_accept(s, ">"))
		return play_expect(p, s, from, until);
	if (!reach(p, from, p->line->text))
		return false;
	fine = scan_accept(s, "<") ? play_inject(p, s) : play_command(p, s);
	return fine && (p->bursting || play_turn(p));
}

static bool run_line(struct play *p)
{
	struct scan s = {.p = p->line->text};
	struct prefix x;

	if (settings_is(s.p))
		return true;
	if (p->verbose && !p->learning)
		printf("# %12.6f  %s\n", (double)(p->now - p->start) / 1e6, p->line->text);
	if (!scan_prefix(p, &s, &x))
		return play_fail(p, "%s", s.why);
	if (scan_end(&s)) /* `conn N:` alone: of the lines that follow */
		p->current = x.first;
	if (x.skip || scan_end(&s))
		return true;
	for (uint32_t i = 0; i < (x.last - x.first + 1) * x.times; i++) {
		struct scan rest = s;

		p->flow = &p->flows[x.first + i / x.times];
		if (!run_for_flow(p, &rest) || p->failed)
			return play_fail(p, "%s", rest.why);
	}
	return true;
}

static bool run_lines(struct play *p, usec_t start)
{
	p->line = &p->script->lines[0];
	if (world_init(p, start)) {
		for (size_t i = 0; i < p->script->nb_lines; i++) {
			p->line = &p->script->lines[i];
			if (!run_line(p) || (p->learning && p->learnt))
				break;
		}
		if (!p->failed && !p->learning && p->head)
			play_unexpected(p, p->head, "the end of the script");
	}
	if (p->learning)
		p->failed = true; /* nothing that is left over counts */
	world_fini(p);
	return !p->failed;
}

static void reset(struct play *p, bool learning)
{
	struct play fresh = {.script = p->script,
			     .family = p->family,
			     .verbose = p->verbose,
			     .set = p->set,
			     .learning = learning};

	*p = fresh;
}

/*
 * Initial sequence numbers tick every 4 µs (RFC 6528): a rehearsal shows what
 * the first one is, and the script proper begins as much later as makes it the
 * one that is wanted.
 */
static usec_t choose_start(struct play *p)
{
	usec_t start = 100 * (usec_t)1000000;

	if (p->set.start_ms)
		return p->set.start_ms * (usec_t)1000;
	reset(p, true);
	run_lines(p, start);
	if (p->learnt)
		start += (usec_t)(p->set.iss - p->learnt_iss) * 4;
	return start;
}

bool play_run(struct play *p, const struct script *script, uint8_t family, bool verbose)
{
	struct scan scan;
	usec_t start;

	memset(p, 0, sizeof(*p));
	p->script = script;
	p->family = family;
	p->verbose = verbose;
	if (!settings_read(&p->set, script, &scan, &p->line))
		return play_fail(p, "%s", scan.why);
	start = choose_start(p);
	reset(p, false);
	if (!run_lines(p, start))
		return false;
	if (p->set.iss_required && (!p->learnt || p->learnt_iss != p->set.iss))
		return play_fail(p, "the first sequence number is 0x%08x, not 0x%08x",
				 p->learnt_iss, p->set.iss);
	return true;
}
