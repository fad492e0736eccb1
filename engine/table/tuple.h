/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tuples in the table: hashing, matching, and who owns them. IPv6 addresses of
 * peers lie in shard.addr6s; the object that holds the tuple owns that entry
 * and passes it on when the connection changes its kind of object.
 */
#pragma once

#include "engine/base/toeplitz.h"
#include "engine/shard.h"

/* A tuple with its address at hand, as a segment or a connect call names it. */
struct tuple_key {
	const uint8_t *raddr; /* 4 or 16 bytes by TUPLE_V6 in local */
	uint16_t rport_be, lport_be;
	uint16_t local; /* with TUPLE_V6 */
};

static inline struct tuple_key tuple_key_of_seg(const struct seg *s)
{
	return (struct tuple_key){s->src, s->sport_be, s->dport_be, s->tuple_local};
}

/* The peer's address, 4 or 16 bytes. */
static inline const uint8_t *tuple_raddr(const struct shard *sh, const struct tuple *t)
{
	return tuple_is_v6(t) ? pool_at(&sh->addr6s, t->raddr) : (const uint8_t *)&t->raddr;
}

static inline struct tuple_key tuple_key_of(const struct shard *sh, const struct tuple *t)
{
	return (struct tuple_key){tuple_raddr(sh, t), t->rport_be, t->lport_be, t->local};
}

static inline struct ipaddr tuple_ipaddr(const struct shard *sh, const struct tuple *t)
{
	struct ipaddr a = {.family = tuple_is_v6(t) ? IP_V6 : IP_V4};

	memcpy(a.bytes, tuple_raddr(sh, t), tuple_is_v6(t) ? 16 : 4);
	return a;
}

uint64_t tuple_hash(const struct shard *sh, const struct tuple_key *k);

/* What tuple_hash() is prf.place() of, over IPv4. */
static inline void tuple_words_v4(const struct tuple_key *k, uint64_t w[2])
{
	uint32_t raddr;

	memcpy(&raddr, k->raddr, 4);
	w[0] = raddr;
	w[1] = (uint64_t)k->rport_be << 32 | (uint64_t)k->lport_be << 16 | k->local;
}

/* The worker whose connection this is: the shard count divides the symmetric
 * Toeplitz hash's table, as the ports' RSS does. `laddr`: 4 or 16 bytes. */
uint16_t tuple_owner(const struct shard *sh, uint8_t family, const uint8_t *raddr,
		     const uint8_t *laddr, uint16_t rport_be, uint16_t lport_be);

/* The same of a received frame, whose port may have computed the hash. */
static inline uint16_t tuple_owner_of_frame(const struct shard *sh, const struct buf *b,
					    uint8_t family, const uint8_t *src, const uint8_t *dst,
					    uint16_t sport_be, uint16_t dport_be)
{
	if (sh->nb_shards == 1)
		return sh->id;
	if ((b->flags & BUF_RX_HASH) && sh->net.rx_hash[b->port])
		return toeplitz_owner(b->rss_hash, sh->nb_shards);
	return tuple_owner(sh, family, src, dst, sport_be, dport_be);
}

/* The peer's address as a tuple has it against that of a key whose local address is the same. */
static inline bool tuple_same_raddr(const struct shard *sh, const uint32_t *raddr,
				    const struct tuple_key *k)
{
	if (unlikely(k->local & TUPLE_V6))
		return ipaddr_same_bytes(pool_at(&sh->addr6s, *raddr), k->raddr, 16);
	return ipaddr_same_bytes(raddr, k->raddr, 4);
}

static inline bool tuple_same(const struct shard *sh, const struct tuple *t,
			      const struct tuple_key *k)
{
	return t->rport_be == k->rport_be && t->lport_be == k->lport_be && t->local == k->local &&
	       tuple_same_raddr(sh, &t->raddr, k);
}

/* The object with this tuple, 0: none. */
uint32_t tuple_find(const struct shard *sh, const struct tuple_key *k, uint64_t hash);

/* True when the object behind `ref` is in use and has this tuple. */
bool tuple_matches(const struct shard *sh, uint32_t ref, const struct tuple_key *k);

/* Fills *t, taking an address entry for IPv6; false: none left. */
bool tuple_set(struct shard *sh, struct tuple *t, const struct tuple_key *k, uint16_t iface);

/* Marks the tuple free and gives its address entry back. */
void tuple_clear(struct shard *sh, struct tuple *t);

/* A TIME_WAIT record's tuple; its interface is that of its local address. */
struct tuple tuple_of_time_wait(const struct shard *sh, const struct time_wait *tw);

/* Moves a tuple with its address entry; `from` is marked free. */
static inline void tuple_move(struct tuple *to, struct tuple *from)
{
	*to = *from;
	from->local = TUPLE_FREE;
}
