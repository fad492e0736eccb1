/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/probe.h"

#include <time.h>

#include "engine/run/addr_text.h"
#include "engine/run/probe_frame.h"

#define ROUNDS        3
#define ROUND_US      100000
#define POLL_US       1000
#define PROBE_BURST   32
#define REPLAY_PREFIX "pcapng" /* whether at its own pace or fast */

static bool is_replay(const struct conf_port *port)
{
	return strncmp(port->device, REPLAY_PREFIX, strlen(REPLAY_PREFIX)) == 0;
}

static void send_probe(const struct probe_args *a, const struct conf_addr *addr)
{
	const struct conf_iface *iface = &a->conf->ifaces[addr->iface];
	struct port *port = a->ports[iface->port];
	struct buf *b;

	if (is_replay(&a->conf->ports[iface->port]) ||
	    !a->buf_ops->alloc_bulk(a->buf_ops->ctx, &b, 1))
		return;
	b->len = probe_frame_write(b->data, port->mac, iface->vlan, &addr->addr);
	b->port = (uint8_t)iface->port;
	if (port_tx(port, 0, &b, 1, a->now()) == 0)
		a->buf_ops->free_bulk(a->buf_ops->ctx, &b, 1);
}

static bool check_claim(const struct probe_args *a, uint16_t port, const struct probe_claim *claim,
			struct report *r)
{
	bool own_mac = memcmp(claim->mac, a->ports[port]->mac, 6) == 0;
	char addr[ADDR_TEXT_MAX], mac[ADDR_TEXT_MAX];

	if (own_mac && !claim->in_use)
		return true; /* our own probe, reflected */
	for (uint16_t i = 0; i < a->conf->nb_addrs; i++) {
		const struct conf_addr *c = &a->conf->addrs[i];
		const struct conf_iface *iface = &a->conf->ifaces[c->iface];

		if (iface->port == port && iface->vlan == claim->vlan &&
		    ipaddr_equal(&c->addr, &claim->addr))
			return report_error(
			    r,
			    "%s:%d: address %s is in use by %s%s on port %s: remove "
			    "it there or choose another",
			    a->conf->file, c->line, addr_text(&c->addr, addr),
			    own_mac ? "another program with our own MAC " : "",
			    mac_text(claim->mac, mac), a->conf->ports[port].name);
	}
	return true;
}

static bool poll_queue(const struct probe_args *a, uint16_t port, uint16_t queue, struct report *r)
{
	struct buf *bufs[PROBE_BURST];
	uint16_t n = port_rx(a->ports[port], queue, bufs, PROBE_BURST, a->now());
	struct probe_claim claim;
	bool ok = true;

	for (uint16_t i = 0; i < n; i++)
		if (ok && probe_frame_read(bufs[i]->data, bufs[i]->len, &claim))
			ok = check_claim(a, port, &claim, r);
	a->buf_ops->free_bulk(a->buf_ops->ctx, bufs, n);
	return ok;
}

static bool poll_ports(const struct probe_args *a, struct report *r)
{
	for (uint16_t p = 0; p < a->conf->nb_ports; p++) {
		if (is_replay(&a->conf->ports[p]))
			continue;
		for (uint16_t q = 0; q < a->ports[p]->nb_queues; q++)
			if (!poll_queue(a, p, q, r))
				return false;
	}
	return true;
}

bool probe_addresses(const struct probe_args *args, struct report *r)
{
	for (int round = 0; round < ROUNDS; round++) {
		usec_t end = args->now() + ROUND_US;

		for (uint16_t i = 0; i < args->conf->nb_addrs; i++)
			send_probe(args, &args->conf->addrs[i]);
		do {
			nanosleep(&(struct timespec){.tv_nsec = POLL_US * 1000}, NULL);
			if (!poll_ports(args, r))
				return false;
		} while (args->now() < end);
	}
	return true;
}
