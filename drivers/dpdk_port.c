/* SPDX-License-Identifier: BSD-3-Clause */
/* The burst path and the life of a DPDK port; how a device is set up is in
 * dpdk_setup.c. */
#include "drivers/dpdk_port.h"

#include <rte_ethdev.h>
#include <stdatomic.h>

#include "drivers/dpdk_quiet.h"
#include "drivers/dpdk_setup.h"

#define BURST 64
#define AHEAD 4 /* frames between the prefetch of a buf and its use */

static struct dpdk_port *dpdk_port_of(const struct port *p)
{
	return CONTAINER_OF(p, struct dpdk_port, port);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* RX_L4_CKSUM_NONE says that the sum is not in the frame but the data are known
 * to be good: a frame that never left this host. */
static uint32_t rx_flags(uint64_t ol_flags, uint64_t hash_flag)
{
	uint64_t ip = ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	uint64_t l4 = ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint32_t flags = 0;

	if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD || ip == RTE_MBUF_F_RX_IP_CKSUM_NONE)
		flags |= BUF_RX_IP_CSUM_OK;
	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD || l4 == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		flags |= BUF_RX_L4_CSUM_OK;
	if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		flags |= BUF_RX_CSUM_BAD;
	if (ol_flags & hash_flag)
		flags |= BUF_RX_HASH;
	return flags;
}

/* True for what a buf cannot stand for: several segments, memory of others, a
 * frame that its sender still holds (net_ring passes such on), a VLAN tag that
 * the device took out. */
static bool is_odd(const struct rte_mbuf *m)
{
	return m->nb_segs != 1 || rte_mbuf_refcnt_read(m) != 1 ||
	       (m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL |
			       RTE_MBUF_F_RX_VLAN_STRIPPED)) != 0;
}

/* The frame in one fresh mbuf; NULL, and counted: it does not fit, or no mbuf is
 * left. Consumes m. */
static NOINLINE struct rte_mbuf *make_plain(struct dpdk_queue *q, struct rte_mbuf *m)
{
	struct rte_mbuf *c = NULL;

	if (m->pkt_len <= q->room)
		c = rte_pktmbuf_copy(m, q->pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (c && (c->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) && rte_vlan_insert(&c) != 0) {
		rte_pktmbuf_free(c);
		c = NULL;
	}
	if (!c)
		count(&q->rx_refused);
	return c;
}

static uint16_t rx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct dpdk_port *p = dpdk_port_of(port);
	struct dpdk_queue *q = &p->queues[queue];
	struct rte_mbuf *mbufs[BURST];
	uint16_t got = rte_eth_rx_burst(p->id, queue, mbufs, MIN(n, BURST)), k = 0;

	(void)now;
	for (uint16_t i = 0; i < got && i < AHEAD; i++)
		PREFETCH_WRITE(dpdk_buf_of_mbuf(mbufs[i]));
	for (uint16_t i = 0; i < got; i++) {
		struct rte_mbuf *m = mbufs[i];
		struct buf *b;

		if (i + AHEAD < got)
			PREFETCH_WRITE(dpdk_buf_of_mbuf(mbufs[i + AHEAD]));
		if (unlikely(is_odd(m)) && (m = make_plain(q, m)) == NULL)
			continue;
		b = dpdk_buf_of_mbuf(m);
		b->data = rte_pktmbuf_mtod(m, uint8_t *);
		b->next = NULL;
		b->len = m->data_len;
		b->flags = rx_flags(m->ol_flags, p->hash_flag);
		b->rss_hash = m->hash.rss;
		bufs[k++] = b;
	}
	return k;
}

/* Everything a device reads of an mbuf that is sent; the rest is as it was in
 * the pool. */
