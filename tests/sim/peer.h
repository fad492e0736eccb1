/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ends of each connection: users of the client's and of the server's TCP that
 * do what the plan says and verify every byte they read. The first eight bytes of a
 * client's stream are the flow's number, so that a server behind a proxy knows which
 * one it has got.
 */
#pragma once

#include "engine/tcp/tcp.h"
#include "tests/lib/testconf.h"
#include "tests/sim/plan.h"

#define PEER_HEADER 8
#define PEER_NEVER  UINT64_MAX

struct alien;
struct peers;
struct flow;

/* The calls of the TCP that an end uses; `host` is a shard or an alien, `c` one of its
 * connections. */
struct transport {
	/* NULL: not now. `tag` becomes the connection's. */
	void *(*connect)(struct peers *p, void *host, const struct flow_plan *fp, uint32_t tag);
	/* Is it this host that gets what the server sends? */
	bool (*owns)(const struct peers *p, void *host, const struct flow_plan *fp);
	uint32_t (*writable)(void *host, void *c);
	uint32_t (*write)(void *host, void *c, const uint8_t *bytes, uint32_t len, bool by_copy);
	uint32_t (*readable)(void *host, void *c);
	uint32_t (*peek)(void *host, void *c, uint8_t *dst, uint32_t max);
	uint32_t (*read)(void *host, void *c, uint8_t *dst, uint32_t max, bool by_copy);
	void (*urgent)(void *host, void *c, uint32_t ahead);
	void (*shutdown)(void *host, void *c);
	void (*close)(void *host, void *c);
	void (*abort)(void *host, void *c);
	uint32_t *(*tag)(void *c);
};

/* A connection, whoever has it. */
struct link_end {
	const struct transport *t;
	void *host, *c;
};

/* One end as it is now. */
struct side {
	struct link_end at; /* at.c NULL: not open yet, closed by us, or gone */
	uint64_t sent, received;
	usec_t began;       /* when it was opened */
	usec_t wake;        /* when there is something to do without an event, PEER_NEVER: no */
	usec_t pause_until; /* no reading before */
	bool opened, up;    /* asked for; established */
	bool ended;         /* closed by us or told that it is gone */
	bool eof, shut;     /* the peer's FIN was told; ours is queued */
	bool paused, aborted, urgent;
	enum tcp_close_reason reason;
};

struct flow {
	const struct flow_plan *plan;
	uint32_t id;
	bool struck; /* one of the nodes that carry it has rebooted: it may end anyhow */
	struct side side[2];
};

struct peers {
	const struct plan *plan;
	usec_t now;
	usec_t quiet_until; /* after a reboot old segments may be under way (RFC 9293 §3.4.3) */
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

/* Does what is due now for one host of a side; false: nothing was. */
bool peers_wake(struct peers *p, const struct transport *t, void *host, uint32_t side);

/* Earliest time at which peers_wake() has work, PEER_NEVER: none. */
usec_t peers_next(const struct peers *p);

/* A node forgets everything: the client's, the server's, or one between them. What was
 * open then, or is opened soon after, may end in any way. */
void peers_strike(struct peers *p, bool client, bool server);

/* True when each flow has ended on both sides, and no more than `kept` connections of the server
 * are left that no flow ever spoke on. */
bool peers_done(const struct peers *p, uint32_t kept);

/* Verifies how each flow has ended; false: why. */
bool peers_verify(struct peers *p);

/* Ports of the server's listeners, by flow_kind. */
uint16_t peer_port(enum flow_kind kind);

/* Where the client connects to. */
const struct ipaddr *peers_server(const struct peers *p, const struct flow_plan *fp);

/* ---- what the transports tell ---- */

void peers_accepted(struct peers *p);
void peers_ready(struct peers *p, struct link_end at);
void peers_eof(struct peers *p, struct link_end at);
void peers_closed(struct peers *p, struct link_end at, enum tcp_close_reason reason);

/* ---- peer_engine.c, peer_alien.c ---- */

extern const struct transport engine_transport, alien_transport;
extern const struct service client_service, server_service;
extern const struct alien_events alien_user;
