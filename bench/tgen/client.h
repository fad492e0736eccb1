/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stateful client's connections: a slot each, found from a segment without a
 * table, since the number of a slot's client is the slot's modulo the number of
 * slots. Private to client*.c.
 */
#pragma once

#include "bench/tgen/mode.h"
#include "engine/base/wheel.h"

enum client_state {
	CLIENT_FREE,
	CLIENT_SYN_SENT,
	CLIENT_REQUEST,  /* the response is awaited */
	CLIENT_THINK,    /* until the next request */
	CLIENT_WAIT_FIN, /* all is answered; the server is to close */
	CLIENT_CLOSING,  /* our FIN was sent */
};

/* Templates of the mode. */
enum client_frame {
	CLIENT_FRAME_SYN,
	CLIENT_FRAME_REQUEST,
	CLIENT_FRAME_ACK,
	CLIENT_FRAME_FIN,
	CLIENT_FRAME_RST,
	CLIENT_FRAME_NONE,
};

/* A slot and its connection. Times are low 32 bits of microseconds; a connection that pauses
 * between its requests may last longer. */
struct client_conn {
	struct wheel_node timer;
	uint32_t next_free; /* index of the next free slot, 0: none */
	uint64_t number;    /* of the client */
	uint64_t left;      /* bytes of the response that have not come */
	uint32_t lap;       /* added to the client's ISN */
	uint32_t begun_us, request_us;
	uint32_t snd_nxt, rcv_nxt, ts_recent;
	uint32_t requests; /* not yet answered */
	uint8_t state;     /* enum client_state */
	uint8_t retries;
	uint8_t begun_high; /* the next bits of begun_us */
	bool fin_seen : 1, fin_acked : 1;
};
static_assert(sizeof(struct client_conn) == CACHE_LINE, "a connection is one cache line");

struct client {
	struct wheel wheel;
	uint32_t mask;      /* slots less one, a power of two less one */
	uint32_t free_head; /* index from 1; 0: none */
	uint32_t open;
	struct client_conn conns[] CACHE_ALIGNED; /* from 1 on */
};

/* True when the connection counts; *age_us: how long ago it began, 71 minutes at most. */
static inline bool client_counts(const struct load *l, const struct client_conn *c,
				 uint32_t *age_us)
{
	uint64_t begun = (uint64_t)c->begun_high << 32 | c->begun_us;
	uint64_t age = (l->now - begun) & ((1ull << 40) - 1);

	*age_us = (uint32_t)MIN(age, (uint64_t)UINT32_MAX);
	return age <= l->now - l->since;
}

/* The end of the connection in slot `index`. */
void client_end_of(const struct load *l, const struct client_conn *c, struct end *e);

/* Sends a segment in b; REQUEST and FIN take up sequence space. NONE frees b. */
void client_send(struct load *l, struct client_conn *c, const struct end *e, struct buf *b,
		 enum client_frame kind);

/* (Re)arms the connection's timer for its state and number of retries. */
void client_arm(struct load *l, struct client_conn *c);

/* The connection is over, for better or worse; its slot is free. */
void client_close(struct load *l, struct client_conn *c, enum tally_count as);

/* What the connection in the slot makes of a segment of its. */
void client_segment(struct load *l, struct client_conn *c, const struct inbound *s, struct buf *b);
