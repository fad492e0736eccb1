/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other side of the benchmarked shard: clients that are known by their number alone, each
 * with an address and port of its own, spread so that nothing about them is in order.
 */
#pragma once

#include "bench/harness.h"

#define PEER_MAX         (1u << 31)      /* clients */
#define PEER_ENGINE_CIDR "198.18.0.1/13" /* the engine's address, in their network */
#define PEER_ENGINE      "198.18.0.1"

/* Parts of a config: the engine's port, and what it serves there. */
#define PEER_PORT                                                                                  \
	"ports:\n"                                                                                 \
	"  - {name: p, device: net_null0, addresses: [" PEER_ENGINE_CIDR "]}\n"
#define PEER_HTTP                                                                                  \
	"listeners:\n"                                                                             \
	"  - {name: web, address: \"" PEER_ENGINE ":80\", service: http,\n"                        \
	"     http: {size: 64}, backlog: 65536}\n"
#define PEER_ECHO                                                                                  \
	"listeners:\n"                                                                             \
	"  - {name: echo, address: \"" PEER_ENGINE ":80\", service: echo, backlog: 65536}\n"

/* A segment of client `client` to the engine's port 80. */
struct peer_seg {
	uint32_t client;
	uint8_t flags; /* enum tcp_flags */
	uint32_t seq, ack, tsecr;
	const void *payload;
	uint32_t len;
};

/* A segment of the engine's, taken apart. */
struct peer_view {
	uint32_t client;
	uint8_t flags;
	uint32_t seq, ack, tsval;
	uint32_t len; /* of its payload */
};

/* A frame from a client, with the options that Linux sends. Ends the program when there is
 * no buffer. */
struct buf *peer_make(struct bench *b, const struct peer_seg *s);

/* Reads a frame that went to a client; false: it is no TCP segment. */
bool peer_read(const struct buf *f, struct peer_view *v);

/* True when the client's connections belong to the benchmarked shard. */
bool peer_is_ours(const struct bench *b, uint32_t client);

/* Initial sequence number of a client. */
uint32_t peer_isn(uint32_t client);

/* Establishes the connections of clients [first, first + n) that the shard owns, a batch at a
 * time, with whatever follows from the engine thrown away. snd_nxt[i], rcv_nxt[i]: where client
 * first + i stands then; may be NULL. */
void peer_connect(struct bench *b, uint32_t first, uint32_t n, uint32_t *snd_nxt,
		  uint32_t *rcv_nxt);

/* Frees what the engine has sent. */
void peer_ignore(struct bench *b);
