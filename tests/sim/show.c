/* SPDX-License-Identifier: BSD-3-Clause */
/* See show.h. */
#include <stdio.h>

#include "tests/sim/show.h"

static const char *name_if(bool is, const char *name)
{
	return is ? name : "";
}

static void show_engine(const struct node_plan *n)
{
	const struct conf_tcp *t = &n->tcp;

	printf(
	    "engine, mtu %u, rcvbuf %u, sndbuf %u, mss %u, cwnd %u, delack %u ms%s%s%s%s%s%s%s\n",
	    n->mtu, t->rcvbuf, t->sndbuf, t->mss, t->initial_cwnd, t->delack_ms,
	    name_if(t->timestamps, ", timestamps"), name_if(t->sack, ", sack"),
	    name_if(t->window_scaling, ", wscale"), name_if(t->nodelay, ", nodelay"),
	    name_if(t->pacing, ", pacing"), name_if(!t->pmtu_discovery, ", fragmentable"),
	    name_if(t->ecn != CONF_ECN_NEVER, ", ecn"));
}

static void show_alien(const struct node_plan *n)
{
	const struct habits *h = &n->habits;

	printf("stranger, mtu %u, mss %u, segment %u%s, flight %u, rcvbuf %u, shift %u, rto %u us, "
	       "ack every %u or %u us%s%s%s%s%s%s%s%s%s%s%s%s%s\n",
	       n->mtu, h->mss, h->segment, name_if(h->uneven, " or less"), h->flight, h->rcvbuf,
	       h->shift, h->rto_us, h->ack_every, h->ack_delay_us,
	       name_if(h->timestamps, ", timestamps"), name_if(h->sack, ", sack"),
	       name_if(h->wscale, ", wscale"), name_if(h->ecn, ", ecn"),
	       name_if(h->fragmentable, ", fragmentable"), name_if(h->crosses, ", crosses"),
	       name_if(h->syn_data, ", data with SYN"), name_if(h->data_on_third, ", on third"),
	       name_if(h->keeps_early, ", keeps early"), name_if(h->silly_window, ", silly window"),
	       name_if(h->keeps_quiet, ", keeps quiet"), name_if(h->keepalive_us, ", keepalive"),
	       name_if(h->duplicate_ppm, ", sends twice"));
}

static void show_hop(const struct hop_plan *h)
{
	if (h->rate_bps)
		printf("#     %u bit/s, queue %u, marks from %u\n", h->rate_bps, h->queue,
		       h->mark_at);
	for (uint32_t i = 0; i < h->nb_steps; i++)
		printf("#     from %llu us on: mtu %u (IPv4), %u (IPv6), silent %u ppm%s\n",
		       (unsigned long long)h->steps[i].at_us, h->steps[i].mtu4, h->steps[i].mtu6,
		       h->silent_ppm, name_if(h->nameless, ", nameless"));
}

static void show_link(const struct link_plan *l, uint32_t i)
{
	for (int e = 0; e < 2; e++) {
		printf("# link %u towards the %s: delay %u us, reordered by %u us\n", i,
		       e ? "server" : "client", l->fault[e].delay_us, l->fault[e].reorder_us);
		show_hop(&l->hop[e]);
	}
}

static void show_side(const struct flow *f, int s)
{
	const struct side_plan *sp = &f->plan->side[s];
	const struct side *x = &f->side[s];

	printf("#   %s: sent %llu of %u, received %llu%s%s%s%s%s, reason %s\n",
	       s ? "server" : "client", (unsigned long long)x->sent, sp->total,
	       (unsigned long long)x->received, name_if(x->opened, ", opened"),
	       name_if(x->shut, ", shut"), name_if(x->eof, ", eof"), name_if(x->ended, ", ended"),
	       name_if(x->aborted, ", aborted"), tcp_close_reason_name(x->reason));
	if (sp->pause_us)
		printf("#     rests at %u bytes for %llu us\n", sp->pause_at,
		       (unsigned long long)sp->pause_us);
}

static void show_flow(const struct flow *f)
{
	static const char *const kinds[] = {"stream", "echo", "discard"};

	printf("# flow %u: %s IPv%u from port %u at %llu us%s\n", f->id, kinds[f->plan->kind],
	       f->plan->family, f->plan->lport, (unsigned long long)f->plan->start_us,
	       name_if(f->struck, ", struck by a reboot"));
	for (int s = 0; s < 2; s++)
		show_side(f, s);
}

void show_world(const struct world *w)
{
	const struct plan *p = w->plan;

	for (uint32_t i = 0; i < p->nb_nodes; i++) {
		printf("# node %u: ", i);
		if (p->nodes[i].alien)
			show_alien(&p->nodes[i]);
		else
			show_engine(&p->nodes[i]);
	}
	for (uint32_t i = 0; i + 1 < p->nb_nodes; i++)
		show_link(&p->links[i], i);
	for (uint32_t i = 0; i < p->nb_flows; i++)
		show_flow(&w->peers.flows[i]);
	for (uint32_t i = 0; i < p->nb_reboots; i++)
		printf("# node %u reboots at %llu us\n", p->reboots[i].node,
		       (unsigned long long)p->reboots[i].at_us);
	printf("# ended after %.6f s, %llu steps\n", (double)(w->now - w->begin) / 1e6,
	       (unsigned long long)w->steps);
}
