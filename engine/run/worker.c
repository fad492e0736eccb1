/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/worker.h"

#include <sys/prctl.h>

#include <rte_cycles.h>

#include "engine/net/mld.h"
#include "engine/run/capture_tap.h"

#define TIMER_BUDGET   256     /* expiries in one turn at most */
#define PUBLISH_US     1000    /* age of published counters at most */
#define SHORT_QUEUE    16      /* frames */
#define LEAVE_US       1000000 /* the end takes this long at most */
#define MLD_REPORTS    2       /* at the start: one may get lost (RFC 3810 §9.1) */
#define MLD_PAUSE_US   1000000 /* between them (§9.11) */
#define TIMER_SLACK_NS 1000    /* Linux would lengthen each sleep by 50 us */

/* Whom shard_transmit() calls back for. */
struct sender {
	struct worker *w;
	uint16_t port;
	usec_t now;
};

/* As shard_receive() on the burst, frame by frame: what a drop counter says after
 * one of them is about this one. */
static void receive_watched(struct worker *w, struct buf *const *bufs, uint32_t n, usec_t now)
{
	struct shard *sh = w->shard;

	for (uint32_t i = 0; i < n; i++) {
		capture_tap_expect(w->tap, bufs[i], sh->stats, now);
		shard_receive(sh, &bufs[i], 1);
		exchange_hand_over(w->exchange, w->shard);
		capture_tap_settle(w->tap, sh->stats);
	}
}

static void receive_burst(struct worker *w, struct buf *const *bufs, uint32_t n, usec_t now)
{
	if (unlikely(w->tap) && capture_tap_wants_drops(w->tap)) {
		receive_watched(w, bufs, n, now);
		return;
	}
	shard_receive(w->shard, bufs, n);
	/* The shard has room for what one burst brings. */
	exchange_hand_over(w->exchange, w->shard);
}

static uint32_t receive_ports(struct worker *w, usec_t now)
{
	struct buf *bufs[SHARD_BURST];
	uint32_t total = 0;

	for (uint16_t p = 0; p < w->shard->conf->nb_ports; p++) {
		uint16_t n;

		if (w->id >= w->ports[p]->nb_queues)
			continue;
		n = port_rx(w->ports[p], w->id, bufs, SHARD_BURST, now);
		if (n == 0)
			continue;
		for (uint16_t i = 0; i < n; i++)
			bufs[i]->port = (uint8_t)p;
		if (unlikely(w->tap))
			capture_tap_received(w->tap, bufs, n, now);
		receive_burst(w, bufs, n, now);
		total += n;
	}
	return total;
}

/* Frames that arrived at another worker's queue and belong to our shard. What is
 * put together from fragments may belong to yet another one. */
static uint32_t receive_handed_over(struct worker *w, usec_t now)
{
	struct buf *bufs[SHARD_BURST];
	uint32_t n = exchange_take_over(w->exchange, w->shard, bufs, SHARD_BURST);

	if (n > 0)
		receive_burst(w, bufs, n, now);
	return n;
}

/* What the port does not take is offered again and captured then. Kept out of
 * send_to_port(), which without a capture needs no registers saved. */
static NOINLINE uint32_t send_captured(struct sender *s, struct buf **bufs, uint32_t n)
{
	struct worker *w = s->w;
	uint32_t sent = 0, piece, k;

	do {
		piece = MIN(n - sent, (uint32_t)CAPTURE_HELD_MAX);
		capture_tap_hold(w->tap, bufs + sent, piece, s->port, s->now);
		k = port_tx(w->ports[s->port], w->id, bufs + sent, (uint16_t)piece, s->now);
		capture_tap_sent(w->tap, k);
		sent += k;
	} while (k == piece && sent < n);
	return sent;
}

static uint32_t send_to_port(void *ctx, struct buf **bufs, uint32_t n)
{
	struct sender *s = ctx;

	if (unlikely(s->w->tap))
		return send_captured(s, bufs, n);
	return port_tx(s->w->ports[s->port], s->w->id, bufs, (uint16_t)n, s->now);
}

static uint32_t transmit_on(struct worker *w, uint16_t p, usec_t now)
{
	struct sender s = {w, p, now};

	if (w->id < w->ports[p]->nb_queues)
		return shard_transmit(w->shard, p, send_to_port, &s);
	return exchange_send(w->exchange, w->shard, p, w->id % w->ports[p]->nb_queues);
}

/* Where sending is a system call that takes a microsecond or more a frame, many frames of one
 * port, a flood's answers, hold up the few of another: these go first. */
static uint32_t transmit(struct worker *w, usec_t now)
{
	uint32_t nb_long = 0, sent = 0;
	uint16_t late[CONF_MAX_PORTS];

	for (uint16_t p = 0; p < w->shard->conf->nb_ports; p++) {
		if (w->shard->tx[p].count > SHORT_QUEUE)
			late[nb_long++] = p;
		else
			sent += transmit_on(w, p, now);
	}
	for (uint32_t i = 0; i < nb_long; i++)
		sent += transmit_on(w, late[i], now);
	return sent;
}

static uint32_t answer(struct worker *w)
{
	struct inquiry *q = mailbox_take(&w->mailbox);

	if (likely(!q))
		return 0;
	inquiry_answer(q, w->shard);
	mailbox_answer(&w->mailbox);
	return 1;
}

