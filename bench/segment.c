/* SPDX-License-Identifier: BSD-3-Clause */
/* See segment.h. */
#include "bench/segment.h"
#include "engine/wire/wire.h"

struct buf *segment_buf(struct bench *b, uint32_t len, uint16_t port)
{
	struct buf *f = mem_pool_get(b->pool);

	if (!f)
		bench_die("no buffer left for a frame to the engine");
	f->len = len;
	f->port = port;
	f->flags = 0;
	f->hdr_len = 0;
	return f;
}

void segment_finish(struct bench *b, struct buf *f, struct out *o, uint32_t tsecr)
{
	struct tcpopt_out opt = {.has_ts = true, .tsval = 1, .tsecr = tsecr};

	if (o->flags & TCP_SYN) {
		opt.mss = 1460;
		opt.sack_permitted = opt.has_wscale = true;
		opt.wscale = 7;
	}
	o->opt = &opt;
	o->wnd = 65535;
	o->family = IP_V4;
	o->ttl = 64;
	o->tx_flags = b->csum_offload ? BUF_TX_IP_CSUM | BUF_TX_L4_CSUM : 0;
	build_tcp(f, o);
	f->flags = b->csum_offload ? BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK : 0;
	f->hdr_len = 0;
}
