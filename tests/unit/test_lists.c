/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefix lists that change while workers look addresses up in them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/run/lists.h"
#include "engine/table/prefix_table.h"

#define WORKERS 2
#define RELOADS 200

#define HEAD                                                                                       \
	"workers: {count: 2}\n"                                                                    \
	"ports: [{name: front, device: net_null0, addresses: [192.0.2.1/24]}]\n"
#define A "{name: a, address: '192.0.2.1:7', service: echo, deny: [bad]}"
#define B "{name: b, address: '192.0.2.1:8', service: echo}"

/* What a worker does with its mailbox and the tables that it is given. */
struct reader {
	struct mailbox box;
	const struct prefix_set *set;
	_Atomic bool stop, asleep;
	_Atomic uint32_t lookups;
	bool inconsistent; /* two addresses that are listed together had different verdicts */
	pthread_t thread;
};

struct fixture {
	char path[64];
	struct conf *conf;
	struct lists lists;
	struct reader readers[WORKERS];
};

static void write_conf(const struct fixture *f, const char *prefixes, const char *listeners)
{
	FILE *out = fopen(f->path, "w");

	assert_non_null(out);
	fprintf(out, HEAD "prefix_lists: [{name: bad, prefixes: [%s]}]\nlisteners: [%s]\n",
		prefixes, listeners);
	fclose(out);
}

static bool refuses(const struct prefix_set *set, uint16_t listener, uint8_t first_byte)
{
	const uint8_t addr[4] = {first_byte, 1, 2, 3};
	const struct prefix_table *t = set->of_listener[listener];

	return t && prefix_table_refuses(t, IP_V4, addr);
}

static void *read_on(void *arg)
{
	struct reader *r = arg;

	while (!r->stop) {
		struct inquiry *q = r->asleep ? NULL : mailbox_take(&r->box);

		if (q) {
			r->set = q->prefixes;
			mailbox_answer(&r->box);
		}
		r->inconsistent |= refuses(r->set, 0, 10) != refuses(r->set, 0, 11);
		r->lookups++;
	}
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct config_error err;
	int fd;

	strcpy(f->path, "/tmp/test_lists.XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	write_conf(f, "10.0.0.0/8, 11.0.0.0/8", A ", " B);
	f->conf = config_load(f->path, &err);
	assert_non_null(f->conf);
	assert_true(lists_init(&f->lists, f->conf, config_take_prefixes(f->conf)));
	for (uint32_t i = 0; i < WORKERS; i++) {
		f->lists.mailboxes[i] = &f->readers[i].box;
		f->readers[i].set = lists_current(&f->lists);
		pthread_create(&f->readers[i].thread, NULL, read_on, &f->readers[i]);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < WORKERS; i++) {
		f->readers[i].stop = true;
		pthread_join(f->readers[i].thread, NULL);
		assert_false(f->readers[i].inconsistent);
	}
	lists_fini(&f->lists);
	config_free(f->conf);
	unlink(f->path);
	free(f);
	return 0;
}

static void reload(struct fixture *f, uint32_t prefixes)
{
	struct lists_sum sum;
	struct config_error err;

	if (!lists_reload(&f->lists, &sum, &err))
		fail_msg("%s", err.text);
	assert_int_equal(sum.lists, 1);
	assert_int_equal(sum.prefixes, prefixes);
}

static void refuse_reload(struct fixture *f, const char *message)
{
	const struct prefix_set *before = lists_current(&f->lists);
	struct lists_sum sum;
	struct config_error err;

	assert_false(lists_reload(&f->lists, &sum, &err));
	if (!strstr(err.text, message))
		fail_msg("\"%s\" is not in \"%s\"", message, err.text);
	assert_ptr_equal(lists_current(&f->lists), before);
}

static void test_reload(void **state)
{
	struct fixture *f = *state;

	assert_true(refuses(lists_current(&f->lists), 0, 10));
	for (uint32_t i = 0; i < RELOADS; i++) {
		write_conf(f, i % 2 ? "10.0.0.0/8, 11.0.0.0/8" : "12.0.0.0/8", A ", " B);
		reload(f, i % 2 ? 2 : 1);
		assert_int_equal(refuses(lists_current(&f->lists), 0, 10), i % 2);
		assert_int_equal(refuses(lists_current(&f->lists), 0, 12), i % 2 == 0);
		for (uint32_t w = 0; w < WORKERS; w++)
			assert_ptr_equal(f->readers[w].set, lists_current(&f->lists));
	}
	assert_true(f->readers[0].lookups > 0 && f->readers[1].lookups > 0);
}

/* Listeners may stand in another order, and refuse whom they did not before. */
static void test_listeners_are_found_again(void **state)
{
	struct fixture *f = *state;
	const struct prefix_set *set;

	write_conf(f, "10.0.0.0/8, 11.0.0.0/8",
		   "{name: b, address: '192.0.2.1:8', service: echo, allow: [bad]}, "
		   "{name: a, address: '192.0.2.1:7', service: echo}");
	reload(f, 2);
	set = lists_current(&f->lists);
	assert_null(set->of_listener[0]);
	assert_false(refuses(set, 1, 10));
	assert_true(refuses(set, 1, 12));
}

static void test_mistakes_change_nothing(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "10.0.0.0/8, 11.0.0.1/8", A ", " B);
	refuse_reload(f, ":3: prefix_lists[0].prefixes[1]: \"11.0.0.1/8\" has bits set");
	write_conf(f, "10.0.0.0/8", A);
	refuse_reload(f, "listeners: b at 192.0.2.1:8 runs and is missing: only prefix lists");
	write_conf(f, "10.0.0.0/8", A ", {name: b, address: '192.0.2.1:9', service: echo}");
	refuse_reload(f, ":4: listeners: b at 192.0.2.1:9 does not run: only prefix lists");
	unlink(f->path);
	refuse_reload(f, "can't be opened");
	assert_true(refuses(lists_current(&f->lists), 0, 11));
}

/* Nothing that a silent worker may still use is freed before it has answered. */
static void test_a_silent_worker(void **state)
{
	struct fixture *f = *state;
	struct lists_sum sum;
	struct config_error err;

	f->readers[1].asleep = true;
	write_conf(f, "12.0.0.0/8", A ", " B);
	for (uint32_t i = 0; i < 2; i++) {
		assert_false(lists_reload(&f->lists, &sum, &err));
		assert_non_null(strstr(err.text, "worker 1 does not answer"));
		assert_true(refuses(f->readers[0].set, 0, 12));
		assert_true(refuses(f->readers[1].set, 0, 10));
	}
	f->readers[1].asleep = false;
	reload(f, 1);
	assert_true(refuses(f->readers[1].set, 0, 12));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_reload),
	    TEST(test_listeners_are_found_again),
	    TEST(test_mistakes_change_nothing),
	    TEST(test_a_silent_worker),
	};
#undef TEST

	return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