static void fill_mbuf(struct rte_mbuf *m, const struct buf *b)
{
	uint64_t ol = 0;

	m->data_off = (uint16_t)(b->data - b->start);
	m->data_len = (uint16_t)b->len;
	m->pkt_len = b->len;
	if (b->flags & (BUF_TX_IP_CSUM | BUF_TX_L4_CSUM)) {
		ol = b->flags & BUF_TX_IPV6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
		if (b->flags & BUF_TX_IP_CSUM)
			ol |= RTE_MBUF_F_TX_IP_CKSUM;
		if (b->flags & BUF_TX_L4_CSUM)
			ol |= RTE_MBUF_F_TX_TCP_CKSUM;
		/* At once: bit fields one by one are read back before they have been stored. */
		m->tx_offload = rte_mbuf_tx_offload(b->l2_len, b->l3_len, b->l4_len, 0, 0, 0, 0);
	}
	m->ol_flags = ol;
}

/* Sends what the device finds acceptable. When it refuses the very first frame
 * that one is dropped, or it would block the queue for ever. */
static uint16_t prepare_and_send(struct dpdk_port *p, uint16_t queue, struct rte_mbuf **mbufs,
				 uint16_t n)
{
	uint16_t good = n;

	if (p->tx_prepares)
		good = rte_eth_tx_prepare(p->id, queue, mbufs, n);
	if (likely(good > 0) || n == 0)
		return rte_eth_tx_burst(p->id, queue, mbufs, good);
	rte_pktmbuf_free(mbufs[0]);
	count(&p->queues[queue].tx_refused);
	return 1;
}

static uint16_t tx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct dpdk_port *p = dpdk_port_of(port);
	uint16_t done = 0;

	(void)now;
	while (done < n) {
		struct rte_mbuf *mbufs[BURST];
		uint16_t piece = MIN(n - done, BURST), sent;

		for (uint16_t i = 0; i < piece; i++) {
			const struct buf *b = bufs[done + i];

			mbufs[i] = dpdk_mbuf_of_buf(b);
			fill_mbuf(mbufs[i], b);
			if (b->flags & BUF_KEEP)
				rte_mbuf_refcnt_update(mbufs[i], 1);
		}
		sent = prepare_and_send(p, queue, mbufs, piece);
		for (uint16_t i = sent; i < piece; i++) {
			if (bufs[done + i]->flags & BUF_KEEP)
				rte_mbuf_refcnt_update(mbufs[i], -1);
		}
		done += sent;
		if (sent < piece)
			break;
	}
	return done;
}

static bool link_up(struct port *port)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(dpdk_port_of(port)->id, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

static void stats(struct port *port, struct port_stats *out)
{
	struct dpdk_port *p = dpdk_port_of(port);
	struct rte_eth_stats s = {0};

	rte_eth_stats_get(p->id, &s);
	*out = (struct port_stats){
		.rx_frames = s.ipackets,
		.tx_frames = s.opackets,
		.rx_missed = s.imissed + s.rx_nombuf,
		.rx_errors = s.ierrors,
		.tx_errors = s.oerrors,
	};
	for (uint16_t i = 0; i < port->nb_queues; i++) {
		struct dpdk_queue *q = &p->queues[i];

		out->rx_errors += atomic_load_explicit(&q->rx_refused, memory_order_relaxed);
		out->tx_errors += atomic_load_explicit(&q->tx_refused, memory_order_relaxed);
	}
}

static void close_port(struct port *port)
{
	struct dpdk_quiet quiet;

	dpdk_quiet_begin(&quiet);
	dpdk_setup_end(dpdk_port_of(port));
	dpdk_quiet_end(&quiet, NULL, 0);
}

static const struct port_ops dpdk_port_ops = {
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.link_up = link_up,
	.stats = stats,
	.close = close_port,
};

struct port *dpdk_port_open(const struct conf_port *conf, uint16_t nb_queues,
			    const struct dpdk_pools *pools, struct report *report)
{
	struct dpdk_port *p = dpdk_setup(conf, nb_queues, pools, report);

	if (!p)
		return NULL;
	p->port.ops = &dpdk_port_ops;
	return &p->port;
}

uint16_t dpdk_port_id(const struct port *p)
{
	return dpdk_port_of(p)->id;
}