/* One turn; returns how much there was to do. */
static uint32_t turn(struct worker *w, usec_t now)
{
	struct shard *sh = w->shard;
	uint32_t work;

	w->tap = capture_slot_look(&w->capture);
	if (unlikely(w->tap))
		capture_tap_turn(w->tap, now);
	shard_set_time(sh, now);
	work = receive_ports(w, now);
	work += receive_handed_over(w, now);
	work += shard_timers(sh, TIMER_BUDGET);
	/* Before our own connections, which would fill all of a busy port's queue. */
	work += exchange_collect(w->exchange, w->shard);
	shard_finish(sh);
	work += transmit(w, now);
	return work + answer(w);
}

/* Time until something happens that no frame or question announces. */
static usec_t time_to_next(struct worker *w, usec_t now, usec_t limit)
{
	usec_t at;

	if (shard_next_deadline(w->shard, &at))
		limit = MIN(limit, at > now ? at - now : 0);
	for (uint16_t p = 0; p < w->shard->conf->nb_ports; p++) {
		struct port *port = w->ports[p];

		if (w->id < port->nb_queues && port->ops->next_event &&
		    port->ops->next_event(port, &at))
			limit = MIN(limit, at > now ? at - now : 0);
	}
	return limit;
}

/* How long to sleep after a turn that began at `now` and ended at `end`, in cycles: when there was
 * nothing to do for as long as a sleep takes, so that a burst's successor finds the worker awake.
 * Before that it lies down for a moment only if others need the CPU, whatever is due. */
static usec_t time_to_sleep(struct worker *w, usec_t now, uint64_t end)
{
	usec_t sleep_us = w->shard->conf->idle_sleep_us;

	if (sleep_us > 0 && now - w->busy_at >= sleep_us)
		sleep_us = time_to_next(w, now, sleep_us);
	else
		sleep_us = 0;
	if (likely(cpu_share_state(&w->share) != CPU_SHARE_SHARED))
		return sleep_us;
	return MAX(sleep_us, cpu_share_nap_us(run_clock_read(&w->clock, end) - now));
}

/* From `begin`, cycles; returns when it is over. */
static uint64_t sleep_for(struct worker *w, usec_t sleep_us, uint64_t begin)
{
	uint64_t end;

	mailbox_sleep(&w->mailbox, sleep_us);
	end = rte_rdtsc();
	turn_times_add(&w->turns, end - begin, false);
	return end;
}

/* One worker speaks for all: each of them has a queue on every port, or shares the first one's. */
static void announce(struct worker *w, usec_t now)
{
	if (w->id != 0)
		return;
	if (w->announced < w->shard->conf->nb_addrs)
		w->announced = net_announce(w->shard, w->announced);
	if (w->mld_reports < MLD_REPORTS && now >= w->mld_at) {
		mld_announce(w->shard);
		w->mld_reports++;
		w->mld_at = now + MLD_PAUSE_US;
	}
}

static void housekeep(struct worker *w, usec_t now)
{
	announce(w, now);
	stat_board_publish(&w->board, w->shard->stats);
	cpu_share_look(&w->share, now);
	w->publish_at = now + PUBLISH_US;
}

/* Frames left the shard's own queues. */
static bool all_sent(const struct shard *sh)
{
	for (uint16_t p = 0; p < sh->conf->nb_ports; p++)
		if (sh->tx[p].count > 0)
			return false;
	return true;
}

/* Resets every connection, receiving nothing any more, and sends for the others
 * what they have to reset through our queues. A port that takes nothing, as one
 * whose link is down, does not hold up the end. */
static void take_leave(struct worker *w)
{
	usec_t now = run_clock_read(&w->clock, rte_rdtsc());
	usec_t until = now + LEAVE_US;
	uint32_t next = 1;
	bool done = false, all_done = false;

	while (now < until && !(all_done && all_sent(w->shard))) {
		all_done = atomic_load(w->nb_open) == 0;
		shard_set_time(w->shard, now);
		if (next)
			next = tcp_stop(w->shard, next);
		exchange_collect(w->exchange, w->shard);
		shard_finish(w->shard);
		transmit(w, now);
		if (!done && !next && all_sent(w->shard)) {
			done = true;
			atomic_fetch_sub(w->nb_open, 1);
		}
		now = run_clock_read(&w->clock, rte_rdtsc());
	}
}

/* No other worker can be on its CPU: each CPU is named once. */
static bool is_alone(const struct worker *w)
{
	const struct conf *conf = w->shard->conf;

	return conf->nb_workers == 1 || conf->worker_cpu[w->id] >= 0;
}

int worker_run(void *arg)
{
	struct worker *w = arg;
	uint64_t begin = rte_rdtsc(), end;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	cpu_share_start(&w->share, w->shard->conf->share_cpu, is_alone(w),
			run_clock_read(&w->clock, begin));
	while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
		usec_t now = run_clock_read(&w->clock, begin), sleep_us;
		bool busy = turn(w, now) > 0;

		if (busy)
			w->busy_at = now;
		if (now >= w->publish_at)
			housekeep(w, now);
		end = rte_rdtsc();
		turn_times_add(&w->turns, end - begin, busy);
		begin = end;
		sleep_us = time_to_sleep(w, now, end);
		if (sleep_us > 0)
			begin = sleep_for(w, sleep_us, begin);
	}
	cpu_share_end(&w->share);
	take_leave(w);
	return 0;
}
