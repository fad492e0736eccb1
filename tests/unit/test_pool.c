/* SPDX-License-Identifier: BSD-3-Clause */
/* The object pool: every index once, none twice, no page touched too early. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/pool.h"
#include "tests/unit/rng.h"
#include "tests/unit/skip.h"

#define CAPACITY 100
#define STRIDE	 48

static void *pool_memory(struct pool *p, uint32_t capacity, uint32_t stride)
{
	void *mem = malloc(pool_bytes(capacity, stride));

	assert_non_null(mem);
	memset(mem, 0xa5, pool_bytes(capacity, stride));
	pool_init(p, mem, capacity, stride);
	return mem;
}

static void test_gives_each_index_once(void **state)
{
	bool seen[CAPACITY + 1] = {false};
	struct pool p;
	void *mem = pool_memory(&p, CAPACITY, STRIDE);

	(void)state;
	for (uint32_t i = 0; i < CAPACITY; i++) {
		uint32_t index = pool_get(&p);

		assert_in_range(index, 1, CAPACITY);
		assert_false(seen[index]);
		seen[index] = true;
		memset(pool_at(&p, index), (int)index, STRIDE);
		assert_int_equal(p.used, i + 1);
	}
	assert_int_equal(pool_get(&p), POOL_NIL);
	assert_int_equal(pool_get(&p), POOL_NIL);
	assert_int_equal(p.used, CAPACITY);
	for (uint32_t i = 1; i <= CAPACITY; i++) {
		const uint8_t *obj = pool_at(&p, i);

		for (uint32_t k = 0; k < STRIDE; k++)
			assert_int_equal(obj[k], (uint8_t)i);
		assert_int_equal(pool_index(&p, obj), i);
		assert_int_equal(pool_index(&p, obj + STRIDE - 1), i);
	}
	free(mem);
}

static void test_last_freed_comes_first(void **state)
{
	struct pool p;
	void *mem = pool_memory(&p, CAPACITY, STRIDE);
	uint32_t a = pool_get(&p), b = pool_get(&p), c = pool_get(&p);

	(void)state;
	pool_put(&p, b);
	pool_put(&p, c);
	pool_put(&p, a);
	assert_int_equal(p.used, 0);
	assert_int_equal(pool_get(&p), a);
	assert_int_equal(pool_get(&p), c);
	assert_int_equal(pool_get(&p), b);
	assert_int_equal(pool_get(&p), 4);
	free(mem);
}

/* A freed object keeps all but its first four bytes: owners rely on it to tell
 * free objects from used ones. */
static void test_put_writes_the_link_only(void **state)
{
	struct pool p;
	void *mem = pool_memory(&p, CAPACITY, STRIDE);
	uint32_t i = pool_get(&p);
	const uint8_t *obj = pool_at(&p, i);

	(void)state;
	memset(pool_at(&p, i), 0x3c, STRIDE);
	pool_put(&p, i);
	for (uint32_t k = 4; k < STRIDE; k++)
		assert_int_equal(obj[k], 0x3c);
	free(mem);
}

static void test_untouched_until_used(void **state)
{
	struct pool p;
	uint8_t *mem = pool_memory(&p, CAPACITY, STRIDE);

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		pool_get(&p);
	for (uint32_t i = 10; i > 0; i--)
		pool_put(&p, i);
	for (uint32_t i = 0; i < 10; i++)
		pool_get(&p);
	assert_int_equal(p.fresh, 11);
	for (uint32_t k = 0; k < STRIDE; k++)
		assert_int_equal(mem[k], 0xa5);
	for (size_t k = 11 * STRIDE; k < pool_bytes(CAPACITY, STRIDE); k++)
		assert_int_equal(mem[k], 0xa5);
	free(mem);
}

static void test_random_against_model(void **state)
{
	bool used[CAPACITY + 1] = {false};
	struct rng rng = {42};
	uint32_t count = 0;
	struct pool p;
	void *mem = pool_memory(&p, CAPACITY, 4);

	(void)state;
	for (int step = 0; step < 200000; step++) {
		uint32_t i;

		if (rng_below(&rng, 100) < 50u + (step / 20000 % 2 ? 10u : 0)) {
			i = pool_get(&p);
			assert_int_equal(i == POOL_NIL, count == CAPACITY);
			if (i == POOL_NIL)
				continue;
			assert_in_range(i, 1, CAPACITY);
			assert_false(used[i]);
			used[i] = true;
			count++;
		} else {
			i = rng_range(&rng, 1, CAPACITY);
			if (!used[i])
				continue;
			pool_put(&p, i);
			used[i] = false;
			count--;
		}
		assert_int_equal(p.used, count);
	}
	free(mem);
}

/* Address space, of which little is touched. */
static void *reserve(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static bool can_reserve(size_t bytes)
{
	void *mem = reserve(bytes);

	return mem != MAP_FAILED && munmap(mem, bytes) == 0;
}

/* Indexes times strides beyond 32 bits. */
static void test_larger_than_4_gib(void **state)
{
	const uint32_t capacity = 3000000, stride = 2048, far = 2500000;
	size_t bytes = pool_bytes(capacity, stride);
	struct pool p;
	uint8_t *mem;

	(void)state;
	assert_in_range(bytes, 5ull << 30, 6ull << 30);
	mem = reserve(bytes);
	pool_init(&p, mem, capacity, stride);
	for (uint32_t i = 1; i <= far; i++)
		assert_int_equal(pool_get(&p), i);
	assert_true((uint8_t *)pool_at(&p, far) == mem + (size_t)far * stride);
	assert_int_equal(pool_index(&p, pool_at(&p, far)), far);
	pool_put(&p, far);
	assert_int_equal(pool_get(&p), far);
	munmap(mem, bytes);
}

int main(void)
{
	const bool has_room = can_reserve(6ull << 30);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_gives_each_index_once),
	    cmocka_unit_test(test_last_freed_comes_first),
	    cmocka_unit_test(test_put_writes_the_link_only),
	    cmocka_unit_test(test_untouched_until_used),
	    cmocka_unit_test(test_random_against_model),
	    unit_test_if(has_room, test_larger_than_4_gib, NULL,
			 "no 6 GiB of address space"),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
