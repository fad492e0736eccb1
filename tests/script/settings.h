/* SPDX-License-Identifier: BSD-3-Clause */
/* What a script's `config:` and `service` lines choose; read before anything
 * runs, since the engine's configuration never changes afterwards. */
#pragma once

#include "tests/lib/testconf.h"
#include "tests/script/scan.h"
#include "tests/script/script.h"

/* Who gets the engine's events. */
enum play_service {
	PLAY_MANUAL, /* the script itself */
	PLAY_ECHO,
	PLAY_DISCARD,
	PLAY_HTTP,
	PLAY_PROXY,
};

struct settings {
	struct conf_tcp tcp;
	struct conf_memory memory;
	struct conf_limits limits;
	enum play_service service;
	uint32_t mtu; /* with IPv4; IPv6 gets 20 more, so that segments are the same */
	uint32_t backlog;
	uint32_t listener_max, listener_reserve; /* connections, 0: no limit, none */
	uint8_t refuse; /* of the address, enum conf_refuse */
	uint32_t max_connections_per_source, max_rate_per_source;
	uint8_t source_prefix; /* bits, in either family; 0: the default */
	uint32_t peer_isn; /* of the peer's connections, unless the script says otherwise */
	uint32_t iss;      /* ours, of the first connection */
	uint32_t start_ms; /* time at which the script begins, 0: chosen to give `iss` */
	uint32_t connect_timeout_ms; /* of connections the engine opens, 0: as the retries last */
	uint32_t backends, max_connections, source_ports; /* of the pool */
	bool iss_required;                                /* `iss` was asked for by the script */
	bool csum_offload;                                /* the port fills in checksums */
	bool neighbour;   /* the peer's MAC is known and kept known behind the script's back */
	bool any_address; /* the listener is on any address, not on ours */
	struct conf_listener listener; /* its limits for clients */
};

/* Reads the settings out of all lines; false: `where` is the line that is wrong
 * and scan.why says why. */
bool settings_read(struct settings *set, const struct script *script, struct scan *scan,
		   const struct script_line **where);

/* True when the line is a setting, so there is nothing to run. */
bool settings_is(const char *text);

/* Builds the engine's configuration. */
void settings_apply(const struct settings *set, uint8_t family, struct testconf *tc);
