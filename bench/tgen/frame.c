/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/frame.h"
#include "engine/wire/build.h"

#define TTL 64

static_assert(FRAME_BYTES >= BUILD_HDR_MAX + PLAN_PAYLOAD_MAX, "a template holds any payload");
static_assert(FRAME_BYTES % FRAME_CHUNK == 0 && FRAME_BYTES <= BUF_DATAROOM,
	      "chunks end where the template and every buf have room");

/* Where TSval is in the header at `tcp`; 0: nowhere. */
static uint8_t timestamps_at(const uint8_t *tcp)
{
	uint32_t hlen = (tcp[12] >> 4) * 4u, i = TCP_HLEN;

	while (i + 1 < hlen) {
		if (tcp[i] == TCPOPT_TIMESTAMPS)
			return (uint8_t)(i + 2);
		i += tcp[i] == TCPOPT_NOP ? 1u : tcp[i + 1];
	}
	return 0;
}

void frame_make(struct frame *f, const struct frame_spec *spec)
{
	static const uint8_t nobody[16];
	uint8_t memory[BUILD_HDR_MAX + PLAN_PAYLOAD_MAX];
	struct buf b = {.start = memory,
			.data = memory + BUILD_HDR_MAX,
			.room = sizeof(memory),
			.len = spec->payload_len};
	struct out o = {.smac = spec->smac,
			.dmac = spec->dmac,
			.src = spec->from_fixed ? spec->fixed->bytes : nobody,
			.dst = spec->from_fixed ? nobody : spec->fixed->bytes,
			.sport_be = spec->from_fixed ? spec->fixed_port_be : 0,
			.dport_be = spec->from_fixed ? 0 : spec->fixed_port_be,
			.opt = &spec->opt,
			.flags = spec->flags,
			.wnd = spec->wnd,
			.family = spec->fixed->family,
			.ttl = TTL};
	uint8_t *ip, *tcp;

	if (spec->payload_len)
		memcpy(b.data, spec->payload, spec->payload_len);
	build_tcp(&b, &o);
	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, b.data, b.len);
	f->len = b.len;
	f->chunks = (b.len + FRAME_CHUNK - 1) / FRAME_CHUNK;
	f->space = spec->payload_len + !!(spec->flags & TCP_SYN) + !!(spec->flags & TCP_FIN);
	ip = f->bytes + b.l2_len;
	tcp = ip + b.l3_len;
	f->ts_off = timestamps_at(tcp);
	memset(tcp + offsetof(struct tcp_hdr, csum), 0, 2);
	f->tcp_sum = csum_partial(tcp, b.l4_len + spec->payload_len);
	if (o.family == IP_V4) {
		memset(ip + offsetof(struct ipv4_hdr, csum), 0, 2);
		f->ip_sum = csum_partial(ip, IPV4_HLEN);
		f->tcp_sum +=
		    csum_pseudo4(spec->fixed->v4_be, 0, IPPROTO_TCP_, b.l4_len + spec->payload_len);
	} else {
		f->tcp_sum += csum_pseudo6(spec->fixed->bytes, nobody, IPPROTO_TCP_,
					   b.l4_len + spec->payload_len);
	}
}
