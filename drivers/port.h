/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seam between Terminus and whatever moves frames: an ethdev or vdev of
 * DPDK, an in-memory pair, a pcapng file, or a port that wraps another one and
 * harms its traffic on purpose. A port deals in bursts of struct buf and knows
 * nothing of protocols. All calls on one queue come from one thread.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/tick.h"

#define PORT_NAME_MAX 64

/* What the port does for us; chosen once, when the port is opened. */
enum port_caps {
	PORT_TX_IP_CSUM = 1 << 0,  /* fills in IPv4 header sums */
	PORT_TX_TCP_CSUM = 1 << 1, /* fills in TCP sums over a pseudo-header sum */
	PORT_RX_HASH = 1 << 2,	   /* supplies the RSS hash of TCP frames */
	PORT_RSS = 1 << 3,	   /* spreads frames over queues by our key and table */
};

/* Cumulative since the port was opened; read by any thread, written by queues. */
struct port_stats {
	uint64_t rx_frames, tx_frames;
	uint64_t rx_missed; /* dropped by the device for want of buffers or ring space */
	uint64_t rx_errors, tx_errors;
};

struct port;

struct port_ops {
	/* Moves up to n received frames to bufs and returns how many. The caller
	 * owns them. `now` serves ports that delay frames; others ignore it. */
	uint16_t (*rx_burst)(struct port *p, uint16_t queue, struct buf **bufs, uint16_t n,
			     usec_t now);
	/* Takes the first k of n frames for transmission and returns k; the rest
	 * stays the caller's. A buf with BUF_KEEP stays the caller's as well, but
	 * is not to be written to until buf_ops.in_port() is false. */
	uint16_t (*tx_burst)(struct port *p, uint16_t queue, struct buf **bufs, uint16_t n,
			     usec_t now);
	/* Earliest time at which rx_burst may have more without outside help
	 * (delayed frames); false: none. May be NULL. */
	bool (*next_event)(struct port *p, usec_t *at);
	bool (*link_up)(struct port *p);
	void (*stats)(struct port *p, struct port_stats *out);
	/* Stops, returns every buffer it holds, frees the port itself. */
	void (*close)(struct port *p);
};

/* Common head of every port; the kinds embed it as their first member. */
struct port {
	const struct port_ops *ops;
	char name[PORT_NAME_MAX];
	uint8_t mac[6];
	uint16_t mtu;	    /* largest IP packet in bytes, Ethernet header not counted */
	uint16_t nb_queues; /* receive queues, and as many for transmission */
	uint32_t caps;	    /* enum port_caps */
};

static inline uint16_t port_rx(struct port *p, uint16_t queue, struct buf **bufs, uint16_t n,
			       usec_t now)
{
	return p->ops->rx_burst(p, queue, bufs, n, now);
}

static inline uint16_t port_tx(struct port *p, uint16_t queue, struct buf **bufs, uint16_t n,
			       usec_t now)
{
	return p->ops->tx_burst(p, queue, bufs, n, now);
}
