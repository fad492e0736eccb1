/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/crew.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sys/prctl.h>
#include <time.h>

#include "drivers/port_open.h"
#include "engine/run/config.h"
#include "engine/run/machine.h"

#define TIMER_SLACK_NS 1000 /* Linux would lengthen each sleep by 50 us */
#define ORDER_POLL_NS  20000
#define SLEEP_MAX_US   1000 /* orders do not wait longer */

usec_t crew_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (usec_t)ts.tv_sec * 1000000 + (usec_t)ts.tv_nsec / 1000;
}

size_t crew_hand_bytes(const struct plan *plan)
{
	return ALIGN_UP(sizeof(struct hand), (size_t)CACHE_LINE) + load_bytes(plan);
}

static bool open_port(struct crew *c, struct report *r)
{
	struct report of_port = {0};
	uint16_t workers = c->plan->conf->nb_workers;

	c->port = port_open(c->plan->conf, 0, &c->buf_ops[0], &c->pools, &of_port);
	if (of_port.notice[0])
		report_notice(r, "%s", of_port.notice);
	if (!c->port)
		return report_error(r, "%s", of_port.error);
	if (c->port->nb_queues < workers)
		return report_error(r,
				    "port \"%s\" has %u queue%s for %u workers: lower "
				    "workers.count to it, or give the device more queues",
				    c->port->name, c->port->nb_queues,
				    c->port->nb_queues == 1 ? "" : "s", workers);
	return true;
}

bool crew_open(struct crew *c, const struct plan *plan, struct report *r)
{
	const struct conf *conf = plan->conf;
	struct dpdk_memory_need need = {.piece = crew_hand_bytes(plan)};
	struct config_size size;

	config_size(conf, need.piece, &size);
	need.bytes = size.pages * CONFIG_PAGE_SIZE;
	if (!machine_check_memory(conf, size.bytes, r))
		return false;
	c->plan = plan;
	c->eal_up = dpdk_eal_init(&c->eal, conf, &need, r);
	if (!c->eal_up || !dpdk_pools_create(conf, &c->pools, r))
		return false;
	for (uint16_t i = 0; i < conf->nb_workers; i++)
		c->buf_ops[i] = dpdk_pools_ops(&c->pools, i);
	return open_port(c, r);
}

/* Sleeps when there was nothing to do for as long as a sleep takes. */
static void rest(struct hand *h, usec_t now)
{
	usec_t sleep_us = MIN(h->idle_sleep_us, (usec_t)SLEEP_MAX_US), at;

	if (now - h->busy_at < sleep_us)
		return;
	if (load_next(h->load, &at))
		sleep_us = MIN(sleep_us, at > now ? at - now : 0);
	if (sleep_us > 0)
		nanosleep(&(struct timespec){.tv_sec = (time_t)(sleep_us / 1000000),
					     .tv_nsec = (long)(sleep_us % 1000000) * 1000},
			  NULL);
}

static void report(struct hand *h)
{
	h->tally = h->load->tally;
	h->exhausted = load_is_exhausted(h->load);
	h->idle = load_is_idle(h->load);
}

static void obey(struct hand *h)
{
	switch (h->order) {
	case CREW_RUN:
		load_run(h->load, h->rate);
		return;
	case CREW_COUNT:
		load_count(h->load);
		return;
	case CREW_REST:
		load_rest(h->load);
		report(h);
		return;
	case CREW_REPORT:
		report(h);
		return;
	case CREW_QUIT:
		h->quit = true;
	}
}

