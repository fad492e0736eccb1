/* SPDX-License-Identifier: BSD-3-Clause */
/* What the modes share: numbers of a client, buffers, the transmit queue. Private to
 * the files of the modes. */
#pragma once

#include "bench/tgen/load.h"

#define MODE_WINDOW 65535 /* bytes that every segment offers, unscaled */

/* Sets the load's functions and templates for the plan's mode. */
void flood_init(struct load *l, const struct load_args *args);
void visit_init(struct load *l, const struct load_args *args);
void wake_init(struct load *l, const struct load_args *args);
void answer_init(struct load *l, const struct load_args *args);
void client_init(struct load *l, const struct load_args *args, void *mem);

/* Bytes that client_init() needs. */
size_t client_bytes(const struct plan *plan);

/* True while a connection is open; true while another one may be. */
bool client_is_busy(const struct load *l);
bool client_has_slot(const struct load *l);

/* The earliest timer, false: none. */
bool client_next(const struct load *l, usec_t *at);

/* A template for segments to or from the target, with the plan's options. */
void mode_frame(struct frame *f, const struct load *l, const struct load_args *args, uint8_t flags,
		const void *payload, uint32_t payload_len);

/* A frame that is no TCP segment of the target's: ARP and ND are answered, the
 * rest is counted and freed. */
void mode_other(struct load *l, struct buf *b);

/* Gives bufs back to the pool, or takes some; false: there are none. */
NOINLINE void mode_spill(struct load *l);
NOINLINE bool mode_refill(struct load *l);

/* True when the sums of a received frame, which inbound_read() took apart, are right. */
bool mode_sums_are_right(const struct buf *b, bool v6);

/* ISN of a client in the first lap: a keyed hash, so that what belongs to no
 * connection of ours shows. Not meant to resist an attacker. */
static ALWAYS_INLINE uint32_t mode_isn(const struct load *l, const struct end *e)
{
	uint64_t x = e->addr[0] ^ e->addr[1] * 0xff51afd7ed558ccdull ^ (uint64_t)e->port_be << 32;

	x = (x ^ l->key) * 0x9fb21c651e98df25ull;
	x ^= x >> 32;
	return (uint32_t)(x * 0xd6e8feb86659fd93ull >> 32);
}

/* How far `ack` is beyond the ISN of a client's latest connection. */
static ALWAYS_INLINE uint32_t mode_stage(const struct load *l, const struct end *e, uint32_t ack)
{
	uint32_t stage = ack - mode_isn(l, e) - l->lap;

	/* It may be of the lap before. */
	return unlikely(l->lap != 0 && stage > LOAD_LAP) ? stage + LOAD_LAP : stage;
}

/* A time that does not read as "no timestamp". */
static ALWAYS_INLINE uint32_t mode_tsval(usec_t at)
{
	return (uint32_t)at ? (uint32_t)at : 2;
}

/* Microseconds since the time a TSecr carries; 0: it lies ahead. */
static ALWAYS_INLINE uint32_t mode_age(const struct load *l, uint32_t tsecr)
{
	uint32_t age = l->now_us - tsecr;

	return likely(age < 1u << 31) ? age : 0;
}

/* True when what began at `us`, up to 2^31 us ago, counts. */
static ALWAYS_INLINE bool mode_counts(const struct load *l, uint32_t us)
{
	return (int32_t)(l->now_us - us) <= (int64_t)(l->now - l->since);
}

static ALWAYS_INLINE void mode_count(struct load *l, enum tally_count i)
{
	l->tally.n[i]++;
}

static ALWAYS_INLINE void mode_free(struct load *l, struct buf *b)
{
	if (unlikely(l->spare.count == LOAD_SPARE))
		mode_spill(l);
	l->spare.bufs[l->spare.count++] = b;
}

/* A buf to write a frame into; NULL: none left. */
static ALWAYS_INLINE struct buf *mode_buf(struct load *l)
{
	if (unlikely(l->spare.count == 0) && !mode_refill(l))
		return NULL;
	return l->spare.bufs[--l->spare.count];
}

/* Queues a frame; without room it is lost, as at a NIC whose ring is full. */
static ALWAYS_INLINE void mode_send(struct load *l, struct buf *b)
{
	if (unlikely(l->tx.count == LOAD_TX)) {
		mode_count(l, TALLY_tx_full);
		mode_free(l, b);
		return;
	}
	l->tx.bufs[l->tx.count++] = b;
}

/* Prefetches what the input of a burst reads. */
static ALWAYS_INLINE void mode_prefetch(struct buf *const *bufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		PREFETCH_WRITE(bufs[i]->data);
	for (uint32_t i = 0; i < n; i++)
		PREFETCH_WRITE(bufs[i]->data + CACHE_LINE);
}

/* The next client of ours in the order of the numbers. */
static ALWAYS_INLINE void mode_next_client(struct load *l, struct end *e)
{
	bool found = false;

	*e = (struct end){0};
	while (!found) {
		found = population_client(&l->clients, l->number, e);
		l->number = (l->number + 1) & l->clients.mask;
		if (unlikely(l->number == 0))
			l->lap += LOAD_LAP;
	}
}
