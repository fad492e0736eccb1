/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream bytes from the splitmix64 finalizer, eight at a time. */
#include "tests/lib/pattern.h"

static uint64_t mix(uint64_t id, uint64_t word)
{
	uint64_t x = (id + 1) * 0x9e3779b97f4a7c15ull + word * 0xd1342543de82ef95ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

void pattern_fill(uint64_t id, uint64_t off, void *dst, uint32_t len)
{
	uint8_t *p = dst;

	while (len > 0) {
		uint64_t word = mix(id, off / 8);
		uint32_t skip = (uint32_t)(off % 8);
		uint32_t n = MIN(8 - skip, len);

		memcpy(p, (const uint8_t *)&word + skip, n);
		p += n;
		off += n;
		len -= n;
	}
}

uint32_t pattern_check(uint64_t id, uint64_t off, const void *src, uint32_t len)
{
	const uint8_t *p = src;

	for (uint32_t done = 0; done < len;) {
		uint64_t word = mix(id, (off + done) / 8);
		uint32_t skip = (uint32_t)((off + done) % 8);
		uint32_t n = MIN(8 - skip, len - done);
		const uint8_t *want = (const uint8_t *)&word + skip;

		if (memcmp(p + done, want, n) != 0) {
			while (p[done] == *want) {
				done++;
				want++;
			}
			return done;
		}
		done += n;
	}
	return PATTERN_OK;
}
