/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration loader: which message each bad file gets (tests/unit/config:
 * NAME.yaml and the message in NAME.err) and each machine that a good one does
 * not suit, how much memory one takes, and that the files in conf/ and the tables
 * in docs/configuration.md say what the loader does. What a good file becomes is in
 * test_config_values.c. Runs in the top directory of the sources.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/config_text.h"
#include "tests/unit/rng.h"

#define CORPUS "tests/unit/config"
#define DOCS   "docs/configuration.md"

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t n = 0, got;

	if (!f)
		fail_msg("can't open %s: run this test in the top directory of the sources", path);
	do {
		text = realloc(text, n + 65536 + 1);
		assert_non_null(text);
		got = fread(text + n, 1, 65536, f);
		n += got;
	} while (got > 0);
	fclose(f);
	text[n] = '\0';
	if (len)
		*len = n;
	return text;
}

/* ---- messages ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static void check_corpus_file(const char *name)
{
	char path[512], *text, *expected;
	struct config_error err;
	struct conf *conf;
	size_t len, n;

	snprintf(path, sizeof(path), CORPUS "/%s", name);
	text = read_file(path, &len);
	snprintf(path, sizeof(path), CORPUS "/%.*s.err", (int)(strlen(name) - 5), name);
	expected = read_file(path, &n);
	assert_true(n > 1 && expected[n - 1] == '\n');
	expected[n - 1] = '\0';

	conf = config_parse(name, text, len, &err);
	if (conf)
		fail_msg("%s was accepted", name);
	assert_string_equal(err.text, expected);
	assert_null(strchr(err.text, '\n'));
	if (err.line > 0) {
		snprintf(path, sizeof(path), "%s:%d: ", name, err.line);
		assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
	}
	free(text);
	free(expected);
}

static void test_every_bad_file_gets_its_message(void **state)
{
	DIR *dir = opendir(CORPUS);
	struct dirent *e;
	unsigned n = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (!ends_with(e->d_name, ".yaml"))
			continue;
		check_corpus_file(e->d_name);
		n++;
	}
	closedir(dir);
	assert_in_range(n, 190, 10000);
}

static void test_a_message_has_bounds(void **state)
{
	char name[5000], text[5000];
	struct config_error err;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(text, 'k', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(config_parse(name, text, strlen(text), &err));
	assert_int_equal(strlen(err.text), CONFIG_ERROR_MAX - 1);
}

static void test_quotes_keep_characters_whole(void **state)
{
	(void)state;
	/* 65 bytes and then one of three: none of its bytes may be cut off. */
	assert_refused("instance: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "\xe2\x82\xac\n" PORT LISTENER,
		       "aaa...\" is not a name");
	assert_refused("instance: \xc3\xa4\n" PORT LISTENER, "\"\xc3\xa4\" is not a name");
}

/* ---- files ---- */

static void assert_not_loaded(const char *path, const char *message)
{
	struct config_error err;

	assert_null(config_load(path, &err));
	if (strncmp(err.text, path, strlen(path)) || !strstr(err.text, message))
		fail_msg("\"%s: %s\" is not in \"%s\"", path, message, err.text);
	assert_int_equal(err.line, 0);
}

static void write_padded(const char *path, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	fputs(PORT LISTENER, f);
	while ((size_t)ftell(f) + 64 <= len)
		fprintf(f, "#%62s\n", "");
	while ((size_t)ftell(f) < len)
		fputc('\n', f);
	fclose(f);
}

static void test_what_is_no_file_is_refused(void **state)
{
	char dir[] = "/tmp/test_config.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_not_loaded("/nowhere/at/all.yaml", "No such file");
	assert_not_loaded(dir, "is a directory");
	assert_not_loaded("/dev/null", "is not a regular file");
	assert_not_loaded("/proc/self/mem", "can't be read");

	snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_not_loaded(path, "is not a regular file");
	unlink(path);

	write_padded(path, CONFIG_FILE_MAX + 1);
	assert_not_loaded(path, "larger than 1048576 bytes");
	write_padded(path, CONFIG_FILE_MAX);
	config_free(load(path));
	unlink(path);
	rmdir(dir);
}

static void test_an_unreadable_file_is_refused(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path);
	uid_t uid = geteuid();

	(void)state;
	assert_true(fd >= 0);
	fchmod(fd, 0);
	close(fd);
	if (uid == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_not_loaded(path, "Permission denied");
	if (uid == 0)
		assert_int_equal(seteuid(0), 0);
	unlink(path);
}