/* The worker's thread. The counter is read once a turn: its end is the next one's begin. */
static int hand_run(void *arg)
{
	struct hand *h = arg;
	uint64_t begin = rte_rdtsc(), end;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	while (!h->quit) {
		usec_t now = run_clock_read(&h->clock, begin);
		bool worked = load_turn(h->load, h->port, now);
		uint32_t asked = atomic_load_explicit(&h->asked, memory_order_acquire);

		if (worked)
			h->busy_at = now;
		else if (h->idle_sleep_us)
			rest(h, now);
		end = rte_rdtsc();
		h->load->tally.n[TALLY_cycles] += end - begin;
		h->load->tally.n[TALLY_busy_cycles] += worked ? end - begin : 0;
		begin = end;
		if (unlikely(asked != atomic_load_explicit(&h->done, memory_order_relaxed))) {
			obey(h);
			atomic_store_explicit(&h->done, asked, memory_order_release);
		}
	}
	return 0;
}

static bool make_hand(struct crew *c, uint16_t id, const uint8_t target_mac[6], struct report *r)
{
	int socket = (int)rte_lcore_to_socket_id(DPDK_WORKER_LCORE(id));
	struct load_args args = {.plan = c->plan, .buf_ops = &c->buf_ops[id], .id = id};
	struct hand *h = dpdk_mem_alloc("worker", crew_hand_bytes(c->plan), socket, r);

	if (!h)
		return false;
	c->hands[id] = h;
	h->port = c->port;
	h->idle_sleep_us = c->plan->conf->idle_sleep_us;
	run_clock_init(&h->clock, rte_get_tsc_hz(), rte_rdtsc(), crew_now);
	memcpy(args.mac, c->port->mac, 6);
	memcpy(args.target_mac, target_mac, 6);
	args.now = h->clock.last_us;
	h->load = load_init((uint8_t *)h + ALIGN_UP(sizeof(*h), (size_t)CACHE_LINE), &args);
	return true;
}

bool crew_launch(struct crew *c, const uint8_t target_mac[6], struct report *r)
{
	uint16_t n = c->plan->conf->nb_workers;

	for (uint16_t i = 0; i < n; i++)
		if (!make_hand(c, i, target_mac, r))
			return false;
	for (uint16_t i = 0; i < n; i++) {
		int rc = rte_eal_remote_launch(hand_run, c->hands[i], DPDK_WORKER_LCORE(i));

		if (rc != 0)
			return report_error(r, "worker %u can't be started: %s", i, strerror(-rc));
		c->nb_launched++;
	}
	return true;
}

void crew_order(struct crew *c, enum crew_order order, uint64_t rate)
{
	for (uint16_t i = 0; i < c->nb_launched; i++) {
		struct hand *h = c->hands[i];

		h->order = order;
		h->rate = rate;
		atomic_fetch_add_explicit(&h->asked, 1, memory_order_release);
	}
	for (uint16_t i = 0; i < c->nb_launched; i++) {
		struct hand *h = c->hands[i];

		while (atomic_load_explicit(&h->done, memory_order_acquire) !=
		       atomic_load_explicit(&h->asked, memory_order_relaxed))
			nanosleep(&(struct timespec){.tv_nsec = ORDER_POLL_NS}, NULL);
	}
}

void crew_report(struct crew *c, struct tally *out, bool *exhausted, bool *idle)
{
	crew_order(c, CREW_REPORT, 0);
	memset(out, 0, sizeof(*out));
	*exhausted = *idle = true;
	for (uint16_t i = 0; i < c->nb_launched; i++) {
		tally_merge(out, &c->hands[i]->tally);
		*exhausted &= c->hands[i]->exhausted;
		*idle &= c->hands[i]->idle;
	}
}

void crew_close(struct crew *c)
{
	uint16_t n = c->nb_launched;

	crew_order(c, CREW_QUIT, 0);
	for (uint16_t i = 0; i < n; i++)
		rte_eal_wait_lcore(DPDK_WORKER_LCORE(i));
	for (uint16_t i = 0; i < CONF_MAX_WORKERS && c->hands[i]; i++) {
		load_fini(c->hands[i]->load);
		dpdk_mem_free(c->hands[i]);
	}
	port_close(c->port);
	dpdk_pools_free(&c->pools);
	if (c->eal_up)
		dpdk_eal_fini(&c->eal);
}
