/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a capture file: the reader must come to an end, and what it gives
 * out must be readable. */
#include <stdio.h>

#include "drivers/pcapng_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = fmemopen((void *)(uintptr_t)data, size, "rb");
	struct pcapng_packet packet;
	struct report report = {0};
	struct pcapng_reader *r;
	uint32_t sum = 0;

	if (!f)
		return 0;
	r = pcapng_reader_open(f, &report);
	while (r && pcapng_reader_next(r, &packet)) {
		for (uint32_t i = 0; i < packet.len; i++)
			sum += packet.data[i];
	}
	/* Keeps the reads above from being optimised away. */
	__asm__ volatile("" : : "r"(sum));
	pcapng_reader_close(r);
	fclose(f);
	return 0;
}
