/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One shard with the memory under it: what a worker is in production, without
 * DPDK, a clock or a thread. The test says what time it is and carries frames.
 */
#pragma once

#include "drivers/mem_pool.h"
#include "engine/shard.h"
#include "tests/lib/testconf.h"

struct rig {
	struct shard *sh;
	struct testconf *tc;
	struct mem_pool *pool; /* not owned: frames move between rigs */
	struct buf_ops buf_ops;
	void *mem;
	struct net_link links[CONF_MAX_PORTS];
};

/* MAC of port `port` of rig number `id`. */
void rig_mac(uint8_t mac[6], uint8_t id, uint16_t port);

/*
 * Starts a shard of tc->conf at time `now`; its secrets follow from `seed`. When
 * `csum_offload` is set its ports fill in checksums. tc->user stays the test's.
 */
void rig_init(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id, uint64_t seed,
	      bool csum_offload, usec_t now);

/* The same for shard number `shard` of conf.nb_workers. */
void rig_init_shard(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id,
		    uint16_t shard, uint64_t seed, bool csum_offload, usec_t now);

/* As rig_init() of a machine that shares `secret` with others (SHARD_SHARED_SECRET bytes), whose
 * clock shows `wall_us` at `now`. */
void rig_init_sharing(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id,
		      uint64_t seed, usec_t now, const uint8_t *secret, uint64_t wall_us);

/* Stops the shard: its buffers are back in the pool then. */
void rig_fini(struct rig *r);

/* The same for the last shard of its pool, which goes with it; how many buffers are missing. */
uint32_t rig_fini_pool(struct rig *r);

/* The service of every listener and pool becomes `service`. */
void rig_serve(struct rig *r, const struct service *service);

/* Objects of all kinds in use: connections, entries, transfers, addresses. */
uint32_t rig_objects(const struct rig *r);

/* Timers armed, of all kinds; half-open entries have one for each group of them. */
uint32_t rig_timers(const struct rig *r);

/* The test's own pointer, for callbacks. */
static inline void *rig_user(const struct shard *sh)
{
	return CONTAINER_OF((struct conf *)(uintptr_t)sh->conf, struct testconf, conf)->user;
}
