/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of IPv4 that come to the stranger, put together (RFC 791 §3.2). A few
 * datagrams at once; the oldest gives way. */
#include <stdlib.h>

#include "tests/lib/frame.h"
#include "tests/lib/frame_sum.h"
#include "tests/sim/alien_tcp.h"

#define DATAGRAMS 16
#define HEADERS   34 /* Ethernet and IPv4 */
#define UNITS     (FRAME_MAX / 8)

struct datagram {
	uint8_t key[10]; /* addresses and identification */
	uint32_t total;  /* bytes of payload, 0: not known */
	uint32_t units;  /* of eight bytes that have come */
	uint8_t have[UNITS];
	uint8_t bytes[FRAME_MAX];
};

struct alien_frags {
	struct datagram at[DATAGRAMS];
	uint32_t next; /* to give way */
};

struct alien_frags *alien_frags_create(void)
{
	return calloc(1, sizeof(struct alien_frags));
}

static uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void store16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static struct datagram *datagram_of(struct alien_frags *fr, const uint8_t *ip)
{
	uint8_t key[10];
	struct datagram *d;

	memcpy(key, ip + 12, 8);
	memcpy(key + 8, ip + 4, 2);
	for (uint32_t i = 0; i < DATAGRAMS; i++)
		if (memcmp(fr->at[i].key, key, sizeof(key)) == 0)
			return &fr->at[i];
	d = &fr->at[fr->next++ % DATAGRAMS];
	memset(d, 0, sizeof(*d));
	memcpy(d->key, key, sizeof(key));
	return d;
}

/* The whole frame, with a header that says so. CE of any piece is CE of the whole
 * (RFC 3168 §5.3). */
static uint32_t complete(struct datagram *d)
{
	uint8_t *ip = d->bytes + 14;
	uint32_t total = d->total;

	store16(ip + 2, 20 + total);
	store16(ip + 6, 0);
	store16(ip + 10, 0);
	store16(ip + 10, ~frame_sum(0, ip, 20) & 0xffff);
	memset(d->key, 0, sizeof(d->key));
	return HEADERS + total;
}

bool alien_frags_take(struct alien_frags *fr, const uint8_t *bytes, uint32_t n, const uint8_t **out,
		      uint32_t *len)
{
	const uint8_t *ip = bytes + 14;
	uint32_t start, size;
	struct datagram *d;
	uint8_t ce;

	if (n < HEADERS || load16(bytes + 12) != 0x0800 || !(load16(ip + 6) & 0x3fff))
		return false;
	*len = 0;
	start = (load16(ip + 6) & 0x1fff) * 8;
	size = load16(ip + 2) - 20;
	if (load16(ip + 2) < 20 || size > n - HEADERS || HEADERS + start + size > FRAME_MAX)
		return true;
	d = datagram_of(fr, ip);
	ce = (uint8_t)((d->bytes[15] & 3) == 3 || (ip[1] & 3) == 3 ? 3 : 0);
	memcpy(d->bytes, bytes, HEADERS);
	d->bytes[15] |= ce;
	memcpy(d->bytes + HEADERS + start, bytes + HEADERS, size);
	if (!(load16(ip + 6) & 0x2000))
		d->total = start + size;
	for (uint32_t i = start / 8; i < (start + size + 7) / 8; i++) {
		d->units += !d->have[i];
		d->have[i] = 1;
	}
	if (d->total && d->units == (d->total + 7) / 8) {
		*len = complete(d);
		*out = d->bytes;
	}
	return true;
}
