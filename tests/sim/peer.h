/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ends of each connection: a service on the client's and on the server's
 * engine that does what the plan says and verifies every byte it reads. The
 * first eight bytes of a client's stream are the flow's number, so that a server
 * behind a proxy knows which one it has got.
 */
#pragma once

#include "engine/tcp/tcp.h"
#include "tests/lib/testconf.h"
#include "tests/sim/plan.h"

#define PEER_HEADER 8
#define PEER_NEVER  UINT64_MAX

/* One end as it is now. */
struct side {
	struct shard *sh; /* of c */
	struct conn *c;   /* NULL: not open yet, closed by us, or gone */
	uint64_t sent, received;
	usec_t wake;        /* when there is something to do without an event, PEER_NEVER: no */
	usec_t pause_until; /* no reading before */
	bool opened, ended; /* ended: closed by us or told that it is gone */
	bool eof, shut;     /* the peer's FIN was told; ours is queued */
	bool paused, aborted;
	enum tcp_close_reason reason;
};

struct flow {
	const struct flow_plan *plan;
	uint32_t id;
	struct side side[2];
};

struct peers {
	const struct plan *plan;
	usec_t now;
	struct flow flows[PLAN_FLOWS];
	struct ipaddr server4, server6; /* what the client connects to */
	uint16_t profile;               /* of the client's connections */
	uint16_t local4, local6;        /* the client's addresses */
	uint32_t unknown;               /* connections of the server without a flow yet */
	char why[300];                  /* the first mistake, "": none */
};

void peers_init(struct peers *p, const struct plan *plan);

/* The plan's times count from now on. */
void peers_begin(struct peers *p, usec_t now);

/* Does what is due now for one shard of a side; false: nothing was. */
bool peers_wake(struct peers *p, struct shard *sh, uint32_t side);

/* Earliest time at which peers_wake() has work, PEER_NEVER: none. */
usec_t peers_next(const struct peers *p);

/* True when each flow has ended on both sides. */
bool peers_done(const struct peers *p);

/* Verifies how each flow has ended; false: why. */
bool peers_verify(struct peers *p);

extern const struct service client_service, server_service;

/* Ports of the server's listeners, by flow_kind. */
uint16_t peer_port(enum flow_kind kind);