static void test_every_file_in_conf_loads(void **state)
{
	DIR *dir = opendir("conf");
	char path[512];
	struct dirent *e;
	unsigned n = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (!ends_with(e->d_name, ".yaml"))
			continue;
		snprintf(path, sizeof(path), "conf/%s", e->d_name);
		config_free(load(path));
		n++;
	}
	closedir(dir);
	assert_in_range(n, 3, 1000);
}

/* ---- damage ---- */

/* Accepted or refused with a message; the sanitizers see to the rest. */
static void parse_any(const char *text, size_t len)
{
	struct config_error err;
	struct conf *conf = config_parse("any", text, len, &err);

	if (!conf)
		assert_int_equal(strncmp(err.text, "any:", 4), 0);
	config_free(conf);
}

static void test_a_file_cut_anywhere(void **state)
{
	size_t len;
	char *text = read_file("conf/demo.yaml", &len);

	(void)state;
	for (size_t i = 0; i < len; i++)
		parse_any(text, i);
	free(text);
}

static void test_a_damaged_file(void **state)
{
	static const char bytes[] = "{}[]&*!|>%@,:- \n\t\"'#0a\x80\xff";
	struct rng rng = {20260501};
	size_t len;
	char *text = read_file("conf/proxy.yaml", &len), *copy = malloc(len);

	(void)state;
	assert_non_null(copy);
	for (unsigned round = 0; round < 3000; round++) {
		memcpy(copy, text, len);
		for (unsigned i = 0; i <= round % 4; i++)
			copy[rng_below(&rng, (uint32_t)len)] =
			    bytes[rng_below(&rng, sizeof(bytes))];
		parse_any(copy, len);
	}
	free(copy);
	free(text);
}

static double seconds(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + 1e-9 * (double)(to->tv_nsec - from->tv_nsec);
}

/* Texts of the largest size for which libyaml alone takes a time that grows with
 * the square of it. */
static void test_no_text_takes_long(void **state)
{
	static const char *const pieces[] = {"- &a%u x\n", "%%TAG !a%u! !\n", "- ",
					     "[",          "{a%u: ",          "? ",
					     "- *a\n",     "k%u: 1\n",        "- x\n"};
	char *text = malloc(CONFIG_FILE_MAX + 64);
	struct timespec begin, end;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t len = 0;

		for (unsigned n = 0; len < CONFIG_FILE_MAX; n++)
			len += (size_t)sprintf(text + len, pieces[i], n);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
		parse_any(text, CONFIG_FILE_MAX);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		assert_true(seconds(&begin, &end) < 3);
	}
	free(text);
}

/* ---- the machine ---- */

static void assert_machine(const char *text, const char *message)
{
	struct conf *conf = parse(text);
	struct config_error err;
	bool ok = config_check_machine(conf, &err);

	if (message && (ok || !strstr(err.text, message)))
		fail_msg("\"%s\" is not in \"%s\"", message, err.text);
	if (!message && !ok)
		fail_msg("%s", err.text);
	config_free(conf);
}

static void test_cpus_of_the_machine(void **state)
{
	cpu_set_t set;
	char text[512];
	int cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	snprintf(text, sizeof(text), "workers: {cpus: [%d]}\n" PORT LISTENER, cpu);
	assert_machine(text, NULL);
	assert_machine("workers: {count: 64}\nmemory: {buffers: 200000}\n" PORT LISTENER, NULL);
	snprintf(text, sizeof(text), "\nworkers: {cpus: [%d, 32767]}\n" PORT LISTENER, cpu);
	assert_machine(text, "test:2: workers.cpus: CPU 32767 is not among those this process may "
			     "use: write some of ");
}

