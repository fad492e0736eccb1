/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole connections: SYN, SYN-ACK, ACK with a request, response with FIN,
 * FIN-ACK, last ACK: three segments in, three out, arbitrary 4-tuples, options
 * parsed, timers armed, TIME_WAIT kept. Prints what the engine alone spends.
 */
#include <inttypes.h>
#include <stdio.h>

#include "bench/harness.h"
#include "engine/wire/build.h"
#include "engine/wire/wire.h"

#define BATCH 32

static const char config[] = "workers: {count: 1}\n"
			     "memory: {connections: 65536, half_open: 65536, time_wait: 4000000, "
			     "transfers: 65536, sessions: 64, buffers: 8192}\n"
			     "ports:\n"
			     "  - {name: p, device: net_null0, addresses: [198.18.0.1/15]}\n"
			     "listeners:\n"
			     "  - {name: web, address: \"198.18.0.1:80\", service: http,\n"
			     "     http: {size: 64}, backlog: 65536, tcp: {time_wait: 60s}}\n";

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static const uint8_t engine_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t engine_ip[4] = {198, 18, 0, 1};

/* Client i: an address of 198.19.0.0/16 and a port, spread so that neither
 * repeats soon. */
static void client_of(uint64_t i, uint8_t ip[4], uint16_t *port_be)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15ull;

	ip[0] = 198;
	ip[1] = 19;
	ip[2] = (uint8_t)(x >> 56);
	ip[3] = (uint8_t)(x >> 48);
	*port_be = __builtin_bswap16((uint16_t)(1024 + i % 60000));
}

static void make_frame(struct buf *b, struct out *o, struct tcpopt_out *opt, bool csum_offload)
{
	o->opt = opt;
	o->smac = peer_mac;
	o->dmac = engine_mac;
	o->family = IP_V4;
	o->ttl = 64;
	o->port_ip_csum = o->port_tcp_csum = csum_offload;
	build_tcp(b, o);
	b->flags = csum_offload ? BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK : 0;
	b->hdr_len = 0;
	b->port = 0;
}

static struct buf *make_syn(struct bench *b, uint64_t i, bool csum_offload)
{
	struct buf *buf = mem_pool_get(b->pool);
	struct tcpopt_out opt = {.mss = 1460,
				 .sack_permitted = true,
				 .has_ts = true,
				 .tsval = 1,
				 .has_wscale = true,
				 .wscale = 7};
	uint8_t ip[4];
	struct out o = {.src = ip,
			.dst = engine_ip,
			.dport_be = __builtin_bswap16(80),
			.seq = (uint32_t)(i * 2654435761u),
			.flags = TCP_SYN,
			.wnd = 65535};

	client_of(i, ip, &o.sport_be);
	make_frame(buf, &o, &opt, csum_offload);
	return buf;
}

/* Answers a frame of the engine's as a client would; NULL: nothing to say. The
 * frame is used up. */
static struct buf *answer(struct bench *b, struct buf *f, bool csum_offload)
{
	struct buf *r;
	const uint8_t *ip = f->data + ETH_HLEN, *tcp = ip + IPV4_HLEN;
	const struct tcp_hdr *t = (const void *)tcp;
	uint32_t payload = get_be16(ip + 2) - IPV4_HLEN - (t->off >> 4) * 4u;
	struct tcpopt_out opt = {.has_ts = true, .tsval = 1, .tsecr = get_be32(tcp + 24)};
	struct out o = {.src = ip + 16, .dst = ip + 12, .sport_be = t->dst_be,
			.dport_be = t->src_be, .seq = get_be32(&t->ack_be), .wnd = 1000};

	if (!(t->flags & (TCP_SYN | TCP_FIN))) {
		mem_pool_put(b->pool, f);
		return NULL;
	}
	r = mem_pool_get(b->pool);
	o.ack = get_be32(&t->seq_be) + payload + 1;
	o.flags = t->flags & TCP_SYN ? TCP_ACK | TCP_PSH : TCP_ACK | TCP_FIN;
	if (t->flags & TCP_SYN) {
		opt.tsecr = get_be32(tcp + 32); /* behind MSS and SACK-permitted */
		r->len = sizeof(request) - 1;
		memcpy(r->data, request, r->len);
	}
	make_frame(r, &o, &opt, csum_offload);
	mem_pool_put(b->pool, f);
	return r;
}

static uint32_t answer_all(struct bench *b, struct buf **bufs, bool csum_offload)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->nb_frames; i++) {
		struct buf *r = answer(b, b->frames[i], csum_offload);

		if (r)
			bufs[n++] = r;
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t nb = bench_option(argc, argv, "connections", 1000000);
	uint64_t warm = nb / 10;
	bool csum_offload = bench_option(argc, argv, "csum_offload", 1);
	uint64_t frames_in = 0, done, start;
	struct bench b;

	bench_init(&b, config, 8192, csum_offload);
	for (uint64_t i = 0; i < nb + warm; i += BATCH) {
		struct buf *bufs[BATCH];
		uint32_t n = BATCH;

		if (i < warm && i + BATCH >= warm) {
			b.cycles = 0;
			frames_in = 0;
		}
		for (uint32_t j = 0; j < BATCH; j++)
			bufs[j] = make_syn(&b, i + j, csum_offload);
		while (n) {
			frames_in += n;
			bench_turn(&b, bufs, n);
			n = answer_all(&b, bufs, csum_offload);
		}
	}
	start = b.sh->stats[STAT_time_wait];
	done = MIN(start, nb);
	printf("handshake connections=%" PRIu64 " completed=%" PRIu64 " csum_offload=%d"
	       " cycles_per_connection=%.0f cycles_per_segment=%.0f time_wait=%u\n",
	       nb, start, csum_offload, (double)b.cycles / (double)done,
	       (double)b.cycles / (double)(frames_in * 2), b.sh->time_waits.used);
	bench_fini(&b);
	return 0;
}
