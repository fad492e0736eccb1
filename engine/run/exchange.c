/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/exchange.h"

#include <stdio.h>

#include <rte_errno.h>
#include <rte_ring.h>

bool exchange_init(struct exchange *x, uint16_t nb_workers, struct report *r)
{
	static const char *const kinds[EXCHANGE_NB_KINDS] = {"rx", "tx"};
	char name[RTE_RING_NAMESIZE];

	x->nb_workers = nb_workers > 1 ? nb_workers : 0;
	for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
		for (uint16_t i = 0; i < x->nb_workers; i++) {
			snprintf(name, sizeof(name), "worker%u_%s", i, kinds[k]);
			x->rings[k][i] =
			    rte_ring_create(name, EXCHANGE_FRAMES, SOCKET_ID_ANY, RING_F_SC_DEQ);
			if (!x->rings[k][i])
				return report_error(r,
						    "no memory for the rings between workers: %s",
						    rte_strerror(rte_errno));
		}
	return true;
}

static uint32_t put(struct exchange *x, enum exchange_kind kind, uint16_t to,
		    struct buf *const *bufs, uint32_t n)
{
	return rte_ring_mp_enqueue_burst(x->rings[kind][to], (void *const *)bufs, n, NULL);
}

static uint32_t take(struct exchange *x, enum exchange_kind kind, uint16_t worker,
		     struct buf **bufs, uint32_t n)
{
	if (x->nb_workers == 0)
		return 0;
	return rte_ring_sc_dequeue_burst(x->rings[kind][worker], (void **)bufs, n, NULL);
}

void exchange_fini(struct exchange *x, const struct buf_ops *ops)
{
	struct buf *b;

	for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
		for (uint16_t i = 0; i < x->nb_workers; i++) {
			while (x->rings[k][i] && take(x, (enum exchange_kind)k, i, &b, 1) == 1)
				ops->free_bulk(ops->ctx, &b, 1);
			rte_ring_free(x->rings[k][i]);
		}
	*x = (struct exchange){0};
}

/* Ring by ring: to enter one costs more than to tell whose a frame is. */
void exchange_hand_over(struct exchange *x, struct shard *sh)
{
	struct buf *batch[SHARD_HANDOVER];

	while (sh->handover_count > 0) {
		uint8_t to = sh->handover[0]->owner;
		uint32_t n = 0, rest = 0, taken;

		for (uint32_t i = 0; i < sh->handover_count; i++) {
			struct buf *b = sh->handover[i];

			if (b->owner == to)
				batch[n++] = b;
			else
				sh->handover[rest++] = b;
		}
		sh->handover_count = rest;
		taken = put(x, EXCHANGE_RX, to, batch, n);
		stat_add(sh, STAT_drop_handover_full, n - taken);
		for (; taken < n; taken++)
			shard_buf_free(sh, batch[taken]);
	}
}

uint32_t exchange_take_over(struct exchange *x, struct shard *sh, struct buf **bufs, uint32_t n)
{
	n = take(x, EXCHANGE_RX, sh->id, bufs, n);
	stat_add(sh, STAT_taken_over, n);
	return n;
}

/* A frame of its own for the port, so that the connection may go on writing to
 * the buf that it keeps; NULL: no buffer left. */
static struct buf *copy_frame(struct shard *sh, const struct buf *b)
{
	struct buf *copy = shard_buf_alloc(sh);

	if (!copy)
		return NULL;
	copy->data = copy->start + MIN(buf_headroom(b), copy->room - b->len);
	memcpy(copy->data, b->data, b->len);
	copy->len = b->len;
	copy->flags = b->flags & (BUF_TX_IP_CSUM | BUF_TX_L4_CSUM | BUF_TX_IPV6);
	copy->port = b->port;
	copy->l2_len = b->l2_len;
	copy->l3_len = b->l3_len;
	copy->l4_len = b->l4_len;
	return copy;
}

/* Whom shard_transmit() calls back for. */
struct sending {
	struct exchange *x;
	struct shard *sh;
	uint16_t to;
};

/* What the other worker gets of a buf: itself, unless its connection keeps it. */
static struct buf *frame_for_other(struct shard *sh, struct buf *b)
{
	return b->flags & BUF_KEEP ? copy_frame(sh, b) : b;
}

static uint32_t send_by_other(void *ctx, struct buf **bufs, uint32_t n)
{
	struct sending *s = ctx;
	struct buf *batch[SHARD_BURST];
	uint32_t i = 0;

	while (i < n) {
		uint32_t k = 0, taken;

		while (k < MIN(n - i, (uint32_t)SHARD_BURST) &&
		       (batch[k] = frame_for_other(s->sh, bufs[i + k])))
			k++;
		taken = put(s->x, EXCHANGE_TX, s->to, batch, k);
		for (uint32_t rest = taken; rest < k; rest++)
			if (batch[rest] != bufs[i + rest])
				shard_buf_free(s->sh, batch[rest]);
		i += taken;
		if (taken < k)
			break;
		if (k == 0)
			i++; /* no memory for its copy: lost */
	}
	return i;
}

uint32_t exchange_send(struct exchange *x, struct shard *sh, uint16_t port, uint16_t to)
{
	struct sending s = {x, sh, to};

	return shard_transmit(sh, port, send_by_other, &s);
}

/* That any port's queue has, unless it is full: a port that takes nothing holds up no other. */
static uint32_t places(const struct shard *sh)
{
	uint32_t least = SHARD_BURST;

	for (uint16_t p = 0; p < sh->conf->nb_ports; p++) {
		uint32_t room = shard_tx_room(sh, p);

		if (room > 0)
			least = MIN(least, room);
	}
	return least;
}

uint32_t exchange_collect(struct exchange *x, struct shard *sh)
{
	struct buf *bufs[SHARD_BURST];
	uint32_t n;

	if (x->nb_workers == 0)
		return 0;
	n = take(x, EXCHANGE_TX, sh->id, bufs, places(sh));
	for (uint32_t i = 0; i < n; i++) {
		struct txq *q = &sh->tx[bufs[i]->port];

		if (q->count == SHARD_TX_RING) {
			stat_inc(sh, STAT_drop_tx_full);
			shard_buf_free(sh, bufs[i]);
			continue;
		}
		bufs[i]->flags |= BUF_IN_TXQ;
		q->bufs[q->count++] = bufs[i];
	}
	return n;
}
