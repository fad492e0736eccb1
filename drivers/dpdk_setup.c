/* SPDX-License-Identifier: BSD-3-Clause */
/* Attaching, configuring and starting an Ethernet device; see dpdk_setup.h. */
#include "drivers/dpdk_setup.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/dpdk_devargs.h"
#include "drivers/dpdk_quiet.h"
#include "drivers/dpdk_rss.h"

#define LINK_WAIT_MS 3000
#define LINK_POLL_MS 20

#define TX_SUMS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
#define RX_SUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)

/* What the steps share. A step that fails sets the report's error where it knows
 * the remedy, else `err`, a negative errno value. */
struct setup {
	const struct conf_port *conf;
	const struct dpdk_pools *pools;
	struct dpdk_port *p;
	struct rte_eth_dev_info info;
	struct rte_eth_conf eth;
	bool rss;
	int err;
	struct report *report;
};

/* The ethdev of a device that has been attached; devices and ports have the
 * same name except where a device has several ports, whose first is meant. */
static bool find_id(const char *name, uint16_t *id)
{
	struct rte_eth_dev_info info;
	uint16_t i;

	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return true;
	RTE_ETH_FOREACH_DEV(i) {
		if (rte_eth_dev_info_get(i, &info) == 0 && info.device &&
		    strcmp(rte_dev_name(info.device), name) == 0) {
			*id = i;
			return true;
		}
	}
	return false;
}

static bool attach(struct setup *s)
{
	bool is_virtual = dpdk_device_kind(s->conf->device) == DPDK_DEVICE_VIRTUAL;
	char name[CONF_DEVICE_MAX];
	uint16_t others;

	dpdk_device_name(s->conf->device, name, sizeof(name));
	if (is_virtual) {
		if (find_id(name, &others)) {
			s->err = -EBUSY;
			return false;
		}
		s->err = rte_dev_probe(s->conf->device);
		if (s->err < 0) {
			/* It gives -1 or -EFAULT for most reasons. */
			s->err = rte_errno > 0 ? -rte_errno : s->err;
			return false;
		}
	}
	if (!find_id(name, &s->p->id) || rte_eth_dev_info_get(s->p->id, &s->info) != 0) {
		s->err = -ENODEV;
		return false;
	}
	s->p->device = is_virtual ? s->info.device : NULL;
	return true;
}

/* Devices state their limit as an MTU, as a frame length, or as both. */
static bool check_mtu(struct setup *s)
{
	uint32_t max = s->info.max_mtu, frame_extra = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (max == UINT16_MAX && s->info.max_rx_pktlen > frame_extra)
		max = MIN(max, s->info.max_rx_pktlen - frame_extra);
	if (s->conf->mtu >= s->info.min_mtu && s->conf->mtu <= max)
		return true;
	return report_error(s->report, "device %s takes an MTU of %u to %u, not %u: correct mtu",
			    s->conf->device, s->info.min_mtu, max, s->conf->mtu);
}

/* The tap driver computes sums in software as well, only later than we, without
 * knowing the sum of a payload that is passed on, and sends 0xffff for 0x0000. */
static bool sums_in_hardware(const struct setup *s)
{
	return strcmp(s->info.driver_name, "net_tap") != 0;
}

