/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of terminusctl capture. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/run/cli_args.h"

#define ARGS_MAX 16

/* Words of a command line behind "terminusctl", NULL at the end. */
static bool parse(const char *const *words, struct cli_args *args, char err[CLI_ERROR_MAX])
{
	char *argv[ARGS_MAX + 2] = {(char *)(uintptr_t) "terminusctl"};
	int argc = 1;

	for (; *words; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	err[0] = '\0';
	return cli_parse(argc, argv, args, err);
}

#define WORDS(...) ((const char *const[ARGS_MAX]){__VA_ARGS__})

static struct capture_request parsed(const char *const *words)
{
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	if (!parse(words, &args, err))
		fail_msg("%s", err);
	assert_int_equal(args.command, CLI_CAPTURE);
	return args.capture;
}

static void test_plain(void **state)
{
	struct capture_request q = parsed(WORDS("capture", "x.pcapng"));

	(void)state;
	assert_string_equal(q.file, "x.pcapng");
	assert_string_equal(q.filter, "");
	assert_string_equal(q.port, "");
	assert_int_equal(q.worker, CAPTURE_ALL_WORKERS);
	assert_int_equal(q.snaplen, CAPTURE_SNAPLEN_MAX);
	assert_false(q.count || q.seconds || q.drops_only || q.force);
	assert_string_equal(parsed(WORDS("capture", "-")).file, "-");
}

static void test_options(void **state)
{
	struct capture_request q =
	    parsed(WORDS("capture", "-c", "10", "-", "--worker", "3", "tcp", "--port=front", "port",
			 "--drops-only", "80", "--seconds=60", "--snaplen", "96", "--force"));

	(void)state;
	assert_string_equal(q.file, "-");
	assert_string_equal(q.filter, "tcp port 80");
	assert_string_equal(q.port, "front");
	assert_int_equal(q.worker, 3);
	assert_int_equal(q.snaplen, 96);
	assert_int_equal(q.count, 10);
	assert_int_equal(q.seconds, 60);
	assert_true(q.drops_only && q.force);
	q = parsed(WORDS("capture", "-dft", "5", "-s", "64", "-W", "0", "-p", "back", "x"));
	assert_string_equal(q.port, "back");
	assert_int_equal(q.worker, 0);
	assert_int_equal(q.snaplen, 64);
	assert_int_equal(q.seconds, 5);
	assert_true(q.drops_only && q.force);
}

static void test_filter_in_one_word(void **state)
{
	(void)state;
	assert_string_equal(
	    parsed(WORDS("capture", "x", "host 192.0.2.1 and (tcp or icmp)")).filter,
	    "host 192.0.2.1 and (tcp or icmp)");
}

static void test_refusals(void **state)
{
	const struct {
		const char *const *words;
		const char *says;
	} cases[] = {
	    {WORDS("capture"), "to which file"},
	    {WORDS("capture", "x", "tcp", "prt", "80"), "filter \"tcp prt 80\": "},
	    {WORDS("capture", "x", "outbound"), "filter \"outbound\": "},
	    {WORDS("capture", "x", "--count", "0"), "--count 0: give a number from 1"},
	    {WORDS("capture", "x", "--count", "many"), "--count many"},
	    {WORDS("capture", "x", "--seconds", "86401"), "--seconds 86401"},
	    {WORDS("capture", "x", "--snaplen", "262145"), "--snaplen 262145"},
	    {WORDS("capture", "x", "--worker", "64"), "0 to 63"},
	    {WORDS("capture", "x", "--port", "a,b"), "--port a,b"},
	    {WORDS("capture", "x", "--port", "a_name_that_is_longer_than_31_characters"), "--port"},
	    {WORDS("capture", "x", "--port"), "--port needs a value"},
	    {WORDS("capture", "x", "--watch", "1"), "no option -w"},
	    {WORDS("capture", "x", "--json"), "no JSON"},
	    {WORDS("--json", "capture", "x"), "no JSON"},
	    {WORDS("ports", "--drops-only"), "no option -d"},
	    {WORDS("connections", "--count", "1"), "no option -c"},
	};
	char err[CLI_ERROR_MAX];
	struct cli_args a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse(cases[i].words, &a, err))
			fail_msg("taken: case %zu", i);
		assert_null(strchr(err, '\n'));
		if (!strstr(err, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err, cases[i].says);
	}
}

static void test_lengths(void **state)
{
	char name[CAPTURE_FILE_MAX + 1], word[CAPTURE_FILTER_MAX + 2], err[CLI_ERROR_MAX];
	struct cli_args a;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(parse(WORDS("capture", name), &a, err));
	assert_non_null(strstr(err, "longer than 511 characters"));
	name[sizeof(name) - 2] = '\0';
	assert_true(parse(WORDS("capture", name), &a, err));
	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_false(parse(WORDS("capture", "x", word), &a, err));
	assert_non_null(strstr(err, "longer than 640 characters"));
}

/* Other commands have kept their options. */
static void test_shared_options(void **state)
{
	char err[CLI_ERROR_MAX];
	struct cli_args a;

	(void)state;
	assert_true(parse(WORDS("counters", "-w", "1", "-c", "7", "-W", "2"), &a, err));
	assert_int_equal(a.watch_count, 7);
	assert_int_equal(a.worker, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_filter_in_one_word),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_shared_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
