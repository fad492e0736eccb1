/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a file of prefixes: the reader either names the line that is wrong, or gives
 * prefixes of which a table is made that says, at every edge of every one of them, what a search
 * through all of them says.
 *
 * Input: a byte whose bits say what is refused, then the text.
 */
#include <stdlib.h>

#include "engine/run/prefix_bag.h"
#include "tests/lib/prefix_model.h"

#define PREFIXES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		__builtin_trap();
}

static void check_table(struct prefix_bag *bag, bool refused)
{
	struct prefix_table *t = prefix_bag_compile(bag, refused);

	require(t != NULL);
	for (uint32_t i = 0; i < 4 * bag->count; i++) {
		struct ipaddr a = prefix_model_edge(&bag->items[i / 4], i % 4);

		require(prefix_table_refuses(t, a.family, a.bytes) ==
			prefix_model_refuses(bag->items, bag->count, refused, &a));
	}
	free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[PREFIX_LINE_ERROR_MAX] = "";
	struct prefix_bag bag = {0};
	int line;

	if (size == 0)
		return 0;
	line = prefix_bag_read(&bag, (const char *)data + 1, size - 1, PREFIXES_MAX, why);
	require(line >= 0 && (size_t)line <= size && bag.count <= PREFIXES_MAX);
	require((line > 0) == (*why != '\0') && !strchr(why, '\n'));
	for (uint32_t i = 0; i < bag.count; i++) {
		require(bag.items[i].addr.family == IP_V4 || bag.items[i].addr.family == IP_V6);
		require(bag.items[i].len <= (bag.items[i].addr.family == IP_V4 ? 32 : 128));
		bag.items[i].refused = data[0] >> i % 7 & 1;
	}
	check_table(&bag, data[0] >> 7);
	prefix_bag_free(&bag);
	return 0;
}
