/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/tally.h"

static const char *const names[] = {
#define X(name, what) #name,
    TALLY_LIST(X)
#undef X
};

const char *tally_name(enum tally_count i)
{
	return names[i];
}

void tally_merge(struct tally *t, const struct tally *from)
{
	for (int i = 0; i < TALLY_COUNTS; i++)
		t->n[i] += from->n[i];
	for (int i = 0; i < TALLY_HISTS; i++)
		hist_merge(&t->hists[i], &from->hists[i]);
}