static void test_files_of_the_machine(void **state)
{
	(void)state;
	assert_machine("ports:\n- {name: a, addresses: [192.0.2.1/24],\n"
		       "   device: 'pcapng:/nowhere/at/all'}\n" LISTENER,
		       "test:2: ports[0].device: can't read \"/nowhere/at/all\": No such file");
	assert_machine(
	    "ports:\n- {name: a, addresses: [192.0.2.1/24], device: 'pcapng:/'}\n" LISTENER,
	    "test:2: ports[0].device: \"/\" is not a regular file");
	assert_machine("ports:\n- {name: a, addresses: [192.0.2.1/24], device: x,\n"
		       "   record: /nowhere/x.pcapng}\n" LISTENER,
		       "test:2: ports[0].record: can't write into the directory of "
		       "\"/nowhere/x.pcapng\": No such file");
	assert_machine(
	    "ports:\n- {name: a, addresses: [192.0.2.1/24], device: x, record: /tmp/.}\n" LISTENER,
	    "test:2: ports[0].record: \"/tmp/.\" is there and is no regular file");
	assert_machine("ports:\n- {name: a, addresses: [192.0.2.1/24], device: x,\n"
		       "   record: /dev/full}\n" LISTENER,
		       "test:2: ports[0].record: \"/dev/full\" is there and is no regular file");
	assert_machine("ports:\n- {name: a, addresses: [192.0.2.1/24], record: /tmp/x.pcapng,\n"
		       "   device: 'pcapng:" DOCS "'}\n" LISTENER,
		       NULL);
}

/* ---- the sizing report ---- */

static void test_size(void **state)
{
	struct conf *c = parse("workers: {count: 2}\nmemory: {buffers: 8192}\n" PORT LISTENER);
	struct config_size s;
	char *text = NULL;
	size_t len;
	FILE *f;

	(void)state;
	assert_int_equal(conf_buffer_room(c), 2048);
	config_size(c, (4 << 20) + 1, &s);
	assert_int_equal(s.items[CONFIG_SIZE_SHARDS].count, 2);
	assert_int_equal(s.items[CONFIG_SIZE_SHARDS].bytes, 2 * ((4 << 20) + 1));
	assert_int_equal(s.items[CONFIG_SIZE_SHARDS].pages, 6);
	assert_int_equal(s.items[CONFIG_SIZE_BUFFERS].count, 8192);
	assert_int_equal(s.items[CONFIG_SIZE_BUFFERS].each_bytes, 128 + 16 + 128 + 64 + 128 + 2048);
	assert_int_equal(s.items[CONFIG_SIZE_BUFFERS].pages, 10);
	/* 64 MB, a quarter for each queue and a sixteenth of the rest, in whole pages */
	assert_int_equal(s.items[CONFIG_SIZE_DPDK].bytes, 68 << 20);
	assert_int_equal(s.items[CONFIG_SIZE_DPDK].pages, 34);
	assert_int_equal(s.bytes, 2 * ((4 << 20) + 1) + 8192 * 2512 + (68 << 20));
	assert_int_equal(s.pages, 50);

	f = open_memstream(&text, &len);
	assert_non_null(f);
	config_size_print(&s, f);
	fclose(f);
	assert_non_null(strstr(text, "\nworker shards             2        4194305          8.0"));
	assert_non_null(strstr(text, "\npacket buffers         8192           2512         19.6"));
	assert_non_null(strstr(text, "95.6           50\n"));
	free(text);
	config_free(c);
}

/* Descriptors are of each port's and worker's queue. */
static void test_size_of_queues(void **state)
{
	struct conf *c = parse("workers: {count: 64}\nmemory: {buffers: 4194304}\nports:\n"
			       "- {name: a, device: x, addresses: [192.0.2.1/24], rx_ring: 4096}\n"
			       "- {name: b, device: y, addresses: [198.51.100.1/24], tx_ring: 64}\n"
			       "listeners: []\n");
	struct config_size s;
	uint64_t rest;

	(void)state;
	config_size(c, 1 << 20, &s);
	rest = s.items[CONFIG_SIZE_SHARDS].bytes + s.items[CONFIG_SIZE_BUFFERS].bytes;
	assert_int_equal(s.items[CONFIG_SIZE_DPDK].bytes,
			 ALIGN_UP((64u << 20) + 64 * (4096 + 3 * 1024) * 128 + rest / 16,
				  (uint64_t)CONFIG_PAGE_SIZE));
	config_free(c);
}

static void test_size_of_jumbo_frames(void **state)
{
	struct conf *c = parse("ports:\n"
			       "- {name: a, device: x, mtu: 2022, addresses: [192.0.2.1/24]}\n"
			       "listeners: []\n");

	(void)state;
	assert_int_equal(conf_buffer_room(c), 2048);
	config_free(c);
	c = parse("ports:\n"
		  "- {name: a, device: x, mtu: 2023, addresses: [192.0.2.1/24]}\n"
		  "listeners: []\n");
	assert_int_equal(conf_buffer_room(c), 3072);
	config_free(c);
	c = parse("ports:\n"
		  "- {name: a, device: x, mtu: 9216, addresses: [192.0.2.1/24]}\n"
		  "- {name: b, device: y, addresses: [198.51.100.1/24]}\n"
		  "listeners: []\n");
	assert_int_equal(conf_buffer_room(c), 10240);
	config_free(c);
}

