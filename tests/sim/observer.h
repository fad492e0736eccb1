/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An observer on the wire: looks at every frame as a node sends it and knows what each
 * side of each connection has said so far. What an engine sends must be well formed,
 * within the window and the segment size that its peer has offered, acknowledge only
 * what exists, never take back a window, and carry the options and ECN bits that both
 * SYNs agreed on. It believes nothing of the engine's memory.
 */
#pragma once

#include "tests/lib/frame.h"

#define OBSERVER_SLOTS 1024 /* directions of connections */
#define OBSERVER_NODES 3
#define OBSERVER_OFFERS 8 /* SYN cookies for one SYN */

/* What one side of a connection has said. Sequence numbers as on the wire. */
struct observer_side {
	struct ipaddr from, to;
	uint16_t sport, dport;
	uint32_t node;	    /* that it is on */
	bool used, syn;  /* its SYN has been seen */
	bool edge_known; /* edge is valid */
	bool acked;      /* ack is valid */
	bool fin;        /* fin_end is valid */
	bool ts_known;   /* tsval is valid */
	bool has_wscale, has_ts, has_sack;
	bool strange;   /* its SYN-ACK answers a SYN that the other end has not sent */
	bool ecn_setup; /* its SYN or SYN-ACK has the bits of RFC 3168 §6.1.1 */
	uint8_t shift;
	uint16_t mss; /* as announced, 0: not */
	uint32_t iss;
	uint32_t old_iss, old_end; /* of the connection before this one */
	uint32_t offered[OBSERVER_OFFERS]; /* other ISSs that the same SYN was answered with */
	uint32_t nb_offered;
	uint32_t end;     /* of what it has sent, SYN and FIN included */
	uint32_t ack;     /* highest one sent */
	uint32_t edge;    /* right edge of its window */
	uint32_t fin_end;
	uint32_t tsval;
};

struct observer {
	struct observer_side sides[OBSERVER_SLOTS];
	uint64_t segments[OBSERVER_NODES], resets[OBSERVER_NODES], bytes[OBSERVER_NODES];
	uint32_t second_openings[OBSERVER_NODES]; /* by one cookie, of connections that were over */
	char why[300]; /* the first thing that was wrong, "": nothing */
};

/* What is about a frame beside its bytes. */
struct observer_frame {
	uint32_t node; /* that sends it */
	bool trusted;  /* it is no engine: nothing is verified */
	uint16_t mtu;  /* of its port */
};

/* A frame leaves a node. */
void observer_sees(struct observer *o, const struct observer_frame *of, const uint8_t *bytes,
		   uint32_t len);

/* A node has lost its memory: what it has said does not bind it any more. */
void observer_forget(struct observer *o, uint32_t node);
