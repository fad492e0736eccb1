/* SPDX-License-Identifier: BSD-3-Clause */
/* What a segment gets that is not to open a connection (M17): the policy of its local address,
 * or of the listener that turns it away. */
#include "engine/net/unreachable.h"
#include "engine/tcp/internal.h"

static bool is_syn(const struct seg *s)
{
	return (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static COLD void refuse(struct shard *sh, struct seg *s, enum conf_refuse how)
{
	if (how == CONF_REFUSE_DROP) {
		stat_inc(sh, STAT_drop_refused);
		shard_buf_free(sh, s->buf);
	} else if (how == CONF_REFUSE_UNREACHABLE && is_syn(s)) {
		net_port_unreachable(sh, s);
	} else {
		/* To whoever believes to be connected ICMP is no end (RFC 5927 §5), a reset is. */
		tcp_reset_reply(sh, s);
	}
}

void tcp_refuse_closed(struct shard *sh, struct seg *s)
{
	refuse(sh, s, sh->conf->addrs[s->local].refuse);
}

void tcp_refuse_syn(struct shard *sh, struct seg *s, uint16_t listener)
{
	enum conf_refuse how = sh->conf->listeners[listener].refuse;

	refuse(sh, s, how == CONF_REFUSE_AS_ADDRESS ? sh->conf->addrs[s->local].refuse : how);
}
