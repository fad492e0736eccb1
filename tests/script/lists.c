/* SPDX-License-Identifier: BSD-3-Clause */
/* `lists`: who may connect from now on, as when lists are reloaded. */
#include <stdlib.h>

#include "engine/table/prefix_table.h"
#include "tests/lib/testconf.h"
#include "tests/script/lists.h"

#define LISTED_MAX 16

static bool scan_prefix(struct scan *s, struct prefix *p, bool refused)
{
	char word[48];
	uint32_t len;

	if (!scan_word(s, word, sizeof(word)) || !scan_expect(s, "/") || !scan_number(s, &len))
		return false;
	*p = (struct prefix){.addr = testconf_ip(word), .len = (uint8_t)len, .refused = refused};
	return true;
}

/* All listeners have the same table. */
static void put_in_force(struct play *p, struct prefix *prefixes, uint32_t n, bool refused)
{
	uint16_t nb = p->tc.conf.nb_listeners;
	struct prefix_set *set = calloc(1, sizeof(*set) + nb * sizeof(set->of_listener[0]));
	void *mem = aligned_alloc(16, prefix_table_bytes(n));
	const struct prefix_table *t = n ? prefix_table_build(mem, prefixes, n, refused) : NULL;

	set->nb_listeners = nb;
	for (uint16_t i = 0; i < nb; i++)
		set->of_listener[i] = t;
	shard_set_prefixes(p->rig.sh, set);
	play_lists_free(p);
	p->lists = mem;
	free(set);
}

bool play_lists(struct play *p, struct scan *s)
{
	struct prefix prefixes[LISTED_MAX];
	bool deny, refused = false;
	uint32_t n = 0;

	for (; !scan_end(s) && n < LISTED_MAX; n++) {
		deny = scan_accept(s, "deny");
		if ((!deny && !scan_expect(s, "allow")) || !scan_prefix(s, &prefixes[n], deny))
			return false;
		refused |= !deny;
	}
	put_in_force(p, prefixes, n, refused);
	return true;
}

void play_lists_free(struct play *p)
{
	free(p->lists);
	p->lists = NULL;
}
