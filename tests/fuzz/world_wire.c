/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port of a fuzzed shard. Each frame is taken apart and verified as it
 * leaves, then may stay for a while, as frames in a device's ring do; if it has
 * changed when it is done, somebody wrote to memory that was not theirs.
 */
#include "tests/fuzz/world.h"

/* What the test's own service sends says where in the stream it belongs. */
static void verify_payload(const struct frame *f)
{
	for (uint32_t i = 0; i < f->payload_len; i++)
		if (f->payload[i] != world_byte(f->tcp.seq + i))
			world_fail("byte %u of the segment at %u is not what was written", i,
				   f->tcp.seq);
}

/* An echo reply keeps the IP options of the request, which frame_parse() is not
 * for. */
static bool has_ip_options(const uint8_t *p, uint32_t len)
{
	uint32_t ip = p[12] == 0x81 && p[13] == 0 ? 18 : 14;

	return len > ip + 20 && p[ip - 2] == 8 && p[ip - 1] == 0 && p[ip] > 0x45;
}

/* A priority tag comes back on an echo reply. */
static bool has_priority(const uint8_t *p)
{
	return p[12] == 0x81 && p[13] == 0 && (p[14] >> 4 || (p[14] == 0 && p[15] == 0));
}

static void verify_frame(const struct world *w, const struct buf *b)
{
	unsigned pending = (b->flags & BUF_TX_IP_CSUM ? FRAME_IP_SUM_PENDING : 0) |
			   (b->flags & BUF_TX_L4_CSUM ? FRAME_L4_SUM_PENDING : 0);
	uint16_t mtu = w->tc.ports[0].mtu;
	char why[160] = "";
	struct frame f;

	if (b->port != 0 || b->len < 42 || b->len > 18u + mtu)
		world_fail("frame of %u bytes for port %u", b->len, b->port);
	if (has_ip_options(b->data, b->len) || has_priority(b->data))
		return;
	if (!frame_parse(b->data, b->len, pending, &f, why, sizeof(why)))
		world_fail("bad frame of %u bytes: %s", b->len, why);
	if (memcmp(f.src, w->rig.links[0].mac, 6) != 0)
		world_fail("frame from another station's address");
	if (f.kind == FRAME_TCP &&
	    (f.tcp.sport == WORLD_TEST_PORT || f.tcp.dport == WORLD_BACKEND_PORT))
		verify_payload(&f);
}

static uint32_t take(void *ctx, struct buf **bufs, uint32_t n)
{
	struct world *w = ctx;

	n = MIN(n, MIN(w->wire_takes, WORLD_WIRE_MAX - w->wire_len));
	for (uint32_t i = 0; i < n; i++) {
		verify_frame(w, bufs[i]);
		if (bufs[i]->flags & BUF_KEEP)
			mem_pool_hold(bufs[i]);
		w->wire[w->wire_len++] =
		    (struct wire_frame){bufs[i], bufs[i]->data, bufs[i]->len,
					frame_crc(bufs[i]->data, bufs[i]->len)};
	}
	return n;
}

void world_wire_release(struct world *w, uint32_t n)
{
	n = MIN(n, w->wire_len);
	for (uint32_t i = 0; i < n; i++) {
		const struct wire_frame *f = &w->wire[i];

		if (frame_crc(f->data, f->len) != f->crc)
			world_fail("a frame was written to while the port had it");
		mem_pool_put(w->pool, f->buf);
	}
	w->wire_len -= n;
	memmove(w->wire, w->wire + n, w->wire_len * sizeof(w->wire[0]));
}

void world_wire_fill(struct world *w, uint32_t room)
{
	static const uint8_t arp[42] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, 6, 0, 1, 8, 0, 6,
					4,    0,    1};

	while (shard_tx_room(w->sh, 0) > room) {
		struct buf *b = shard_buf_alloc(w->sh);

		if (!b)
			return;
		memcpy(b->data, arp, sizeof(arp));
		memcpy(b->data + 6, w->rig.links[0].mac, 6);
		b->len = sizeof(arp);
		shard_tx(w->sh, 0, b);
	}
}

void world_wire_transmit(struct world *w)
{
	/* A port that keeps nothing has always room for the next burst. */
	do {
		if (!w->wire_keeps)
			world_wire_release(w, w->wire_len);
		shard_transmit(w->sh, 0, take, w);
	} while (!w->wire_keeps && w->wire_takes >= WORLD_WIRE_MAX && w->sh->tx[0].count);
	if (!w->wire_keeps)
		world_wire_release(w, w->wire_len);
}
