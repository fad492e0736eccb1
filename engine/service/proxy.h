/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load-balancing service: pairs each client connection with a connection to
 * a backend and moves the received buffers from one to the other, both ways.
 *
 * Back-pressure needs no code of its own: what the other side does not take
 * stays in the receive queue, and the receive window closes. A FIN is carried
 * across as a half-close, a RST as a RST. A backend that refuses, does not
 * answer in connect_timeout or cannot be reached is followed by the next one,
 * as long as the client has seen nothing of it.
 */
#pragma once

#include "engine/table/srcport.h"
#include "engine/tcp/tcp.h"

/* One backend as this shard sees it. */
struct backend_state {
	uint32_t active;  /* connections to it now, TIME_WAIT not counted */
	uint32_t turn;	  /* source address to take the next port from */
	uint32_t nb_maps; /* source addresses of its family */
	struct srcport_map *maps;
	uint64_t total, failed; /* connections begun, and of these not established */
};

struct pool_state {
	uint32_t next;	   /* round robin: backend to try next */
	uint32_t sessions; /* pairs now */
	uint32_t max_sessions; /* limit, 0: none */
	bool waiting;	   /* a client was left in an accept queue for want of a slot */
	uint16_t next_listener; /* whose queue is asked first when there is one */
	struct backend_state *backends;
};

/* A pair. Named by its index in both connections' svc_data. */
struct session {
	uint32_t client, backend; /* conn indexes, 0: that side is gone */
	uint16_t pool;
	uint16_t backend_id; /* the backend tried now */
	uint16_t tried;	     /* backends tried so far */
	bool connected;	     /* the backend's handshake is complete */
};

extern const struct service proxy_client_service;  /* of proxy listeners' profiles */
extern const struct service proxy_backend_service; /* of pools' profiles */

/* Bytes for all pools' state, and setting it up in `mem` (zeroed). */
size_t proxy_bytes(const struct conf *conf);
void proxy_init(struct shard *sh, void *mem);

/* The source port of a connection to a backend is free again. */
void proxy_port_put(struct shard *sh, uint16_t pool, uint16_t backend, uint16_t local,
		    uint16_t lport_be);
