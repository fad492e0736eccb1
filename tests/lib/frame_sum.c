/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of RFC 1071 and the CRC of IEEE 802.3. */
#include "tests/lib/frame_sum.h"
#include "tests/lib/frame.h"

uint32_t frame_sum(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint32_t frame_sum_pseudo(const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto,
			  uint32_t len)
{
	uint32_t n = src->family == IP_V4 ? 4 : 16;
	uint8_t tail[8] = {(uint8_t)(len >> 24),
			   (uint8_t)(len >> 16),
			   (uint8_t)(len >> 8),
			   (uint8_t)len,
			   0,
			   0,
			   0,
			   proto};
	uint32_t sum = frame_sum(0, src->bytes, n);

	sum = frame_sum(sum, dst->bytes, n);
	return frame_sum(sum, tail, sizeof(tail));
}

uint32_t frame_crc(const uint8_t *bytes, uint32_t len)
{
	static const uint32_t table[16] = {
	    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
	    0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	    0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
