/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan: a configuration of the traffic generator after it has been read and
 * checked. Read-only; the main thread makes it, workers read it. docs/tgen.md
 * describes the file. Host order unless _be; rates are per second and over all
 * workers.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/conf.h"
#include "engine/run/config.h"

#define PLAN_NETS_MAX    16
#define PLAN_PAYLOAD_MAX 1400         /* bytes of a request, or of an answer's response */
#define PLAN_RATE_MAX    UINT64_MAX   /* "max": as fast as it goes */
#define PLAN_HOSTS_MAX   (1ull << 32) /* of one network */

/* What is done. The floods come first. */
enum plan_mode {
	PLAN_SYN,
	PLAN_ACK,
	PLAN_SYNACK,
	PLAN_RST,
	PLAN_FIN,
	PLAN_XMAS,
	PLAN_NULL,
	PLAN_DATA,
	PLAN_GARBAGE,
	PLAN_OPEN,
	PLAN_VISIT,
	PLAN_WAKE,
	PLAN_CLIENT,
	PLAN_ANSWER,
	PLAN_MODES
};

/* Who closes first. */
enum plan_close { PLAN_CLOSE_SERVER, PLAN_CLOSE_CLIENT, PLAN_CLOSE_RESET };

/* A network of clients: its hosts in order, broadcast addresses left out. */
struct plan_net {
	struct ipaddr net;
	uint8_t prefix_len;
	uint64_t first, count; /* hosts: number of the first one in the network, how many */
};

/* What SYNs and SYN-ACKs offer. */
struct plan_options {
	uint16_t mss;
	uint8_t wscale; /* 0: not offered */
	bool sack, timestamps;
};

/* Rates from one to another, each held for a while. */
struct plan_ramp {
	bool on;
	uint64_t from, to;
	uint32_t steps;
	usec_t hold_us;
};

/* The search for the highest rate whose loss is at most so much. */
struct plan_search {
	bool on;
	uint64_t from, to;
	uint32_t loss_ppm, precision_ppm;
	usec_t hold_us;
};

struct plan {
	const struct conf *conf; /* instance, workers, memory, the port */
	enum plan_mode mode;
	struct ipaddr target; /* who is driven; `answer`: who we are */
	uint16_t target_port_be;
	struct ipaddr via; /* whose MAC frames go to: the target's or the router's */
	uint16_t local;    /* index of the local address that asks for it, CONF_NONE: none */
	bool has_mac;
	uint8_t mac[6]; /* of `via`, when it is given */

	uint16_t nb_nets;
	struct plan_net nets[PLAN_NETS_MAX];
	uint16_t port_min, port_max; /* of the clients */
	uint64_t seed;

	uint64_t rate;      /* starts, PLAN_RATE_MAX: no limit */
	usec_t duration_us; /* 0: until `connections` or a signal ends it */
	usec_t warmup_us;
	usec_t drain_us;
	uint64_t connections; /* 0: no limit */
	uint64_t concurrency; /* 0: no limit */

	uint32_t request_len, response_len; /* bytes of the payloads below */
	uint8_t request[PLAN_PAYLOAD_MAX];
	uint8_t response[PLAN_PAYLOAD_MAX]; /* `answer` */
	uint64_t response_bytes;            /* `client`: awaited for a request, 0: until FIN */
	uint32_t requests;                  /* on a connection */
	enum plan_close close;
	usec_t think_us;
	uint32_t retries;
	struct plan_options options;
	bool verify;
	struct plan_ramp ramp;
	struct plan_search search;
};

/* The word of the file for a mode. */
const char *plan_mode_name(enum plan_mode mode);

static inline bool plan_is_flood(enum plan_mode mode)
{
	return mode <= PLAN_GARBAGE;
}

/* True when starts follow each other as fast as it goes, so that a window has to
 * keep what is under way within bounds. */
static inline bool plan_is_closed(const struct plan *plan)
{
	return plan->rate == PLAN_RATE_MAX && !plan->ramp.on && !plan->search.on;
}

/*
 * Reads and checks the file at `path`, or `len` bytes at `text`. NULL with *err
 * filled in when it can't be used. The caller owns the result: plan_free().
 */
struct plan *plan_load(const char *path, struct config_error *err);
struct plan *plan_parse(const char *name, const char *text, size_t len, struct config_error *err);

/* NULL is fine. */
void plan_free(struct plan *plan);
