/* SPDX-License-Identifier: BSD-3-Clause */
/* Explicit congestion notification: RFC 3168 §6.1. What the window does when the
 * peer echoes a mark is recovery.c's. */
#include "engine/tcp/internal.h"

bool tcp_ecn_offered(const struct conf_tcp *tcp, const struct seg *s)
{
	/* §6.1.1: a SYN must not be ECN-capable itself; one that is was mangled. */
	return tcp->ecn != CONF_ECN_NEVER && (s->tos & ECN_MASK) == 0 &&
	       (s->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
}

void tcp_ecn_negotiated(const struct shard *sh, struct conn *c, const struct seg *s)
{
	bool agreed;

	if (s->flags & TCP_ACK) /* §6.1.1: an answer has ECE alone */
		agreed = (c->flags & CF_ECN) && (s->flags & (TCP_ECE | TCP_CWR)) == TCP_ECE;
	else
		agreed = tcp_ecn_offered(conn_tcp(sh, c), s);
	c->flags &= ~(uint32_t)CF_ECN;
	c->flags |= agreed ? CF_ECN : 0;
}

void tcp_ecn_input(struct shard *sh, struct conn *c, const struct seg *s)
{
	/* §6.1.3: CWR first, since the same segment may carry a newer mark. */
	if (s->flags & TCP_CWR) {
		c->flags &= ~(uint32_t)CF_ECN_ECHO;
		/* Its sender may be down to one segment: no delay. */
		if (s->payload_len)
			conn_work(sh, c, CF_ACK_NOW);
	}
	if (s->payload_len == 0 || (s->tos & ECN_MASK) != ECN_CE)
		return;
	stat_inc(sh, STAT_ecn_marked);
	c->flags |= CF_ECN_ECHO;
}

uint32_t tcp_ecn_data_flags(struct conn *c)
{
	uint32_t flags = EMIT_ECT;

	/* §6.1.5, §6.1.6: neither what is sent again nor a window probe. */
	if (!(c->flags & CF_ECN) || c->snd_wnd == 0)
		return 0;
	if (c->flags & CF_ECN_CWR)
		flags |= TCP_CWR;
	c->flags &= ~(uint32_t)CF_ECN_CWR;
	return flags;
}
