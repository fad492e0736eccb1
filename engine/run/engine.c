/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/engine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "drivers/port_open.h"
#include "drivers/record_port.h"
#include "engine/run/config.h"
#include "engine/run/ctl.h"
#include "engine/run/machine.h"
#include "engine/run/signals.h"

#define CLOCK_SET_US 1000000 /* the time of day is told of when it differs by so much */

usec_t engine_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (usec_t)ts.tv_sec * 1000000 + (usec_t)ts.tv_nsec / 1000;
}

static void set_link(struct net_link *l, const struct port *p)
{
	memcpy(l->mac, p->mac, sizeof(l->mac));
	l->mtu = p->mtu;
	l->tx_ip_csum = p->caps & PORT_TX_IP_CSUM;
	l->tx_tcp_csum = p->caps & PORT_TX_TCP_CSUM;
	l->rx_hash = p->caps & PORT_RX_HASH;
}

/* What a port has to say begins with its place in the file; what others said
 * before must not. */
static struct port *open_port(struct engine *e, uint16_t i, struct report *r)
{
	struct report of_port = {0};
	struct port *p = port_open(e->conf, i, &e->buf_ops[0], &e->pools, &of_port);

	if (of_port.notice[0])
		report_notice(r, "%s", of_port.notice);
	if (!p)
		report_error(r, "%s", of_port.error);
	return p;
}

static bool open_ports(struct engine *e, struct report *r)
{
	for (uint16_t i = 0; i < e->conf->nb_ports; i++) {
		if (signals_heard())
			return false;
		e->ports[i] = open_port(e, i, r);
		if (!e->ports[i])
			return false;
		set_link(&e->links[i], e->ports[i]);
	}
	return true;
}

bool engine_open(struct engine *e, struct conf *conf, struct report *r)
{
	struct dpdk_memory_need need = {.piece = shard_bytes(conf)};
	struct config_size size;

	config_size(conf, need.piece, &size);
	need.bytes = size.pages * CONFIG_PAGE_SIZE;
	if (!machine_check_memory(conf, size.bytes, r))
		return false;
	e->conf = conf;
	if (!lists_init(&e->lists, conf, config_take_prefixes(conf)))
		return report_error(r, "no memory for the prefix lists");
	e->eal_up = dpdk_eal_init(&e->eal, conf, &need, r);
	if (!e->eal_up || signals_heard() || !dpdk_pools_create(conf, &e->pools, r))
		return false;
	for (uint16_t i = 0; i < conf->nb_workers; i++)
		e->buf_ops[i] = dpdk_pools_ops(&e->pools, i);
	return exchange_init(&e->exchange, conf->nb_workers, r) && open_ports(e, r);
}

/* What shards are made from beside the configuration: drawn, read and sampled once for all. */
struct seeds {
	uint8_t entropy[64];
	uint8_t shared[CONFIG_SECRET]; /* if there is one */
	uint64_t wall_offset_us;
};

static bool make_worker(struct engine *e, uint16_t id, const struct seeds *seeds, struct report *r)
{
	int socket = (int)rte_lcore_to_socket_id(DPDK_WORKER_LCORE(id));
	struct shard_args args = {
	    .conf = e->conf,
	    .links = e->links,
	    .buf_ops = &e->buf_ops[id],
	    .id = id,
	    .nb_shards = e->conf->nb_workers,
	    .shared_secret = *e->conf->cookie_secret_file ? seeds->shared : NULL,
	    .wall_offset_us = seeds->wall_offset_us,
	};
	struct worker *w = dpdk_mem_alloc("worker", sizeof(*w), socket, r);
	void *mem;

	if (!w)
		return false;
	e->workers[id] = w;
	w->id = id;
	w->ports = e->ports;
	w->exchange = &e->exchange;
	w->stop = &e->stop;
	w->nb_open = &e->nb_open;
	mailbox_init(&w->mailbox);
	e->lists.mailboxes[id] = &w->mailbox;
	run_clock_init(&w->clock, rte_get_tsc_hz(), rte_rdtsc(), engine_now);
	mem = dpdk_mem_alloc("shard", shard_bytes(e->conf), socket, r);
	if (!mem)
		return false;
	args.now = w->clock.last_us;
	memcpy(args.entropy, seeds->entropy, sizeof(args.entropy));
	w->shard = shard_init(mem, &args);
	shard_set_prefixes(w->shard, lists_current(&e->lists));
	return true;
}

static_assert(CONFIG_SECRET == SHARD_SHARED_SECRET, "what is read is what shards take");

static uint64_t wall_offset_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000 - engine_now();
}

static bool fill_seeds(const struct conf *conf, struct seeds *seeds, struct report *r)
{
	struct config_error err;

	seeds->wall_offset_us = wall_offset_us();
	if (getrandom(seeds->entropy, sizeof(seeds->entropy), 0) != sizeof(seeds->entropy))
		return report_error(r, "the kernel gives no random bytes: %s", strerror(errno));
	if (*conf->cookie_secret_file && !config_read_secret(conf, seeds->shared, &err))
		return report_error(r, "%s", err.text);
	return true;
}

static void share_sources(const struct engine *e)
{
	struct shard *shards[CONF_MAX_WORKERS];

	for (uint16_t i = 0; i < e->conf->nb_workers; i++)
		shards[i] = e->workers[i]->shard;
	shard_share_sources(shards, e->conf->nb_workers);
}

