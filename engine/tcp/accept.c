/* SPDX-License-Identifier: BSD-3-Clause */
/* The accept queue (M8): completed connections that wait for their service. */
#include "engine/tcp/internal.h"

bool accept_queue_full(const struct shard *sh, uint16_t listener)
{
	return sh->listeners[listener].length >= sh->listeners[listener].backlog;
}

void accept_queue_add(struct shard *sh, struct conn *c, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];
	uint32_t i = conn_index(sh, c);

	/* svc_data is the link: no service owns the connection yet. */
	c->svc_data = 0;
	if (l->tail)
		shard_conn(sh, l->tail)->svc_data = i;
	else
		l->head = i;
	l->tail = i;
	l->length++;
	conn_work(sh, c, CF_ACCEPT_QUEUE | CF_EV_ACCEPTABLE);
}

static struct conn *accept_queue_take(struct shard *sh, struct listener_state *l)
{
	struct conn *c = shard_conn(sh, l->head);

	l->head = c->svc_data;
	if (!l->head)
		l->tail = 0;
	l->length--;
	c->svc_data = 0;
	c->flags &= ~(uint32_t)(CF_ACCEPT_QUEUE | CF_EV_ACCEPTABLE);
	return c;
}

struct conn *tcp_accept(struct shard *sh, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];

	while (l->head) {
		struct conn *c = accept_queue_take(sh, l);
		struct xfer *x = conn_xfer(sh, c);

		if (c->state == TCP_CLOSED) {
			/* Reset while it waited: nobody has seen it, so nobody
			 * needs to be told. */
			conn_orphan(sh, c);
			continue;
		}
		l->accepted++;
		conn_work(sh, c, x && x->rcvq.head ? CF_EV_READABLE : 0);
		if ((c->flags & CF_FIN_RECEIVED) && !(x && x->rcvq.head))
			conn_work(sh, c, CF_EV_EOF);
		return c;
	}
	return NULL;
}
