/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/exchange.h"

#include <stdio.h>

#include <rte_errno.h>
#include <rte_ring.h>

#define RING_FRAMES 2048 /* power of two; a ring holds one less */

bool exchange_init(struct exchange *x, uint16_t nb_workers, struct report *r)
{
	static const char *const kinds[EXCHANGE_NB_KINDS] = {"rx", "tx"};
	char name[RTE_RING_NAMESIZE];

	x->nb_workers = nb_workers > 1 ? nb_workers : 0;
	for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
		for (uint16_t i = 0; i < x->nb_workers; i++) {
			snprintf(name, sizeof(name), "worker%u_%s", i, kinds[k]);
			x->rings[k][i] =
			    rte_ring_create(name, RING_FRAMES, SOCKET_ID_ANY, RING_F_SC_DEQ);
			if (!x->rings[k][i])
				return report_error(r,
						    "no memory for the rings between workers: %s",
						    rte_strerror(rte_errno));
		}
	return true;
}

void exchange_fini(struct exchange *x, const struct buf_ops *ops)
{
	struct buf *b;

	for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
		for (uint16_t i = 0; i < x->nb_workers; i++) {
			while (x->rings[k][i] &&
			       exchange_take(x, (enum exchange_kind)k, i, &b, 1) == 1)
				ops->free_bulk(ops->ctx, &b, 1);
			rte_ring_free(x->rings[k][i]);
		}
	*x = (struct exchange){0};
}

uint32_t exchange_put(struct exchange *x, enum exchange_kind kind, uint16_t to,
		      struct buf *const *bufs, uint32_t n)
{
	return rte_ring_mp_enqueue_burst(x->rings[kind][to], (void *const *)bufs, n, NULL);
}

uint32_t exchange_take(struct exchange *x, enum exchange_kind kind, uint16_t worker,
		       struct buf **bufs, uint32_t n)
{
	if (x->nb_workers == 0)
		return 0;
	return rte_ring_sc_dequeue_burst(x->rings[kind][worker], (void **)bufs, n, NULL);
}
