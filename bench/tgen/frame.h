/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames from templates: everything that is the same in each is written once,
 * with its part of the sums; a frame then costs a copy, the client's address and
 * port, four numbers and the folding. Sums are always filled in here: with the
 * template's part known that is cheaper than asking the port to.
 */
#pragma once

#include "bench/tgen/population.h"
#include "engine/wire/csum.h"
#include "engine/wire/tcpopt.h"
#include "engine/wire/wire.h"

#define FRAME_BYTES 1536 /* of a template: 114 of headers, the payload, a chunk's rest */
#define FRAME_CHUNK 32   /* bytes copied at a time */

/* What a frame consists of. */
struct frame_spec {
	const uint8_t *smac, *dmac;
	const struct ipaddr *fixed; /* the end that is the same in all */
	uint16_t fixed_port_be;
	bool from_fixed; /* it is the source: `answer` */
	uint8_t flags;   /* enum tcp_flags */
	uint16_t wnd;
	struct tcpopt_out opt;
	const uint8_t *payload;
	uint32_t payload_len;
};

struct frame {
	uint8_t bytes[FRAME_BYTES] CACHE_ALIGNED;
	uint64_t ip_sum, tcp_sum; /* partial sums of what is in the template */
	uint32_t len;
	uint32_t chunks;
	uint32_t space; /* sequence numbers it takes: payload, SYN, FIN */
	uint8_t ts_off; /* of TSval in the TCP header, 0: no timestamps */
};

/* The numbers of a segment, host order. */
struct frame_numbers {
	uint32_t seq, ack, tsval, tsecr;
};

/* Fills in the template. */
void frame_make(struct frame *f, const struct frame_spec *spec);

/* Makes b the frame for a client, whatever it held. `from_fixed` and `v6` are those of the
 * template, and constants. */
static ALWAYS_INLINE void frame_write(const struct frame *f, struct buf *b, const struct end *e,
				      struct frame_numbers n, bool from_fixed, bool v6)
{
	const uint32_t l3 = v6 ? IPV6_HLEN : IPV4_HLEN;
	const uint32_t addr_len = v6 ? 16 : 4;
	const uint32_t addr_off = (v6 ? 8 : 12) + (from_fixed ? addr_len : 0);
	uint8_t *p = b->start + BUF_HEADROOM, *ip = p + ETH_HLEN, *tcp = ip + l3;
	uint64_t addr_sum, sum = f->tcp_sum;
	uint16_t csum;

	for (uint32_t i = 0; i < f->chunks; i++)
		memcpy(p + i * FRAME_CHUNK, f->bytes + i * FRAME_CHUNK, FRAME_CHUNK);
	memcpy(ip + addr_off, e->addr, addr_len);
	memcpy(tcp + (from_fixed ? 2 : 0), &e->port_be, 2);
	n.seq = __builtin_bswap32(n.seq);
	n.ack = __builtin_bswap32(n.ack);
	memcpy(tcp + 4, &n.seq, 4);
	memcpy(tcp + 8, &n.ack, 4);
	if (f->ts_off) {
		n.tsval = __builtin_bswap32(n.tsval);
		n.tsecr = __builtin_bswap32(n.tsecr);
		memcpy(tcp + f->ts_off, &n.tsval, 4);
		memcpy(tcp + f->ts_off + 4, &n.tsecr, 4);
		sum += (uint64_t)n.tsval + n.tsecr;
	}
	if (v6) {
		addr_sum = (e->addr[0] & UINT32_MAX) + (e->addr[0] >> 32) +
			   (e->addr[1] & UINT32_MAX) + (e->addr[1] >> 32);
	} else {
		addr_sum = (uint32_t)e->addr[0];
		csum = csum_finish(f->ip_sum + addr_sum);
		memcpy(ip + offsetof(struct ipv4_hdr, csum), &csum, 2);
	}
	csum = csum_finish(sum + addr_sum + e->port_be + n.seq + n.ack);
	memcpy(tcp + offsetof(struct tcp_hdr, csum), &csum, 2);
	b->data = p;
	b->len = f->len;
	b->flags = 0;
}
