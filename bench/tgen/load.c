/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a load that all modes share: its life, the turn, buffers. */
#include "bench/tgen/load.h"

#include "bench/tgen/mode.h"
#include "bench/tgen/neighbour.h"

#define REFILL     32
#define TX_BACKLOG 256 /* frames that wait while more is started */

/* The client table lies behind the load. */
static size_t head_bytes(void)
{
	return ALIGN_UP(sizeof(struct load), (size_t)CACHE_LINE);
}

size_t load_bytes(const struct plan *plan)
{
	return head_bytes() + (plan->mode == PLAN_CLIENT ? client_bytes(plan) : 0);
}

static void init_mode(struct load *l, const struct load_args *args)
{
	switch (args->plan->mode) {
	case PLAN_OPEN:
	case PLAN_VISIT:
		visit_init(l, args);
		return;
	case PLAN_WAKE:
		wake_init(l, args);
		return;
	case PLAN_CLIENT:
		client_init(l, args, (uint8_t *)l + head_bytes());
		return;
	case PLAN_ANSWER:
		answer_init(l, args);
		return;
	default:
		flood_init(l, args);
	}
}

/* This worker's part of the plan's connections; the first ones take the rest. */
static uint64_t share_of(const struct plan *plan, uint16_t id)
{
	uint16_t n = plan->conf->nb_workers;

	if (plan->connections == 0)
		return UINT64_MAX;
	return plan->connections / n + (id < plan->connections % n);
}

/* Few clients for many workers may leave one without any. */
static bool has_client(const struct population *p)
{
	struct end e;

	for (uint64_t i = 0; i <= p->mask; i++)
		if (population_client(p, i, &e))
			return true;
	return false;
}

struct load *load_init(void *mem, const struct load_args *args)
{
	const struct plan *plan = args->plan;
	struct load *l = mem;
	uint16_t workers = plan->conf->nb_workers;

	l->plan = plan;
	l->buf_ops = *args->buf_ops;
	l->id = args->id;
	memcpy(l->mac, args->mac, 6);
	l->target = end_of(&plan->target);
	l->target.port_be = plan->target_port_be;
	l->key = (plan->seed + 1) * 0x2545f4914f6cdd1dull;
	l->random = l->key ^ args->id;
	population_init(&l->clients, plan, args->id);
	l->share =
	    plan->mode == PLAN_ANSWER || has_client(&l->clients) ? share_of(plan, args->id) : 0;
	l->window.limit = (plan->concurrency + workers - 1) / workers;
	l->window.at = (uint16_t)((uint32_t)args->now >> WINDOW_SHIFT);
	load_set_time(l, args->now);
	l->since = l->now;
	init_mode(l, args);
	return l;
}

void load_fini(struct load *l)
{
	l->buf_ops.free_bulk(l->buf_ops.ctx, l->tx.bufs, l->tx.count);
	l->buf_ops.free_bulk(l->buf_ops.ctx, l->spare.bufs, l->spare.count);
	l->tx.count = l->spare.count = 0;
}

void load_run(struct load *l, uint64_t rate)
{
	if (l->plan->mode == PLAN_ANSWER)
		return;
	pace_begin(&l->pace, rate == PLAN_RATE_MAX ? 0 : rate, l->plan->conf->nb_workers, l->now);
}

void load_rest(struct load *l)
{
	l->pace.on = false;
}

void load_count(struct load *l)
{
	l->tally = (struct tally){0};
	l->since = l->now;
}

bool load_is_idle(const struct load *l)
{
	return l->tx.count == 0 && (l->client ? !client_is_busy(l) : l->window.open <= 0);
}

/* False: the frame is one of the target's, and damaged. */
static bool is_sound(const struct load *l, const struct buf *b)
{
	bool v6 = l->clients.v6, answers = l->plan->mode == PLAN_ANSWER;
	struct inbound s;

	if (!(answers ? inbound_read(b, &l->target, &s, false, v6)
		      : inbound_read(b, &l->target, &s, true, v6)))
		return true;
	return mode_sums_are_right(b, v6);
}

/* Takes the damaged ones out; how many are left. */
static NOINLINE uint32_t verify(struct load *l, struct buf *const *bufs, struct buf **good,
				uint32_t n)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (is_sound(l, bufs[i])) {
			good[left++] = bufs[i];
			continue;
		}
		mode_count(l, TALLY_bad_sums);
		mode_free(l, bufs[i]);
	}
	return left;
}

void load_input(struct load *l, struct buf *const *bufs, uint32_t n)
{
	struct buf *good[LOAD_BURST];

	l->tally.n[TALLY_rx_frames] += n;
	mode_prefetch(bufs, n);
	if (unlikely(l->plan->verify)) {
		n = verify(l, bufs, good, n);
		bufs = good;
	}
	l->input(l, bufs, n);
}

/* Starts that may be made in this turn, whether due or not. */
static uint32_t begin_limit(const struct load *l)
{
	uint64_t n = MIN(l->share - l->begun, (uint64_t)LOAD_BURST);

	if (l->window.limit && !l->client)
		n = MIN(n, (uint64_t)MAX((int64_t)l->window.limit - l->window.open, 0));
	return l->tx.count < TX_BACKLOG ? (uint32_t)n : 0;
}