/* ---- the documentation ---- */

/* The n-th cell of a table's row without its blanks and backquotes. */
static void cell(const char *row, unsigned n, char *out, size_t size)
{
	size_t len = 0;

	while (n-- > 0 && (row = strchr(row, '|')))
		row++;
	assert_non_null(row);
	for (; *row && *row != '|' && len + 1 < size; row++) {
		if (*row != '`' && (*row != ' ' || len > 0))
			out[len++] = *row;
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

/* A configuration in which `key: value` stands in the section, nothing without a key. */
static void place(const char *section, const char *key, const char *value, char *out, size_t size)
{
	const char *colon = *key ? ": " : "";

	if (!strcmp(section, "fault"))
		snprintf(out, size,
			 "ports:\n- {name: a, device: x, addresses: [192.0.2.1/24], "
			 "fault: {%s%s%s}}\n" LISTENER,
			 key, colon, value);
	else
		snprintf(out, size, "%s: {%s%s%s}\n" PORT LISTENER, section, key, colon, value);
}

static bool same_settings(const struct conf *a, const struct conf *b)
{
	return !memcmp(&a->tcp, &b->tcp, sizeof(a->tcp)) &&
	       !memcmp(&a->memory, &b->memory, sizeof(a->memory)) &&
	       !memcmp(&a->limits, &b->limits, sizeof(a->limits)) &&
	       !memcmp(&a->ports->fault, &b->ports->fault, sizeof(a->ports->fault));
}

/* A row gives key, type, default and range: the default changes nothing, and a
 * value that can't be right is answered with the range. */
static void check_row(const char *section, const char *row)
{
	char key[64], dflt[64], range[128], text[512];
	struct conf *conf, *reference;

	cell(row, 1, key, sizeof(key));
	cell(row, 3, dflt, sizeof(dflt));
	cell(row, 4, range, sizeof(range));
	place(section, key, dflt, text, sizeof(text));
	conf = parse(text);
	place(section, "", "", text, sizeof(text));
	reference = parse(text);
	if (!same_settings(conf, reference))
		fail_msg("%s.%s: %s is not the default", section, key, dflt);
	config_free(conf);
	config_free(reference);
	place(section, key, "-99999999999999999999999", text, sizeof(text));
	assert_refused(text, range);
}

/* Checks and counts the rows of the table under the section's heading. */
static unsigned check_table(const char *docs, const char *section)
{
	char heading[64];
	const char *p;
	unsigned n = 0;

	snprintf(heading, sizeof(heading), "\n### `%s`\n", section);
	p = strstr(docs, heading);
	if (!p)
		fail_msg("%s has no heading for %s", DOCS, section);
	p += strlen(heading);
	for (p = strchr(p, '\n'); p && strncmp(p, "\n##", 3) != 0; p = strchr(p + 1, '\n')) {
		if (strncmp(p, "\n| `", 4) != 0)
			continue;
		check_row(section, p + 1);
		n++;
	}
	return n;
}

static void test_the_documentation_tells_defaults_and_ranges(void **state)
{
	char *docs = read_file(DOCS, NULL);

	(void)state;
	assert_int_equal(check_table(docs, "tcp"), 39);
	assert_int_equal(check_table(docs, "memory"), 9);
	assert_int_equal(check_table(docs, "limits"), 2);
	assert_int_equal(check_table(docs, "fault"), 7);
	free(docs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_bad_file_gets_its_message),
	    cmocka_unit_test(test_a_message_has_bounds),
	    cmocka_unit_test(test_quotes_keep_characters_whole),
	    cmocka_unit_test(test_what_is_no_file_is_refused),
	    cmocka_unit_test(test_an_unreadable_file_is_refused),
	    cmocka_unit_test(test_every_file_in_conf_loads),
	    cmocka_unit_test(test_a_file_cut_anywhere),
	    cmocka_unit_test(test_a_damaged_file),
	    cmocka_unit_test(test_no_text_takes_long),
	    cmocka_unit_test(test_cpus_of_the_machine),
	    cmocka_unit_test(test_files_of_the_machine),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_size_of_queues),
	    cmocka_unit_test(test_size_of_jumbo_frames),
	    cmocka_unit_test(test_the_documentation_tells_defaults_and_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
