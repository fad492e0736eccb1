/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/resolve.h"

#include <time.h>

#include "bench/tgen/neighbour.h"
#include "engine/run/addr_text.h"
#include "engine/run/config.h"

#define WAIT_US  5000000
#define ROUND_US 200000
#define POLL_US  1000
#define BURST    32

static void ask(const struct resolve_args *a)
{
	const struct conf_addr *local = &a->plan->conf->addrs[a->plan->local];
	struct buf *b;

	if (!a->buf_ops->alloc_bulk(a->buf_ops->ctx, &b, 1))
		return;
	b->len = neighbour_ask(b->data, a->port->mac, &local->addr, &a->plan->via);
	if (port_tx(a->port, 0, &b, 1, a->now()) == 0)
		a->buf_ops->free_bulk(a->buf_ops->ctx, &b, 1);
}

static bool is_own(const void *ctx, const struct ipaddr *addr)
{
	const struct conf *conf = ctx;

	for (uint16_t i = 0; i < conf->nb_addrs; i++)
		if (ipaddr_equal(&conf->addrs[i].addr, addr))
			return true;
	return false;
}

/* True when the answer was among what has come. */
static bool listen(const struct resolve_args *a, uint16_t queue, uint8_t mac[6])
{
	struct buf *bufs[BURST];
	uint16_t n = port_rx(a->port, queue, bufs, BURST, a->now());
	bool found = false;

	for (uint16_t i = 0; i < n; i++) {
		found = found || neighbour_read(bufs[i], &a->plan->via, mac);
		if (neighbour_answer(bufs[i], a->port->mac, is_own, a->plan->conf) &&
		    port_tx(a->port, queue, &bufs[i], 1, a->now()) == 1)
			continue;
		a->buf_ops->free_bulk(a->buf_ops->ctx, &bufs[i], 1);
	}
	return found;
}

static bool listen_all(const struct resolve_args *a, uint8_t mac[6])
{
	for (uint16_t q = 0; q < a->port->nb_queues; q++)
		if (listen(a, q, mac))
			return true;
	return false;
}

bool resolve_target(const struct resolve_args *args, uint8_t mac[6], struct report *r)
{
	const struct plan *plan = args->plan;
	usec_t begin = args->now(), round = begin;
	char text[ADDR_TEXT_MAX];

	memcpy(mac, plan->mac, 6);
	if (plan->has_mac || plan->mode == PLAN_ANSWER)
		return true;
	for (usec_t now = begin; now < begin + WAIT_US; now = args->now()) {
		if (args->interrupted())
			return report_error(r, "interrupted before %s has answered",
					    addr_text(&plan->via, text));
		if (now >= round) {
			ask(args);
			round += ROUND_US;
		}
		nanosleep(&(struct timespec){.tv_nsec = POLL_US * 1000}, NULL);
		if (listen_all(args, mac))
			return true;
	}
	return report_error(r,
			    "%s: load: %s does not answer %s on port \"%s\": start the server, "
			    "correct the address, or write mac: to send without asking",
			    plan->conf->file, addr_text(&plan->via, text),
			    plan->via.family == IP_V4 ? "ARP" : "neighbour discovery",
			    plan->conf->ports[0].name);
}
