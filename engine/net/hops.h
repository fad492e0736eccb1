/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The next hops that the configuration names: backends and gateways. Their answers about their
 * addresses are what all workers wait for, and have a budget that those of strangers can't use
 * up. A filter tells them: a bit for each, by a keyed hash, so that nobody can choose addresses
 * that pass for one.
 */
#pragma once

#include "engine/base/siphash.h"
#include "engine/conf.h"

#define HOPS_BITS 4096u

struct hops {
	uint64_t bits[HOPS_BITS / 64];
	struct siphash_key key;
};

/* The key is the shard's own, drawn from the secret. */
void hops_init(struct hops *h, const struct conf *conf, const struct siphash_key *key);

/* True for each of them, and for few others. `bytes`: 4 or 16, in network order. */
bool hops_may_have(const struct hops *h, uint8_t family, const uint8_t *bytes);
