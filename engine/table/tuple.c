/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/tuple.h"
#include "engine/base/toeplitz.h"

uint64_t tuple_hash(const struct shard *sh, const struct tuple_key *k)
{
	uint64_t w[4];

	if (k->local & TUPLE_V6) {
		memcpy(w, k->raddr, 16);
		w[2] = (uint64_t)k->rport_be << 32 | (uint64_t)k->lport_be << 16 | k->local;
		w[3] = 0;
		return sh->prf->place(&sh->table_key, w, 4);
	}
	tuple_words_v4(k, w);
	return sh->prf->place(&sh->table_key, w, 2);
}

uint16_t tuple_owner(const struct shard *sh, uint8_t family, const uint8_t *raddr,
		     const uint8_t *laddr, uint16_t rport_be, uint16_t lport_be)
{
	struct ipaddr a = {.family = family}, b = {.family = family};
	uint32_t len = family == IP_V4 ? 4 : 16;

	if (sh->nb_shards == 1)
		return sh->id;
	memcpy(a.bytes, raddr, len);
	memcpy(b.bytes, laddr, len);
	return toeplitz_owner(toeplitz_tuple(sh->toeplitz, &a, &b, rport_be, lport_be),
			      sh->nb_shards);
}

static bool time_wait_matches(const struct shard *sh, const struct time_wait *tw,
			      const struct tuple_key *k)
{
	return tw->used && tw->rport_be == k->rport_be && tw->lport_be == k->lport_be &&
	       tw->local == (k->local & (uint16_t)~TUPLE_V6) &&
	       tuple_same_raddr(sh, &tw->raddr, k);
}

bool tuple_matches(const struct shard *sh, uint32_t ref, const struct tuple_key *k)
{
	uint32_t i = ref_index(ref);
	const struct tuple *t;

	if (ref_kind(ref) == REF_TIME_WAIT)
		return time_wait_matches(sh, tw_at(&sh->time_waits, i), k);
	t = ref_kind(ref) == REF_CONN ? &shard_conn(sh, i)->tuple : &shard_half(sh, i)->tuple;
	return tuple_same(sh, t, k);
}

struct tuple tuple_of_time_wait(const struct shard *sh, const struct time_wait *tw)
{
	const struct conf_addr *a = &sh->conf->addrs[tw->local];

	return (struct tuple){
	    .raddr = tw->raddr,
	    .rport_be = tw->rport_be,
	    .lport_be = tw->lport_be,
	    .local = (uint16_t)(tw->local | (a->addr.family == IP_V6 ? TUPLE_V6 : 0)),
	    .iface = a->iface,
	};
}

struct find_ctx {
	const struct shard *sh;
	const struct tuple_key *key;
};

static bool find_match(const void *ctx, uint32_t ref)
{
	const struct find_ctx *f = ctx;

	return tuple_matches(f->sh, ref, f->key);
}

uint32_t tuple_find(const struct shard *sh, const struct tuple_key *k, uint64_t hash)
{
	struct find_ctx f = {sh, k};

	return table_find(&sh->table, hash, find_match, &f);
}

bool tuple_set(struct shard *sh, struct tuple *t, const struct tuple_key *k, uint16_t iface)
{
	*t = (struct tuple){
	    .rport_be = k->rport_be, .lport_be = k->lport_be, .local = k->local, .iface = iface};
	if (!(k->local & TUPLE_V6)) {
		memcpy(&t->raddr, k->raddr, 4);
		return true;
	}
	t->raddr = pool_get(&sh->addr6s);
	if (t->raddr == POOL_NIL) {
		t->local = TUPLE_FREE;
		return false;
	}
	memcpy(pool_at(&sh->addr6s, t->raddr), k->raddr, 16);
	return true;
}

void tuple_clear(struct shard *sh, struct tuple *t)
{
	if (t->local != TUPLE_FREE && tuple_is_v6(t))
		pool_put(&sh->addr6s, t->raddr);
	t->local = TUPLE_FREE;
}
