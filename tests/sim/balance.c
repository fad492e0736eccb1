/* SPDX-License-Identifier: BSD-3-Clause */
/* What was sent has arrived, or it is known why not. See world.h. */
#include "drivers/fault_port.h"
#include "tests/sim/hop.h"
#include "tests/sim/world.h"

/* A counter, summed over the shards of a node and its reboots. */
static uint64_t count(const struct world *w, uint32_t node, enum stat stat)
{
	const struct node *n = &w->nodes[node];
	uint64_t sum = n->past[stat];

	for (uint32_t k = 0; k < w->nb_shards; k++)
		sum += n->rigs[k].sh ? n->rigs[k].sh->stats[stat] : 0;
	return sum;
}

/* Frames that wait for a port. */
static uint64_t unsent(const struct world *w, uint32_t node)
{
	const struct node *n = &w->nodes[node];
	uint64_t sum = 0;

	for (uint32_t k = 0; k < w->nb_shards; k++)
		for (uint32_t p = 0; p < n->nb_ports; p++)
			sum += n->rigs[k].sh ? n->rigs[k].sh->tx[p].count : 0;
	return sum;
}

/* Frames: sent, and made by routers; carried by links; delivered; received. */
struct frames {
	uint64_t sent, carried, delivered, received;
};

static void count_ports(const struct node *n, struct frames *f)
{
	for (uint32_t p = 0; p < n->nb_ports; p++) {
		struct fault_stats fs;
		struct hop_stats hs;
		struct port_stats ps;

		fault_port_stats(n->ports[p], &fs);
		hop_stats(n->hops[p], &hs);
		n->ports[p]->ops->stats(n->ports[p], &ps);
		f->sent += hs.made;
		/* What a router drops, and what there was no buffer for, ends there. */
		f->carried += fs.passed + hs.dropped + hs.queued + ps.rx_missed;
		f->delivered += fs.passed - fs.dropped + fs.duplicated - fs.held;
	}
}

static bool frames_balance(struct world *w)
{
	struct frames f = {.received = w->fcs_dropped};

	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct node *n = &w->nodes[i];

		f.sent += count(w, i, STAT_tx_frames) - unsent(w, i) + n->frames_sent;
		/* A frame handed over is received once more. */
		f.received += count(w, i, STAT_rx_frames) - count(w, i, STAT_handed_over) +
			      n->frames_received + n->lost;
		f.delivered += n->forged;
		count_ports(n, &f);
	}
	if (f.sent != f.carried || f.received != f.delivered)
		return world_failed(w,
				    "frames do not balance: %llu sent, %llu carried, %llu "
				    "delivered, %llu received",
				    (unsigned long long)f.sent, (unsigned long long)f.carried,
				    (unsigned long long)f.delivered,
				    (unsigned long long)f.received);
	return true;
}

/* What an engine counts as sent is what was seen on the wire. */
static bool segments_balance(struct world *w)
{
	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct observer *o = &w->observer;

		if (w->nodes[i].alien || w->nodes[i].reboots || unsent(w, i))
			continue;
		if (count(w, i, STAT_tx_segments) != o->segments[i] ||
		    count(w, i, STAT_tx_bytes) != o->bytes[i] ||
		    count(w, i, STAT_rst_sent) != o->resets[i])
			return world_failed(
			    w,
			    "node %u counts %llu segments, %llu bytes and %llu resets sent; %llu, "
			    "%llu and %llu were seen",
			    i, (unsigned long long)count(w, i, STAT_tx_segments),
			    (unsigned long long)count(w, i, STAT_tx_bytes),
			    (unsigned long long)count(w, i, STAT_rst_sent),
			    (unsigned long long)o->segments[i], (unsigned long long)o->bytes[i],
			    (unsigned long long)o->resets[i]);
	}
	return true;
}

/* Payload that the last engines count as accepted = what was sent to them. */
static bool bytes_balance(struct world *w)
{
	uint32_t last = w->nb_nodes - 1;
	uint64_t up = 0, down = 0;

	if (w->plan->wishes.aborts || w->plan->wishes.reboots)
		return true;
	for (uint32_t i = 0; i < w->plan->nb_flows; i++) {
		up += w->peers.flows[i].side[0].sent;
		down += w->peers.flows[i].side[0].received;
	}
	if (!w->nodes[last].alien && count(w, last, STAT_rx_bytes) != up)
		return world_failed(w, "%llu bytes were sent to the server, it counts %llu",
				    (unsigned long long)up,
				    (unsigned long long)count(w, last, STAT_rx_bytes));
	if (!w->nodes[0].alien && count(w, 0, STAT_rx_bytes) != down)
		return world_failed(w, "%llu bytes were read by the client, it counts %llu",
				    (unsigned long long)down,
				    (unsigned long long)count(w, 0, STAT_rx_bytes));
	return true;
}

bool balance(struct world *w)
{
	return frames_balance(w) && segments_balance(w) && bytes_balance(w);
}
