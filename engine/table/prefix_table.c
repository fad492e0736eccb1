/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/prefix_table.h"

#define NESTED_MAX 129 /* prefixes of different lengths that hold one address */

static addr128_t number_of(uint8_t family, const uint8_t *bytes)
{
	uint64_t hi, lo;
	uint32_t v4;

	if (family == IP_V4) {
		memcpy(&v4, bytes, 4);
		return __builtin_bswap32(v4);
	}
	memcpy(&hi, bytes, 8);
	memcpy(&lo, bytes + 8, 8);
	return (addr128_t)__builtin_bswap64(hi) << 64 | __builtin_bswap64(lo);
}

static addr128_t first_of(const struct prefix *p)
{
	return number_of(p->addr.family, p->addr.bytes);
}

static addr128_t last_of(const struct prefix *p)
{
	uint32_t bits = p->addr.family == IP_V4 ? 32 : 128, host = bits - p->len;
	addr128_t mask = host == 128 ? ~(addr128_t)0 : ((addr128_t)1 << host) - 1;

	return first_of(p) | mask;
}

/* ---- in order: by family, then outer ones first, then what refuses ---- */

static bool before(const struct prefix *a, const struct prefix *b)
{
	addr128_t x = first_of(a), y = first_of(b);

	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family;
	if (x != y)
		return x < y;
	if (a->len != b->len)
		return a->len < b->len;
	return a->refused && !b->refused;
}

static void swap(struct prefix *a, struct prefix *b)
{
	struct prefix t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct prefix *p, uint32_t root, uint32_t n)
{
	for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && before(&p[child], &p[child + 1]))
			child++;
		if (!before(&p[root], &p[child]))
			return;
		swap(&p[root], &p[child]);
	}
}

/* A heap needs no memory, and nobody's list makes it slow. */
static void sort(struct prefix *p, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift_down(p, i, n);
	for (uint32_t i = n; i-- > 1;) {
		swap(&p[0], &p[i]);
		sift_down(p, 0, i);
	}
}

/* ---- the sweep over one family ---- */

struct sweep {
	const struct prefix *open[NESTED_MAX]; /* those around the point reached, outer first */
	uint32_t depth;
	bool first, now; /* verdict on the lowest address, and from the last change on */
	bool otherwise;  /* and where no prefix is */
	addr128_t *changes;
	uint32_t n;
};

/* From `at` on, which is not before the last change, the verdict is another one. */
static void turn_to(struct sweep *w, addr128_t at, bool refused)
{
	if (at == 0) {
		w->first = w->now = refused;
	} else if (w->now == refused) {
		return;
	} else if (w->n > 0 && w->changes[w->n - 1] == at) {
		w->n--; /* the prefix that ended here is followed by one like that around it */
		w->now = refused;
	} else {
		w->changes[w->n++] = at;
		w->now = refused;
	}
}

/* Those that end before `at` are left, or all without it. */
static void close_before(struct sweep *w, const addr128_t *at, addr128_t highest)
{
	while (w->depth > 0) {
		addr128_t last = last_of(w->open[w->depth - 1]);

		if (at && last >= *at)
			return;
		w->depth--;
		if (last < highest)
			turn_to(w, last + 1,
				w->depth ? w->open[w->depth - 1]->refused : w->otherwise);
	}
}

static bool is_twin(const struct sweep *w, const struct prefix *p)
{
	const struct prefix *top = w->depth ? w->open[w->depth - 1] : NULL;

	return top && top->len == p->len && ipaddr_equal(&top->addr, &p->addr);
}

static void run(struct sweep *w, const struct prefix *p, uint32_t n, addr128_t highest)
{
	for (uint32_t i = 0; i < n; i++) {
		addr128_t at = first_of(&p[i]);

		close_before(w, &at, highest);
		if (is_twin(w, &p[i]))
			continue; /* the one that refuses came first */
		w->open[w->depth++] = &p[i];
		turn_to(w, at, p[i].refused);
	}
	close_before(w, NULL, highest);
}

size_t prefix_table_bytes(uint32_t n)
{
	return ALIGN_UP(sizeof(struct prefix_table), (size_t)16) +
	       (size_t)n * 2 * sizeof(addr128_t);
}

struct prefix_table *prefix_table_build(void *mem, struct prefix *prefixes, uint32_t n,
					bool refused)
{
	struct prefix_table *t = mem;
	addr128_t *room = (void *)((uint8_t *)mem + ALIGN_UP(sizeof(*t), (size_t)16));
	struct sweep w6 = {.first = refused, .now = refused, .otherwise = refused, .changes = room};
	struct sweep w4 = w6;
	uint32_t nb_v4 = 0, *narrow;

	sort(prefixes, n);
	while (nb_v4 < n && prefixes[nb_v4].addr.family == IP_V4)
		nb_v4++;
	run(&w6, prefixes + nb_v4, n - nb_v4, ~(addr128_t)0);
	/* IPv4's begin where IPv6's end, first 16 bytes each, then 4. */
	w4.changes = room + w6.n;
	run(&w4, prefixes, nb_v4, UINT32_MAX);
	narrow = (void *)w4.changes;
	for (uint32_t i = 0; i < w4.n; i++) {
		uint32_t at = (uint32_t)w4.changes[i];

		memcpy(&narrow[i], &at, sizeof(at));
	}
	*t = (struct prefix_table){w4.first, w6.first, w4.n, w6.n, room, narrow};
	return t;
}

size_t prefix_table_used(const struct prefix_table *t)
{
	return (size_t)((const uint8_t *)(t->v4 + t->nb_v4) - (const uint8_t *)t);
}

struct prefix_table *prefix_table_copy(void *mem, const struct prefix_table *t)
{
	struct prefix_table *copy = mem;
	ptrdiff_t moved = (uint8_t *)mem - (const uint8_t *)t;

	memcpy(mem, t, prefix_table_used(t));
	copy->v6 = (const void *)((const uint8_t *)t->v6 + moved);
	copy->v4 = (const void *)((const uint8_t *)t->v4 + moved);
	return copy;
}

/* How many of n ascending numbers are not above `x`; each step is a conditional move. */
#define COUNT_UP_TO(name, type)                                                                    \
	static uint32_t name(const type *a, uint32_t n, type x)                                    \
	{                                                                                          \
		const type *from = a;                                                              \
                                                                                                   \
		while (n > 0) {                                                                    \
			uint32_t half = (n + 1) / 2;                                               \
                                                                                                   \
			from += from[half - 1] <= x ? half : 0;                                    \
			n -= half;                                                                 \
		}                                                                                  \
		return (uint32_t)(from - a);                                                       \
	}
COUNT_UP_TO(count_v4, uint32_t)
COUNT_UP_TO(count_v6, addr128_t)

bool prefix_table_refuses(const struct prefix_table *t, uint8_t family, const uint8_t *addr)
{
	addr128_t x = number_of(family, addr);

	if (family == IP_V4)
		return t->refused_v4 ^ (count_v4(t->v4, t->nb_v4, (uint32_t)x) & 1);
	return t->refused_v6 ^ (count_v6(t->v6, t->nb_v6, x) & 1);
}