static bool make_workers(struct engine *e, struct report *r)
{
	struct seeds seeds;
	bool ok = fill_seeds(e->conf, &seeds, r);

	e->wall_offset_us = seeds.wall_offset_us;
	for (uint16_t i = 0; ok && i < e->conf->nb_workers; i++)
		ok = !signals_heard() && make_worker(e, i, &seeds, r);
	explicit_bzero(&seeds, sizeof(seeds));
	if (ok)
		share_sources(e);
	return ok;
}

static bool launch(struct engine *e, struct report *r)
{
	for (uint16_t i = 0; i < e->conf->nb_workers; i++) {
		int rc = rte_eal_remote_launch(worker_run, e->workers[i], DPDK_WORKER_LCORE(i));

		if (rc != 0)
			return report_error(r, "worker %u can't be started: %s", i, strerror(-rc));
		e->nb_launched++;
	}
	return true;
}

bool engine_start(struct engine *e, struct report *r)
{
	if (!make_workers(e, r))
		return false;
	e->started = time(NULL);
	return launch(e, r) && ctl_start(e, r);
}

/* A port with a file has the recording port in front, see port_open(). */
static bool is_recording(const struct engine *e, uint16_t i)
{
	return e->ports[i] && e->conf->ports[i].record[0];
}

void engine_stop(struct engine *e)
{
	ctl_stop();
	atomic_store(&e->nb_open, e->nb_launched);
	atomic_store(&e->stop, true);
	for (uint16_t i = 0; i < e->nb_launched; i++)
		rte_eal_wait_lcore(DPDK_WORKER_LCORE(i));
	e->nb_launched = 0;
	for (uint16_t i = 0; e->conf && i < e->conf->nb_ports; i++)
		if (is_recording(e, i))
			record_port_flush(e->ports[i]);
}

static void recording_news(struct engine *e, struct report *r)
{
	for (uint16_t i = 0; i < e->conf->nb_ports; i++) {
		const struct conf_port *c = &e->conf->ports[i];
		struct record_stats s;

		if (e->record_told[i] || !is_recording(e, i))
			continue;
		record_port_stats(e->ports[i], &s);
		if (s.error == 0)
			continue;
		e->record_told[i] = true;
		report_notice(r,
			      "%s:%d: port \"%s\": recording to %s has stopped: %s: traffic goes "
			      "on, its frames are missing there",
			      e->conf->file, c->line, c->name, c->record, strerror(s.error));
	}
}

/* Others' cookies are told by the time of day, which the workers took from the machine when they
 * began: it may be set, their clocks go on. */
static void clock_news(struct engine *e, struct report *r)
{
	int64_t set_us = (int64_t)(wall_offset_us() - e->wall_offset_us);

	if (!*e->conf->cookie_secret_file || e->clock_told ||
	    (set_us < CLOCK_SET_US && set_us > -CLOCK_SET_US))
		return;
	e->clock_told = true;
	report_notice(r,
		      "%s: the time of day was set by %+.1f s since the start: SYN cookies and "
		      "timestamps still go by the one before: start again if other machines go by "
		      "the new one",
		      e->conf->file, (double)set_us / 1e6);
}

static const char *without_priority(const struct conf *conf)
{
	return conf->nb_workers > 1 && conf->worker_cpu[0] < 0
		   ? "name a CPU for each worker in workers.cpus"
		   : "name a CPU that it has for itself in workers.cpus, or allow it real-time "
		     "priority (CAP_SYS_NICE)";
}

/* Of the first worker alone: what is to be done about it is the same for all. */
static void share_news(struct engine *e, struct report *r)
{
	for (uint16_t i = 0; i < e->nb_launched; i++) {
		enum cpu_share_state state = cpu_share_state(&e->workers[i]->share);

		if (state == CPU_SHARE_SHARED && !e->share_told) {
			e->share_told = true;
			report_notice(r,
				      "%s: worker %u: others need its CPU as well: while they do "
				      "it has real-time priority and naps after each turn: name a "
				      "CPU that it has for itself in workers.cpus",
				      e->conf->file, i);
		}
		if (state == CPU_SHARE_REFUSED && !e->refused_told) {
			e->refused_told = true;
			report_notice(r,
				      "%s: worker %u: others need its CPU as well, and while they "
				      "have it frames wait for milliseconds: %s",
				      e->conf->file, i, without_priority(e->conf));
		}
	}
}

void engine_news(struct engine *e, struct report *r)
{
	recording_news(e, r);
	clock_news(e, r);
	pressure_news(e, r);
	share_news(e, r);
}

static void free_worker(struct worker *w)
{
	if (!w)
		return;
	/* Its memory goes with the process: DPDK would first write zeros to all of it. */
	if (w->shard)
		shard_fini(w->shard);
	dpdk_mem_free(w);
}

void engine_close(struct engine *e)
{
	for (uint16_t i = 0; e->conf && i < e->conf->nb_workers; i++)
		free_worker(e->workers[i]);
	lists_fini(&e->lists);
	exchange_fini(&e->exchange, &e->buf_ops[0]);
	for (uint16_t i = 0; i < CONF_MAX_PORTS; i++)
		port_close(e->ports[i]);
	dpdk_pools_free(&e->pools);
	if (e->eal_up)
		dpdk_eal_fini(&e->eal);
}

void engine_buffers(const struct engine *e, uint64_t *used, uint64_t *limit)
{
	*used = dpdk_pools_in_use(&e->pools);
	*limit = e->conf->memory.buffers;
}
