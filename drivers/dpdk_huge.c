/* SPDX-License-Identifier: BSD-3-Clause */
/* Huge pages: supply and demand; see dpdk_huge.h. */
#include "drivers/dpdk_huge.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

static uint64_t read_number(const char *root, const char *dir, const char *file)
{
	char path[512];
	uint64_t v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", root, dir, file);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

static void add_size(struct dpdk_huge *h, struct dpdk_huge_size size)
{
	uint32_t i;

	if (h->nb_sizes == DPDK_HUGE_SIZES)
		return;
	for (i = h->nb_sizes++; i > 0 && h->sizes[i - 1].page_kb > size.page_kb; i--)
		h->sizes[i] = h->sizes[i - 1];
	h->sizes[i] = size;
}

void dpdk_huge_probe(const char *root, struct dpdk_huge *out)
{
	DIR *d = opendir(root);
	struct dirent *e;

	*out = (struct dpdk_huge){0};
	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		struct dpdk_huge_size s = {0};
		uint64_t promised;

		if (sscanf(e->d_name, "hugepages-%" SCNu64 "kB", &s.page_kb) != 1 || s.page_kb == 0)
			continue;
		s.reserved = read_number(root, e->d_name, "nr_hugepages");
		s.free = read_number(root, e->d_name, "free_hugepages");
		promised = read_number(root, e->d_name, "resv_hugepages");
		s.free -= MIN(s.free, promised);
		s.piece_max = UINT64_MAX;
		add_size(out, s);
	}
	closedir(d);
}

static uint64_t pages_for(const struct dpdk_huge_size *s, uint64_t bytes)
{
	return (bytes + s->page_kb * 1024 - 1) / (s->page_kb * 1024);
}

/* The size in which missing pages are easiest to reserve: the smallest of 2 MB or more, else
 * the largest, that the piece can be made of. NULL: there is none. */
static const struct dpdk_huge_size *size_to_ask_for(const struct dpdk_huge *have, uint64_t piece)
{
	const struct dpdk_huge_size *best = NULL;

	for (uint32_t i = 0; i < have->nb_sizes; i++) {
		const struct dpdk_huge_size *s = &have->sizes[i];

		if (piece <= s->piece_max && (!best || best->page_kb < 2048))
			best = s;
	}
	return best;
}

/* "310 of 2 MB are needed and 12 are free: reserve them with: ..." */
static void describe_shortage(const struct dpdk_huge *have, const struct dpdk_memory_need *need,
			      char *to, size_t size)
{
	const struct dpdk_huge_size *s = size_to_ask_for(have, need->piece);
	uint64_t pages;

	if (have->nb_sizes == 0) {
		snprintf(to, size, "this kernel offers none");
		return;
	}
	if (!s) {
		snprintf(to, size,
			 "a worker's memory is one piece of %" PRIu64 " MB, and DPDK makes none "
			 "above %" PRIu64 " MB of them: use more workers, or lower the limits in "
			 "memory", need->piece >> 20,
			 have->sizes[have->nb_sizes - 1].piece_max >> 20);
		return;
	}
	pages = pages_for(s, need->bytes);
	snprintf(to, size,
		 "%" PRIu64 " of %" PRIu64 " %s are needed and %" PRIu64 " are free: reserve them "
		 "with: echo %" PRIu64 " > " DPDK_HUGE_ROOT "/hugepages-%" PRIu64 "kB/nr_hugepages",
		 pages, s->page_kb >= 1024 ? s->page_kb / 1024 : s->page_kb,
		 s->page_kb >= 1024 ? "MB" : "kB", s->free, s->reserved + pages - s->free,
		 s->page_kb);
}

static bool is_enough(const struct dpdk_huge_size *s, const struct dpdk_memory_need *need)
{
	return s->free >= pages_for(s, need->bytes) && need->piece <= s->piece_max;
}

bool dpdk_huge_plan(const struct dpdk_huge *have, enum conf_huge want,
		    const struct dpdk_memory_need *need, struct dpdk_memory_plan *out,
		    struct report *report)
{
	char shortage[256];

	/* Without huge pages DPDK lets no buffer cross a page of 4 KB, so that each takes
	 * one or two of its own. Only what is used becomes memory. */
	*out = (struct dpdk_memory_plan){.bytes = 2 * need->bytes};
	if (want == CONF_HUGE_NEVER)
		return true;
	for (uint32_t i = 0; i < have->nb_sizes; i++) {
		if (is_enough(&have->sizes[i], need)) {
			out->huge = true;
			out->bytes = need->bytes;
			return true;
		}
	}
	describe_shortage(have, need, shortage, sizeof(shortage));
	if (want == CONF_HUGE_REQUIRE)
		return report_error(report, "not enough huge pages, and memory.huge_pages is "
					    "\"require\": %s", shortage);
	report_notice(report, "running on normal pages, which is slower: not enough huge pages: %s",
		      shortage);
	return true;
}
