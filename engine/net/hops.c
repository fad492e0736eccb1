/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/hops.h"

static uint32_t bit_of(const struct hops *h, uint8_t family, const uint8_t *bytes)
{
	uint64_t words[3] = {family};

	memcpy(words + 1, bytes, family == IP_V4 ? 4 : 16);
	return (uint32_t)(siphash13(&h->key, words, ARRAY_SIZE(words)) % HOPS_BITS);
}

static void add(struct hops *h, const struct ipaddr *a)
{
	uint32_t bit = bit_of(h, a->family, a->bytes);

	h->bits[bit / 64] |= 1ull << bit % 64;
}

void hops_init(struct hops *h, const struct conf *conf, const struct siphash_key *key)
{
	*h = (struct hops){.key = *key};
	for (uint16_t i = 0; i < conf->nb_routes; i++)
		add(h, &conf->routes[i].via);
	for (uint16_t p = 0; p < conf->nb_pools; p++)
		for (uint16_t b = 0; b < conf->pools[p].nb_backends; b++)
			add(h, &conf->pools[p].backends[b].addr);
}

bool hops_may_have(const struct hops *h, uint8_t family, const uint8_t *bytes)
{
	uint32_t bit = bit_of(h, family, bytes);

	return h->bits[bit / 64] >> bit % 64 & 1;
}