uint32_t load_begin(struct load *l)
{
	uint32_t n = 0;

	if (l->timers)
		l->timers(l);
	if (pace_is_due(&l->pace, l->now))
		n = begin_limit(l);
	if (n == 0)
		return 0;
	n = l->begin(l, n);
	l->begun += n;
	l->tally.n[TALLY_started] += n;
	return n;
}

static uint32_t flush(struct load *l, struct port *p, usec_t now)
{
	uint32_t sent;

	if (l->tx.count == 0)
		return 0;
	sent = port_tx(p, l->id, l->tx.bufs, (uint16_t)l->tx.count, now);
	l->tally.n[TALLY_tx_frames] += sent;
	l->tx.count -= sent;
	if (unlikely(l->tx.count))
		memmove(l->tx.bufs, l->tx.bufs + sent, l->tx.count * sizeof(l->tx.bufs[0]));
	return sent;
}

bool load_turn(struct load *l, struct port *p, usec_t now)
{
	struct buf *bufs[LOAD_BURST];
	uint32_t work;

	load_set_time(l, now);
	work = port_rx(p, l->id, bufs, LOAD_BURST, now);
	if (work)
		load_input(l, bufs, work);
	work += load_begin(l);
	work += flush(l, p, now);
	return work > 0;
}

bool load_next(const struct load *l, usec_t *at)
{
	bool any = l->client && client_next(l, at);
	usec_t due;

	if (!l->pace.on || load_is_exhausted(l) ||
	    !(l->client ? client_has_slot(l) : window_has_room(&l->window)))
		return any;
	due = l->pace.period ? l->pace.next >> PACE_FRACTION : l->now;
	*at = any ? MIN(*at, due) : due;
	return true;
}

void mode_frame(struct frame *f, const struct load *l, const struct load_args *args, uint8_t flags,
		const void *payload, uint32_t payload_len)
{
	const struct plan_options *options = &l->plan->options;
	struct frame_spec spec = {.smac = args->mac,
				  .dmac = args->target_mac,
				  .fixed = &l->plan->target,
				  .fixed_port_be = l->plan->target_port_be,
				  .from_fixed = l->plan->mode == PLAN_ANSWER,
				  .flags = flags,
				  .wnd = MODE_WINDOW,
				  .opt.has_ts = options->timestamps,
				  .payload = payload,
				  .payload_len = payload_len};

	if (flags & TCP_SYN) {
		spec.opt.mss = options->mss;
		spec.opt.sack_permitted = options->sack;
		spec.opt.has_wscale = options->wscale > 0;
		spec.opt.wscale = options->wscale;
	}
	frame_make(f, &spec);
}

static bool is_ours(const void *ctx, const struct ipaddr *addr)
{
	const struct load *l = ctx;
	const struct conf *conf = l->plan->conf;
	struct end e = end_of(addr);

	for (uint16_t i = 0; i < conf->nb_addrs; i++)
		if (ipaddr_equal(&conf->addrs[i].addr, addr))
			return true;
	return addr->family == l->plan->target.family && population_has(&l->clients, &e);
}

static bool is_icmp(const struct buf *b)
{
	uint16_t type = b->len >= ETH_HLEN + IPV4_HLEN ? get_be16(b->data + 12) : 0;

	if (type == ETH_TYPE_IPV4)
		return b->data[ETH_HLEN + 9] == IPPROTO_ICMP4_;
	return type == ETH_TYPE_IPV6 && b->data[ETH_HLEN + 6] == IPPROTO_ICMP6_;
}

void mode_other(struct load *l, struct buf *b)
{
	if (neighbour_answer(b, l->mac, is_ours, l)) {
		mode_send(l, b);
		return;
	}
	mode_count(l, is_icmp(b) ? TALLY_icmp : TALLY_other);
	mode_free(l, b);
}

void mode_spill(struct load *l)
{
	l->spare.count -= LOAD_SPARE / 2;
	l->buf_ops.free_bulk(l->buf_ops.ctx, l->spare.bufs + l->spare.count, LOAD_SPARE / 2);
}

bool mode_refill(struct load *l)
{
	if (!l->buf_ops.alloc_bulk(l->buf_ops.ctx, l->spare.bufs, REFILL)) {
		mode_count(l, TALLY_no_buffer);
		return false;
	}
	l->spare.count = REFILL;
	return true;
}

bool mode_sums_are_right(const struct buf *b, bool v6)
{
	const uint8_t *ip = b->data + ETH_HLEN;
	const uint8_t *tcp = ip + (v6 ? IPV6_HLEN : IPV4_HLEN);
	uint32_t len = v6 ? get_be16(ip + 4) : get_be16(ip + 2) - (uint32_t)IPV4_HLEN;
	uint32_t addrs[2];

	if (!v6 && !(b->flags & BUF_RX_IP_CSUM_OK) &&
	    csum_fold(csum_partial(ip, IPV4_HLEN)) != 0xffff)
		return false;
	if (b->flags & BUF_RX_L4_CSUM_OK)
		return true;
	memcpy(addrs, ip + 12, sizeof(addrs));
	return csum_fold((v6 ? csum_pseudo6(ip + 8, ip + 24, IPPROTO_TCP_, len)
			     : csum_pseudo4(addrs[0], addrs[1], IPPROTO_TCP_, len)) +
			 csum_partial(tcp, len)) == 0xffff;
}
