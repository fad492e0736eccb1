/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets (RFC 9293 §3.5.2) and challenge ACKs (RFC 5961). */
#include "engine/tcp/internal.h"

/* Per connection [tcp_invalid_ratelimit]: two ends that are out of step would
 * challenge each other as fast as the line carries it. */
#define CHALLENGE_INTERVAL_TICKS 500

void tcp_reset_reply(struct shard *sh, struct seg *s)
{
	struct reply r = {.seq = s->ack, .flags = TCP_RST};

	if (s->flags & TCP_RST) {
		stat_inc(sh, STAT_drop_closed);
		shard_buf_free(sh, s->buf);
		return;
	}
	/* A flood with forged sources shall not have us flood who they are. */
	if (!budget_take(&sh->rst_budget, sh->now, &sh->isn_key.sip)) {
		stat_inc(sh, STAT_rst_limited);
		shard_buf_free(sh, s->buf);
		return;
	}
	if (!(s->flags & TCP_ACK))
		r = (struct reply){.ack = s->seq + seg_len(s), .flags = TCP_RST | TCP_ACK};
	if (emit_reply(sh, s, &r))
		stat_inc(sh, STAT_rst_sent);
}

void tcp_reset_conn(struct shard *sh, struct conn *c)
{
	if (emit_empty(sh, c, tcp_empty_seq(c), TCP_RST | TCP_ACK))
		stat_inc(sh, STAT_rst_sent);
}

/* Spread, or a connection would share it with the half-open entry of its number. */
static struct challenged *entry_of(struct shard *sh, uint32_t ref)
{
	return &sh->challenged[(uint64_t)(ref * 2654435761u) * SHARD_CHALLENGED >> 32];
}

static bool was_challenged(struct shard *sh, uint32_t ref, uint32_t salt)
{
	const struct challenged *e = entry_of(sh, ref);

	if (e->ref != ref || e->salt != salt || sh->now - e->at >= CHALLENGE_INTERVAL_TICKS)
		return false;
	stat_inc(sh, STAT_challenge_acks_limited);
	return true;
}

static void note_challenge(struct shard *sh, uint32_t ref, uint32_t salt)
{
	*entry_of(sh, ref) = (struct challenged){.ref = ref, .salt = salt, .at = sh->now};
}

bool challenge_repeats(struct shard *sh, uint32_t ref, uint32_t salt)
{
	if (was_challenged(sh, ref, salt))
		return true;
	note_challenge(sh, ref, salt);
	return false;
}

bool challenge_allowed(struct shard *sh, uint32_t ref, uint32_t salt)
{
	if (was_challenged(sh, ref, salt))
		return false;
	if (!budget_take(&sh->challenge_budget, sh->now, &sh->isn_key.sip)) {
		stat_inc(sh, STAT_challenge_acks_limited);
		return false;
	}
	note_challenge(sh, ref, salt);
	stat_inc(sh, STAT_challenge_acks);
	return true;
}

void challenge_ack(struct shard *sh, struct conn *c)
{
	uint32_t ref = ref_make(REF_CONN, conn_index(sh, c));

	if (challenge_allowed(sh, ref, conn_cold(c)->opened))
		conn_work(sh, c, CF_ACK_NOW);
}
