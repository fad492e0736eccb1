/* SPDX-License-Identifier: BSD-3-Clause */
/* A shard in plain memory. See rig.h. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"

void rig_mac(uint8_t mac[6], uint8_t id, uint16_t port)
{
	const uint8_t m[6] = {0x02, 0x00, 0x5e, 0x10, id, (uint8_t)port};

	memcpy(mac, m, 6);
}

/* `args` says what is special about the shard. */
static void start(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id,
		  uint64_t seed, struct shard_args args)
{
	size_t bytes = ALIGN_UP(shard_bytes(&tc->conf), (size_t)CACHE_LINE);

	r->tc = tc;
	r->pool = pool;
	r->buf_ops = mem_pool_ops(pool);
	for (uint16_t i = 0; i < tc->conf.nb_ports; i++) {
		rig_mac(r->links[i].mac, id, i);
		r->links[i].mtu = tc->ports[i].mtu;
	}
	args.conf = &tc->conf;
	args.links = r->links;
	args.buf_ops = &r->buf_ops;
	args.nb_shards = tc->conf.nb_workers;
	pattern_fill(seed, 0, args.entropy, sizeof(args.entropy));
	r->mem = aligned_alloc(CACHE_LINE, bytes);
	if (!r->mem) {
		fprintf(stderr, "no memory for a shard of %zu bytes\n", bytes);
		exit(2);
	}
	memset(r->mem, 0, bytes);
	r->sh = shard_init(r->mem, &args);
}

void rig_init(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id, uint64_t seed,
	      bool csum_offload, usec_t now)
{
	rig_init_shard(r, tc, pool, id, 0, seed, csum_offload, now);
}

void rig_init_shard(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id,
		    uint16_t shard, uint64_t seed, bool csum_offload, usec_t now)
{
	memset(r, 0, sizeof(*r));
	for (uint16_t i = 0; i < tc->conf.nb_ports; i++)
		r->links[i].tx_ip_csum = r->links[i].tx_tcp_csum = csum_offload;
	start(r, tc, pool, id, seed, (struct shard_args){.id = shard, .now = now});
}

void rig_init_sharing(struct rig *r, struct testconf *tc, struct mem_pool *pool, uint8_t id,
		      uint64_t seed, usec_t now, const uint8_t *secret, uint64_t wall_us)
{
	memset(r, 0, sizeof(*r));
	start(r, tc, pool, id, seed,
	      (struct shard_args){
		  .now = now, .shared_secret = secret, .wall_offset_us = wall_us - now});
}

void rig_fini(struct rig *r)
{
	shard_fini(r->sh);
	free(r->mem);
	r->sh = r->mem = NULL;
}

uint32_t rig_fini_pool(struct rig *r)
{
	uint32_t missing;

	rig_fini(r);
	missing = mem_pool_in_use(r->pool);
	mem_pool_destroy(r->pool);
	return missing;
}

void rig_serve(struct rig *r, const struct service *service)
{
	int n = r->tc->conf.nb_listeners + r->tc->conf.nb_pools;

	for (int i = 0; i < n; i++)
		r->sh->profiles[i].service = service;
}

uint32_t rig_objects(const struct rig *r)
{
	const struct shard *sh = r->sh;

	return sh->conns.used + sh->halves.used + sh->time_waits.used + sh->xfers.used +
	       sh->addr6s.used + sh->sessions.used + sh->table.used;
}

uint32_t rig_timers(const struct rig *r)
{
	return r->sh->conn_wheel.armed + r->sh->half_wheel.wheel.armed + r->sh->time_waits.used;
}
