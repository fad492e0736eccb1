/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces. See trace.h. */
#include <stdio.h>

#include "tests/lib/frame.h"
#include "tests/sim/trace.h"

void trace_frame(usec_t us, uint32_t node, bool sent, const uint8_t *bytes, uint32_t len)
{
	static const char letters[] = "FSRP.UEW";
	const struct frame_tcp *t;
	struct frame f;
	char why[200], flags[9];
	uint32_t n = 0;

	if (!frame_parse(bytes, len, 0, &f, why, sizeof(why))) {
		printf("# %12.6f node %u %s %u bytes: %s\n", (double)us / 1e6, node,
		       sent ? ">" : "<", len, why);
		return;
	}
	if (f.kind != FRAME_TCP)
		return;
	t = &f.tcp;
	for (uint32_t i = 0; i < 8; i++)
		if (t->flags >> i & 1)
			flags[n++] = letters[i];
	flags[n] = '\0';
	printf("# %12.6f node %u %s v%u %u -> %u %s %u:%u(%u) ack %u win %u\n", (double)us / 1e6,
	       node, sent ? ">" : "<", f.saddr.family, t->sport, t->dport, flags, t->seq,
	       t->seq + f.payload_len, f.payload_len, t->ack, t->wnd);
}
