/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame cut into IP fragments. See frame.h. */
#include "tests/lib/frame.h"
#include "tests/lib/frame_sum.h"

static void store16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 8200 §4.5: next header, reserved, offset and M, identification. */
static void insert_header6(uint8_t *ip, uint32_t start, bool more, uint32_t len, uint16_t id)
{
	uint8_t header[8] = {ip[6]};

	store16(header + 2, start | more);
	store16(header + 6, id);
	memmove(ip + 48, ip + 40, len);
	memcpy(ip + 40, header, 8);
	ip[6] = 44;
	store16(ip + 4, 8 + len);
}

uint32_t frame_fragment(uint8_t *out, const uint8_t *frame, uint32_t len, uint32_t start,
			uint32_t end, uint16_t id)
{
	uint32_t l3 = frame[12] == 0x81 ? 18 : 14;
	bool v4 = frame[l3] >> 4 == 4;
	uint32_t headers = l3 + (v4 ? (frame[l3] & 15) * 4u : 40u);
	uint8_t *ip = out + l3;
	bool more;

	end = MIN(end, len - headers);
	more = end < len - headers;
	memcpy(out, frame, headers);
	memcpy(out + headers, frame + headers + start, end - start);
	if (!v4) {
		insert_header6(ip, start, more, end - start, id);
		return headers + 8 + end - start;
	}
	store16(ip + 2, headers - l3 + end - start);
	store16(ip + 4, id);
	store16(ip + 6, start / 8 | (more ? 0x2000u : 0));
	store16(ip + 10, 0);
	store16(ip + 10, ~frame_sum(0, ip, headers - l3) & 0xffff);
	return headers + end - start;
}
