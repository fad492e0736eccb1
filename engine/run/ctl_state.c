/* SPDX-License-Identifier: BSD-3-Clause */
/* Control commands about the engine as a whole: info, counters, objects, ports. */
#include <time.h>
#include <unistd.h>

#include "drivers/record_port.h"
#include "engine/run/addr_text.h"
#include "engine/run/ctl_commands.h"
#include "engine/run/ctl_params.h"

#define ANSWER_TIMEOUT_US 1000000

static_assert(STAT_COUNT <= RTE_TEL_MAX_DICT_ENTRIES, "counters fit one answer");

bool ctl_ask(struct engine *e, uint16_t i, struct inquiry *q, struct rte_tel_data *d)
{
	if (mailbox_ask(&e->workers[i]->mailbox, q, ANSWER_TIMEOUT_US))
		return true;
	reply_error(d, "worker %u does not answer", i);
	return false;
}

void ctl_info(struct engine *e, const char *params UNUSED, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	reply_text(d, "program", "terminus");
	reply_text(d, "version", TERMINUS_VERSION);
	reply_text(d, "instance", e->conf->instance);
	reply_text(d, "config", e->conf->file);
	reply_number(d, "pid", (uint64_t)getpid());
	reply_number(d, "uptime_s", (uint64_t)(time(NULL) - e->started));
	reply_number(d, "workers", e->conf->nb_workers);
	reply_number(d, "listeners", e->conf->nb_listeners);
	reply_number(d, "pools", e->conf->nb_pools);
}

void ctl_counters(struct engine *e, const char *params, struct rte_tel_data *d)
{
	uint64_t sum[STAT_COUNT] = {0};
	char err[CTL_ERROR_MAX];
	uint16_t first, end;

	if (!ctl_worker_param(params, e->conf->nb_workers, &first, &end, err)) {
		reply_error(d, "%s", err);
		return;
	}
	for (uint16_t i = first; i < end; i++)
		stat_board_add(&e->workers[i]->board, sum);
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		reply_number(d, stat_name(i), sum[i]);
}

static void add_object(struct rte_tel_data *d, const char *name, uint64_t used, uint64_t limit)
{
	struct rte_tel_data *o = rte_tel_data_alloc();

	if (!o)
		return;
	rte_tel_data_start_dict(o);
	reply_number(o, "used", used);
	reply_number(o, "limit", limit);
	reply_add_dict(d, name, o);
}

void ctl_objects(struct engine *e, const char *params UNUSED, struct rte_tel_data *d)
{
	uint64_t used[INFO_NB_OBJECTS] = {0}, limit[INFO_NB_OBJECTS] = {0};
	uint64_t cached = 0, buffers_used, buffers;

	for (uint16_t i = 0; i < e->conf->nb_workers; i++) {
		struct inquiry q = {.kind = INQUIRY_OBJECTS};

		if (!ctl_ask(e, i, &q, d))
			return;
		for (uint32_t k = 0; k < INFO_NB_OBJECTS; k++) {
			used[k] += q.objects.used[k];
			limit[k] += q.objects.limit[k];
		}
		cached += q.objects.cached_buffers;
	}
	engine_buffers(e, &buffers_used, &buffers);
	rte_tel_data_start_dict(d);
	for (uint32_t k = 0; k < INFO_NB_OBJECTS; k++)
		add_object(d, info_object_name(k), used[k], limit[k]);
	/* Workers went on while the pool was counted: never show less than none. */
	add_object(d, "buffers", buffers_used - MIN(cached, buffers_used), buffers);
}

void ctl_reload_lists(struct engine *e, const char *params UNUSED, struct rte_tel_data *d)
{
	struct config_error err;
	struct lists_sum sum;

	if (!lists_reload(&e->lists, &sum, &err)) {
		reply_failure(d, err.text);
		return;
	}
	rte_tel_data_start_dict(d);
	reply_number(d, "lists", sum.lists);
	reply_number(d, "prefixes", sum.prefixes);
}

static void fill_recording(struct rte_tel_data *d, const struct conf_port *c, struct port *p)
{
	struct record_stats s;

	if (!c->record[0])
		return;
	record_port_stats(p, &s);
	reply_text(d, "record", c->record);
	reply_number(d, "recorded", s.frames);
	reply_number(d, "record_missed", s.missed);
	reply_text(d, "record_error", s.error ? strerror(s.error) : "");
}

static void fill_port(struct rte_tel_data *d, const struct conf_port *c, struct port *p)
{
	struct port_stats s = {0};
	char mac[ADDR_TEXT_MAX];

	p->ops->stats(p, &s);
	reply_text(d, "name", c->name);
	reply_text(d, "device", c->device);
	reply_text(d, "mac", mac_text(p->mac, mac));
	reply_number(d, "mtu", p->mtu);
	reply_text(d, "link", p->ops->link_up(p) ? "up" : "down");
	reply_number(d, "queues", p->nb_queues);
	reply_number(d, "rss", !!(p->caps & PORT_RSS));
	reply_number(d, "tx_ip_csum", !!(p->caps & PORT_TX_IP_CSUM));
	reply_number(d, "tx_tcp_csum", !!(p->caps & PORT_TX_TCP_CSUM));
	reply_number(d, "rx_frames", s.rx_frames);
	reply_number(d, "tx_frames", s.tx_frames);
	reply_number(d, "rx_missed", s.rx_missed);
	reply_number(d, "rx_errors", s.rx_errors);
	reply_number(d, "tx_errors", s.tx_errors);
	fill_recording(d, c, p);
}

void ctl_ports(struct engine *e, const char *params UNUSED, struct rte_tel_data *d)
{
	struct reply p;

	reply_start(&p, d);
	for (uint16_t i = 0; i < e->conf->nb_ports; i++) {
		struct rte_tel_data *row = reply_row(&p);

		if (!row)
			break;
		fill_port(row, &e->conf->ports[i], e->ports[i]);
		reply_add_row(&p, row);
	}
	reply_finish(&p);
}
