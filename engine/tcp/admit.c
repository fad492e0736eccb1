/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may connect to a listener, by prefix lists. What they say is asked when a SYN comes, also
 * one for a tuple in TIME_WAIT, and again when a cookie comes back, which may have been sent
 * before the lists changed. A handshake that has an entry is completed, and connections are left
 * alone.
 */
#include "engine/table/listen_table.h"
#include "engine/table/prefix_table.h"
#include "engine/tcp/internal.h"

void shard_set_prefixes(struct shard *sh, const struct prefix_set *set)
{
	INVARIANT(set->nb_listeners == sh->conf->nb_listeners);
	for (uint16_t i = 0; i < set->nb_listeners; i++) {
		sh->listeners[i].prefixes = set->of_listener[i];
		sh->listeners[i].guarded = set->of_listener[i] != NULL;
	}
}

static bool is_listed(struct shard *sh, const struct seg *s, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];

	if (!l->prefixes || likely(!prefix_table_refuses(l->prefixes, s->family, s->src)))
		return false;
	l->prefix_refused++;
	stat_inc(sh, STAT_prefix_refused);
	return true;
}

bool admit_syn(struct shard *sh, struct seg *s, uint16_t listener)
{
	if (is_listed(sh, s, listener)) {
		tcp_refuse_syn(sh, s, listener);
		return false;
	}
	return true;
}

bool admit_cookie(struct shard *sh, struct seg *s, uint16_t listener)
{
	if (is_listed(sh, s, listener)) {
		tcp_reset_reply(sh, s);
		return false;
	}
	return true;
}

bool admit_syn_to_time_wait(struct shard *sh, struct seg *s)
{
	uint16_t listener = listen_table_find(sh, s->family, s->local, s->dport_be);

	return likely(!sh->listeners[listener].guarded) || admit_syn(sh, s, listener);
}
