/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens in one simulation, drawn from a seed before it begins: the
 * engines' settings and the strangers' habits, the harm the links do, and for each
 * connection how much is sent which way, at what pace, with what pauses, and how it
 * ends.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/conf.h"
#include "tests/sim/habits.h"

#define PLAN_FLOWS     32
#define PLAN_NODES     3
#define PLAN_DROUGHTS  8
#define PLAN_REBOOTS   3
#define PLAN_MTU_STEPS 3

/* What the command line asks for; the seed decides the rest. */
struct plan_wishes {
	uint32_t drop_ppm, duplicate_ppm, reorder_ppm, corrupt_ppm;
	bool aborts;                     /* connections may be ended by RST */
	bool proxy;                      /* a third engine in the middle */
	uint32_t shards;                 /* of each engine, 1 or 2 */
	bool busy;                       /* ports take a few frames at a time, or none */
	bool starve;                     /* now and then there is no free buffer for anybody */
	bool alien_client, alien_server; /* that end is no engine but a stranger (alien.h) */
	bool narrow;                     /* links have a rate and a queue that overflows */
	bool router;                     /* the path's MTU changes, and is told by ICMP or not */
	bool reboots;                    /* nodes lose all that they know */
	bool sources;                    /* engines count sources; no limit is reached */
	bool attack;                     /* engines are attacked from outside (attack.h) */
};

enum flow_kind { FLOW_STREAM, FLOW_ECHO, FLOW_DISCARD };

enum flow_close {
	CLOSE_SHUTDOWN,  /* FIN when all is sent, CLOSE when the peer's has come */
	CLOSE_AFTER_EOF, /* CLOSE when the peer's FIN has come and all is sent */
	CLOSE_AT_ONCE,   /* CLOSE when all is sent and received, FIN or no FIN */
};

/* One end of a connection. */
struct side_plan {
	uint32_t total;     /* bytes to send */
	uint32_t chunk;     /* bytes of one write at most */
	uint32_t pace_us;   /* between writes, 0: as fast as it is taken */
	uint32_t pause_at;  /* stop reading when so many bytes have come, */
	usec_t pause_us;    /* for so long; 0: never */
	uint32_t abort_at;  /* RST when so many bytes have been sent and received, 0: never */
	uint32_t urgent_at; /* what is written from so many bytes on is urgent, 0: nothing */
	enum flow_close close;
	bool by_copy; /* reads and writes copy; else they move buffers */
};

struct flow_plan {
	enum flow_kind kind;
	uint8_t family;
	uint16_t lport; /* the client's; several flows may use one after the other */
	bool early;     /* the client writes before the connection is up */
	usec_t start_us;
	struct side_plan side[2]; /* client, server */
};

struct node_plan {
	struct conf_tcp tcp; /* of an engine */
	bool alien;
	struct habits habits; /* of an alien */
	uint16_t mtu;         /* of all its ports */
};

/* The router in one direction of a link. */
struct hop_plan {
	uint32_t rate_bps; /* bits per second, 0: any */
	uint32_t queue;    /* frames that wait for it at most */
	uint32_t mark_at;  /* frames waiting from which ECN-capable ones are marked, 0: never */
	/* Bytes of IPv4 packet that pass, and from when on; 0: any. */
	struct {
		usec_t at_us;
		uint16_t mtu4, mtu6;
	} steps[PLAN_MTU_STEPS]; /* in the order of time */
	uint32_t nb_steps;
	uint32_t silent_ppm; /* of dropped packets that are not reported */
	bool nameless;       /* reports of IPv4 do not say what would pass (RFC 1191 §5) */
};

struct link_plan {
	struct conf_fault fault[2]; /* of what each end receives */
	struct hop_plan hop[2];     /* likewise */
	uint32_t ring_size;
};

/* A time without free buffers. */
struct drought {
	uint32_t begin_us, end_us; /* after the start */
};

/* A node that loses all its state. */
struct reboot_plan {
	uint32_t node;
	usec_t at_us; /* after the start */
};

struct plan {
	uint64_t seed;
	struct plan_wishes wishes;
	usec_t start;      /* of the engines; the rest counts from when they know each other */
	uint32_t nb_nodes; /* client first, server last */
	struct node_plan nodes[PLAN_NODES];
	struct link_plan links[PLAN_NODES - 1];
	uint32_t nb_droughts;
	struct drought droughts[PLAN_DROUGHTS]; /* one after the other */
	uint32_t nb_reboots;
	struct reboot_plan reboots[PLAN_REBOOTS]; /* likewise */
	uint32_t nb_flows;
	struct flow_plan flows[PLAN_FLOWS];
	usec_t longest_us; /* that a flow rests on purpose */
};

void plan_make(struct plan *p, uint64_t seed, const struct plan_wishes *wishes);

/* The wishes of a seed when everything is to happen now and then; `attack` stays as it is. */
void plan_mix(struct plan_wishes *w, uint64_t seed);

/* ---- plan_link.c ---- */

void plan_link(struct link_plan *l, struct dice *d, const struct plan_wishes *w);