static bool configure(struct setup *s)
{
	struct dpdk_port *p = s->p;
	uint16_t limit = MIN(s->info.max_rx_queues, s->info.max_tx_queues);

	if (!check_mtu(s))
		return false;
	p->port.nb_queues = MIN(p->port.nb_queues, limit);
	p->port.mtu = s->conf->mtu;
	s->eth.rxmode.mtu = s->conf->mtu;
	if (sums_in_hardware(s)) {
		s->eth.rxmode.offloads = s->info.rx_offload_capa & RX_SUMS;
		s->eth.txmode.offloads = s->info.tx_offload_capa & TX_SUMS;
	}
	s->rss = p->port.nb_queues > 1 && dpdk_rss_configure(&s->info, &s->eth);
	s->err = rte_eth_dev_configure(p->id, p->port.nb_queues, p->port.nb_queues, &s->eth);
	if (s->err < 0 && s->rss) {
		/* Some announce a set of hash types that they then refuse. */
		s->rss = false;
		s->eth.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
		s->eth.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
		s->err = rte_eth_dev_configure(p->id, p->port.nb_queues, p->port.nb_queues,
					       &s->eth);
	}
	if (s->err < 0)
		return false;
	if (s->eth.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		p->port.caps |= PORT_TX_IP_CSUM;
	if (s->eth.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		p->port.caps |= PORT_TX_TCP_CSUM;
	p->tx_prepares = s->eth.txmode.offloads != 0;
	return true;
}

static bool set_up_rx_queue(struct setup *s, uint16_t queue, uint16_t ring, unsigned socket)
{
	struct rte_mempool *mp = s->p->queues[queue].pool;
	struct rte_eth_rxconf rx = s->info.default_rxconf;
	uint32_t populated = mp->populated_size;
	bool shares_memory = strcmp(s->info.driver_name, "net_af_xdp") == 0;

	if (shares_memory && mp->nb_mem_chunks != 1)
		return report_error(s->report,
				    "device %s: AF_XDP needs all packet buffers of a NUMA node in "
				    "one piece of memory, and they are in %u: lower memory.buffers",
				    s->conf->device, mp->nb_mem_chunks);
	/* The driver takes the pool's memory for as long as so many objects without gaps would
	 * be. The kernel would not know the buffers behind it: frames sent from them would be lost,
	 * and those offered for reception never come back, until none is left. */
	if (shares_memory)
		mp->populated_size = dpdk_pool_objects_without_gaps(mp);
	rx.offloads = s->eth.rxmode.offloads;
	s->err = rte_eth_rx_queue_setup(s->p->id, queue, ring, socket, &rx, mp);
	mp->populated_size = populated;
	return s->err >= 0;
}

static bool set_up_queue(struct setup *s, uint16_t queue, uint16_t rx_ring, uint16_t tx_ring)
{
	/* -1, any node, when the device does not say. */
	unsigned socket = (unsigned)rte_eth_dev_socket_id(s->p->id);
	struct rte_eth_txconf tx = s->info.default_txconf;
	struct dpdk_queue *q = &s->p->queues[queue];

	q->pool = s->pools->by_worker[queue];
	q->room = s->pools->room;
	tx.offloads = s->eth.txmode.offloads;
	if (!set_up_rx_queue(s, queue, rx_ring, socket))
		return false;
	s->err = rte_eth_tx_queue_setup(s->p->id, queue, tx_ring, socket, &tx);
	return s->err >= 0;
}

static bool set_up_queues(struct setup *s)
{
	uint16_t rx_ring = s->conf->rx_ring, tx_ring = s->conf->tx_ring;
	size_t bytes = s->p->port.nb_queues * sizeof(*s->p->queues);

	s->p->queues = aligned_alloc(CACHE_LINE, bytes);
	if (!s->p->queues) {
		s->err = -ENOMEM;
		return false;
	}
	memset(s->p->queues, 0, bytes);
	s->err = rte_eth_dev_adjust_nb_rx_tx_desc(s->p->id, &rx_ring, &tx_ring);
	if (s->err < 0)
		return false;
	for (uint16_t i = 0; i < s->p->port.nb_queues; i++) {
		if (!set_up_queue(s, i, rx_ring, tx_ring))
			return false;
	}
	return true;
}

static bool set_mtu(struct setup *s)
{
	int err = rte_eth_dev_set_mtu(s->p->id, s->conf->mtu);

	if (err == 0 || err == -ENOTSUP)
		return true;
	return report_error(s->report, "device %s refuses an MTU of %u (%s): correct mtu",
			    s->conf->device, s->conf->mtu, strerror(-err));
}

static bool start(struct setup *s)
{
	bool tcp_only;

	s->err = rte_eth_dev_start(s->p->id);
	if (s->err < 0)
		return false;
	s->p->started = true;
	if (rte_eth_promiscuous_enable(s->p->id) != 0)
		report_notice(s->report, "device %s has no promiscuous mode: it sees only frames "
					 "for its own address", s->conf->device);
	/* For ARP and neighbour discovery; promiscuous mode covers it elsewhere. */
	rte_eth_allmulticast_enable(s->p->id);
	if (s->rss && dpdk_rss_program(s->p->id, s->p->port.nb_queues, &tcp_only)) {
		s->p->port.caps |= PORT_RSS;
		if (tcp_only && (s->eth.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH)) {
			s->p->port.caps |= PORT_RX_HASH;
			s->p->hash_flag = RTE_MBUF_F_RX_RSS_HASH;
		}
	}
	return true;
}

/* Physical links take seconds to come up; a virtual one is up or waits for its
 * peer, which may itself wait for us. */
static void wait_for_link(struct setup *s)
{
	struct rte_eth_link link = {0};

	if (dpdk_device_kind(s->conf->device) == DPDK_DEVICE_VIRTUAL)
		return;
	for (int ms = 0; ms < LINK_WAIT_MS; ms += LINK_POLL_MS) {
		if (rte_eth_link_get_nowait(s->p->id, &link) != 0 ||
		    link.link_status == RTE_ETH_LINK_UP)
			return;
		rte_delay_us_sleep(LINK_POLL_MS * 1000);
	}
	report_notice(s->report, "the link of device %s is down: check cable and peer",
		      s->conf->device);
}

/* Some virtual devices have no address of their own. */
static bool read_mac(struct setup *s)
{
	struct rte_ether_addr mac = {0};
	uint8_t *own = s->p->port.mac;

	s->err = rte_eth_macaddr_get(s->p->id, &mac);
	if (s->err < 0)
		return false;
	memcpy(own, mac.addr_bytes, 6);
	if (rte_is_zero_ether_addr(&mac)) {
		own[0] = 0x02;
		own[4] = (uint8_t)(s->p->id >> 8);
		own[5] = (uint8_t)s->p->id;
	}
	return true;
}

static struct dpdk_port *allocate(const char *name, uint16_t nb_queues)
{
	struct dpdk_port *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->id = RTE_MAX_ETHPORTS;
	p->port.nb_queues = nb_queues;
	snprintf(p->port.name, sizeof(p->port.name), "%s", name);
	return p;
}

static bool run_steps(struct setup *s, struct dpdk_quiet *quiet)
{
	static bool (*const steps[])(struct setup *) = {attach, configure, set_up_queues,
							set_mtu, start,	   read_mac};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		dpdk_quiet_restart(quiet);
		if (!steps[i](s))
			return false;
	}
	return true;
}

struct dpdk_port *dpdk_setup(const struct conf_port *conf, uint16_t nb_queues,
			     const struct dpdk_pools *pools, struct report *report)
{
	struct setup s = {.conf = conf, .pools = pools, .report = report};
	struct dpdk_quiet quiet;
	char cause[256];
	bool ok;

	s.p = allocate(conf->name, nb_queues);
	if (!s.p) {
		report_error(report, "out of memory");
		return NULL;
	}
	report->error[0] = '\0';
	dpdk_quiet_begin(&quiet);
	ok = run_steps(&s, &quiet);
	if (!ok)
		dpdk_setup_end(s.p);
	dpdk_quiet_end(&quiet, cause, sizeof(cause));
	if (ok) {
		wait_for_link(&s);
		return s.p;
	}
	if (report->error[0] == '\0')
		dpdk_device_explain(conf->device, -s.err, cause, report);
	return NULL;
}

void dpdk_setup_end(struct dpdk_port *p)
{
	if (p->started) {
		/* A kernel interface would keep these modes after us. */
		rte_eth_promiscuous_disable(p->id);
		rte_eth_allmulticast_disable(p->id);
		rte_eth_dev_stop(p->id);
	}
	if (p->id != RTE_MAX_ETHPORTS)
		rte_eth_dev_close(p->id);
	if (p->device)
		rte_dev_remove(p->device);
	free(p->queues);
	free(p);
}
