/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/whole.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/compiler.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} benches[] = {
    {"bench_flood", flood_main},	 {"bench_handover", handover_main},
    {"bench_handshake", handshake_main}, {"bench_loop", loop_main},
    {"bench_proxy", proxy_main},	 {"bench_request", request_main},
    {"bench_scale", scale_main},	 {"bench_shards", shards_main},
    {"bench_transfer", transfer_main},
};

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

	for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
		if (strcmp(name, benches[i].name) == 0)
			return benches[i].main(argc, argv);
	fprintf(stderr, "%s: no such benchmark: ./dev bench lists them\n", name);
	return 2;
}
