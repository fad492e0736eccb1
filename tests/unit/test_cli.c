/* SPDX-License-Identifier: BSD-3-Clause */
/* terminusctl: its command line, and what it makes of the engine's answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "engine/base/stat.h"
#include "engine/run/cli_args.h"
#include "engine/run/cli_linux.h"
#include "engine/run/cli_show.h"

#define ARGS_MAX 16

/* Splits at blanks; "" stands for no word at all. */
static bool parse(const char *line, struct cli_args *args, char err[CLI_ERROR_MAX])
{
	static char text[512];
	static char *argv[ARGS_MAX + 1];
	char *save = NULL;
	int argc = 0;

	snprintf(text, sizeof(text), "terminusctl %s", line);
	for (char *w = strtok_r(text, " ", &save); w && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	err[0] = '\0';
	return cli_parse(argc, argv, args, err);
}

static struct cli_args parsed(const char *line)
{
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	if (!parse(line, &args, err))
		fail_msg("\"%s\": %s", line, err);
	return args;
}

static void test_commands(void **state)
{
	(void)state;
	assert_int_equal(parsed("info").command, CLI_INFO);
	assert_int_equal(parsed("connections").command, CLI_CONNECTIONS);
	assert_int_equal(parsed("counters").command, CLI_COUNTERS);
	assert_int_equal(parsed("listeners").command, CLI_LISTENERS);
	assert_int_equal(parsed("pools").command, CLI_POOLS);
	assert_int_equal(parsed("objects").command, CLI_OBJECTS);
	assert_int_equal(parsed("ports").command, CLI_PORTS);
	assert_int_equal(parsed("workers").command, CLI_WORKERS);
	assert_int_equal(parsed("reload-lists").command, CLI_RELOAD_LISTS);
	assert_int_equal(parsed("sources").command, CLI_SOURCES);
	assert_int_equal(parsed("--help").command, CLI_HELP);
	assert_int_equal(parsed("counters --help").command, CLI_HELP);
	assert_int_equal(parsed("-V").command, CLI_VERSION);
}

static void test_options(void **state)
{
	struct cli_args a;

	(void)state;
	a = parsed("-i demo connections -i");
	assert_string_equal(a.instance, "demo");
	assert_true(a.internal);
	a = parsed("connections");
	assert_null(a.instance);
	assert_false(a.internal || a.json || a.all);
	assert_int_equal(a.worker, -1);
	a = parsed("--instance=demo --json pools");
	assert_string_equal(a.instance, "demo");
	assert_true(a.json);
	a = parsed("counters --all --worker 3 --json");
	assert_true(a.all && a.json);
	assert_int_equal(a.worker, 3);
	a = parsed("counters -w 0.5 -c 10 drop_* rx_*");
	assert_true(a.watch_s == 0.5);
	assert_int_equal(a.watch_count, 10);
	assert_int_equal(a.nb_names, 2);
	assert_string_equal(a.names[0], "drop_*");
	a = parsed("counters --linux -a ListenDrops listeners");
	assert_true(a.linux_names && a.all);
	assert_true(parsed("listeners -i").internal);
	a = parsed("counters drop_* -a rx_*");
	assert_int_equal(a.nb_names, 2);
	assert_true(a.all);
}

static void test_filter_words(void **state)
{
	struct cli_args a;

	(void)state;
	a = parsed("connections state established sport = :80");
	assert_string_equal(a.filter, "state established sport = :80");
	a = parsed("connections state established -j sport :80 -i");
	assert_string_equal(a.filter, "state established sport :80");
	assert_true(a.json && a.internal);
}

/* Whoever mistypes one is told of all there are. */
static void test_unknown_command(void **state)
{
	static const char *const commands[] = {
	    "info",  "connections", "counters", "listeners",    "pools",   "objects",
	    "ports", "workers",     "sources",  "reload-lists", "capture",
	};
	char err[CLI_ERROR_MAX];
	struct cli_args a;

	(void)state;
	assert_false(parse("help", &a, err));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		assert_non_null(strstr(err, commands[i]));
	assert_false(
	    parse("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &a, err));
	assert_non_null(strstr(err, ", capture"));
}

static void test_refusals(void **state)
{
	static const char *const cases[][2] = {
	    {"", "no command"},
	    {"nonsense", "nonsense"},
	    {"-i", "-i"},
	    {"-x info", "-x"},
	    {"--nonsense info", "--nonsense"},
	    {"info --nonsense", "--nonsense"},
	    {"info -x", "-x"},
	    {"info extra", "extra"},
	    {"listeners web", "web"},
	    {"pools -i", "-i"},
	    {"listeners --watch 1", "-w"},
	    {"listeners --linux", "-l"},
	    {"counters --watch", "--watch"},
	    {"counters --watch 0", "--watch 0"},
	    {"counters --watch -1", "--watch -1"},
	    {"counters --watch nan", "nan"},
	    {"counters --watch 1s", "1s"},
	    {"counters --watch 1 --json", "--json"},
	    {"counters --count 3", "--watch"},
	    {"counters --count 0 --watch 1", "--count 0"},
	    {"counters --worker x", "--worker x"},
	    {"counters --worker 64", "0 to 63"},
	    {"counters --explain --json", "--json"},
	    {"connections sport http", "http"},
	    {"connections -a", "-a"},
	};
	char err[CLI_ERROR_MAX];
	struct cli_args a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse(cases[i][0], &a, err))
			fail_msg("\"%s\" was taken", cases[i][0]);
		assert_null(strchr(err, '\n'));
		if (!strstr(err, cases[i][1]))
			fail_msg("\"%s\": \"%s\" does not name %s", cases[i][0], err, cases[i][1]);
	}
}

static void test_filter_length(void **state)
{
	char long_word[FILTER_TEXT_MAX + 10], err[CLI_ERROR_MAX];
	char *argv[] = {"terminusctl", "connections", long_word, NULL};
	struct cli_args a;

	(void)state;
	memset(long_word, 'x', sizeof(long_word));
	long_word[sizeof(long_word) - 1] = '\0';
	assert_false(cli_parse(3, argv, &a, err));
	assert_non_null(strstr(err, "longer"));
}

/* What a printing function prints, given JSON. */
typedef void (*print_fn)(FILE *out, const json_t *json);

static void assert_prints(print_fn print, const char *json, const char *want)
{
	json_t *value = json_loads(json, 0, NULL);
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(value);
	print(out, value);
	fclose(out);
	json_decref(value);
	assert_string_equal(text, want);
	free(text);
}

static void print_connections(FILE *out, const json_t *rows)
{
	const json_t *row;
	struct table t;
	size_t i;

	show_connections_start(&t, out);
	json_array_foreach(rows, i, row) show_connection(&t, row, false);
	table_end(&t);
}

static void print_internal(FILE *out, const json_t *rows)
{
	struct table t;

	show_connections_start(&t, out);
	show_connection(&t, json_array_get(rows, 0), true);
	table_end(&t);
}

#define ESTABLISHED                                                                                \
	"{\"state\": \"ESTABLISHED\", \"recv_q\": 0, \"send_q\": 1448,"                            \
	" \"local\": \"192.0.2.1:80\", \"remote\": \"198.51.100.7:40000\","                        \
	" \"timer\": \"on\", \"timer_ms\": 204, \"retries\": 2, \"listener\": \"web\","            \
	" \"pool\": \"\", \"backend\": \"\", \"worker\": 1, \"timestamps\": 1, \"sack\": 1,"       \
	" \"wscale\": 1, \"snd_wscale\": 7, \"rcv_wscale\": 3, \"mss\": 1448, \"rto_us\": 204000," \
	" \"srtt_us\": 1250, \"rttvar_us\": 500, \"cwnd\": 14480, \"ssthresh\": 4294967295,"       \
	" \"snd_wnd\": 65536, \"age_ms\": 83000, \"idle_ms\": 12}"

static void test_connections(void **state)
{
	(void)state;
	assert_prints(
	    print_connections,
	    "[{\"name\": \"web\", \"state\": \"LISTEN\", \"local\": \"0.0.0.0:80\","
	    " \"remote\": \"*:*\", \"recv_q\": 1, \"send_q\": 4096}, " ESTABLISHED
	    ", {\"state\": \"TIME_WAIT\", \"local\": \"[2001:db8::2]:1024\","
	    " \"remote\": \"[2001:db8::11]:80\", \"timer\": \"timewait\", \"timer_ms\": 59000,"
	    " \"pool\": \"web\", \"backend\": \"b1\"}]",
	    "State      Recv-Q  Send-Q  Local Address:Port  Peer Address:Port   Owner           "
	    "Timer\n"
	    "LISTEN          1    4096  0.0.0.0:80          *:*                 listener:web\n"
	    "ESTAB           0    1448  192.0.2.1:80        198.51.100.7:40000  listener:web    "
	    "timer:(on,204ms,2)\n"
	    "TIME-WAIT       0       0  [2001:db8::2]:1024  [2001:db8::11]:80   backend:web/b1  "
	    "timer:(timewait,59sec,0)\n");
}

static void test_internal(void **state)
{
	(void)state;
	assert_prints(
	    print_internal, "[" ESTABLISHED "]",
	    "State  Recv-Q  Send-Q  Local Address:Port  Peer Address:Port   Owner         "
	    "Timer\n"
	    "ESTAB       0    1448  192.0.2.1:80        198.51.100.7:40000  listener:web  "
	    "timer:(on,204ms,2)\n"
	    "\t ts sack wscale:7,3 rto:204 rtt:1.250/0.500 mss:1448 cwnd:10 snd_wnd:65536 "
	    "age:1min23sec lastrcv:12ms worker:1\n");
}

static void test_times(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
	    {0, "0ms"},         {204, "204ms"},       {999, "999ms"},        {1000, "1sec"},
	    {1234, "1.234sec"}, {9999, "9.999sec"},   {12345, "12sec"},      {59999, "59sec"},
	    {60000, "1min"},    {83456, "1min23sec"}, {599999, "9min59sec"}, {7199000, "119min"},
	};
	char buf[SHOW_TIME_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(show_time(buf, cases[i].ms), cases[i].text);
}

static void print_some_counters(FILE *out, const json_t *counters)
{
	char *patterns[] = {"drop_*", "rx_frames"};

	show_counters(out, counters, &(struct show_counters){patterns, 2, false});
}

static void print_all_counters(FILE *out, const json_t *counters)
{
	show_counters(out, counters, &(struct show_counters){.zero = true});
}

static void test_counters(void **state)
{
	static const char counters[] = "{\"rx_frames\": 12345, \"tx_frames\": 5, \"drop_land\": 0,"
				       " \"drop_closed\": 7}";

	(void)state;
	assert_prints(print_some_counters, counters,
		      "Counter      Value\n"
		      "rx_frames    12345\n"
		      "drop_closed      7\n");
	assert_prints(print_all_counters, counters,
		      "Counter      Value\n"
		      "rx_frames    12345\n"
		      "tx_frames        5\n"
		      "drop_land        0\n"
		      "drop_closed      7\n");
	assert_prints(print_some_counters, "{}", "Counter  Value\n");
	assert_prints(print_some_counters, "{\"rx_frames\": 0, \"drop_land\": 0}",
		      "Counter    Value\n"
		      "rx_frames      0\n");
}

static void test_counters_by_name(void **state)
{
	char *fit[] = {"drop_*", "rx_frames"}, *unfit[] = {"drop_*", "nope", "neither"};
	json_t *counters = json_loads("{\"rx_frames\": 1, \"tx_frames\": 5, \"drop_land\": 0,"
				      " \"drop_closed\": 7}",
				      0, NULL);
	json_t *left =
	    json_loads("{\"rx_frames\": 1, \"drop_land\": 0, \"drop_closed\": 7}", 0, NULL);

	(void)state;
	/* One that is zero fits as well. */
	assert_null(unfit_pattern(&(struct show_counters){fit, 2, false}, counters));
	assert_null(unfit_pattern(&(struct show_counters){0}, counters));
	assert_string_equal(unfit_pattern(&(struct show_counters){unfit, 3, true}, counters),
			    "nope");
	keep_counters(counters, &(struct show_counters){0});
	assert_int_equal(json_object_size(counters), 4);
	keep_counters(counters, &(struct show_counters){fit, 2, false});
	assert_true(json_equal(counters, left));
	json_decref(left);
	json_decref(counters);
}

static void test_numbers_have_their_plural(void **state)
{
	(void)state;
	assert_prints(show_info,
		      "{\"program\": \"terminus\", \"version\": \"1\", \"instance\": \"x\","
		      " \"pid\": 7, \"uptime_s\": 3, \"config\": \"c\", \"workers\": 1,"
		      " \"listeners\": 2, \"pools\": 0}",
		      "terminus 1, instance \"x\", pid 7, up 3sec\n"
		      "config c: 1 worker, 2 listeners, 0 pools\n");
	assert_prints(show_lists, "{\"lists\": 1, \"prefixes\": 1}",
		      "1 prefix list, 1 prefix in force\n");
	assert_prints(show_sources,
		      "[{\"source\": \"192.0.2.2\", \"listener\": \"web\", \"connections\": 100,"
		      " \"per_second\": 3, \"refused\": 31}]",
		      "Source     Listener  Connections  Per second  Refused\n"
		      "192.0.2.2  web               100           3       31\n");
	assert_prints(show_lists, "{\"lists\": 0, \"prefixes\": 2}",
		      "0 prefix lists, 2 prefixes in force\n");
}

static void print_rates(FILE *out, const json_t *pair)
{
	show_rates(out, json_array_get(pair, 0), json_array_get(pair, 1), 2.0,
		   &(struct show_counters){0});
}

static void test_rates(void **state)
{
	(void)state;
	assert_prints(print_rates,
		      "[{\"rx_frames\": 100, \"tx_frames\": 5}, {\"rx_frames\": 350, "
		      "\"tx_frames\": 5}]",
		      "Counter    Value  Added  Per second\n"
		      "rx_frames    350    250       125.0\n");
}

static void test_explanations(void **state)
{
	char *patterns[] = {"*"}, *text;
	json_t *texts = explanations();
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	show_explanations(out, texts, &(struct show_counters){patterns, 1, true});
	fclose(out);
	json_decref(texts);
	for (uint32_t i = 0; i < STAT_COUNT; i++) {
		char line[128];

		snprintf(line, sizeof(line), "\n%s ", stat_name(i));
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, stat_text(i)));
	}
	free(text);
}

/* The manual lists every counter there is, and no other. */
static void test_manual(void **state)
{
	FILE *manual = fopen("docs/operations.md", "r");
	char line[512], row[512];
	uint32_t next = 0;
	bool table = false;

	(void)state;
	assert_non_null(manual);
	while (fgets(line, sizeof(line), manual)) {
		table |= strcmp(line, "| counter | counts |\n") == 0;
		if (!table || strncmp(line, "| `", 3) != 0)
			continue;
		assert_true(next < STAT_COUNT);
		snprintf(row, sizeof(row), "| `%s` | %s |\n", stat_name(next), stat_text(next));
		assert_string_equal(line, row);
		next++;
	}
	assert_int_equal(next, STAT_COUNT);
	fclose(manual);
}

static void test_pools(void **state)
{
	json_t *rows = json_loads(
	    "[{\"pool\": \"web\", \"backend\": \"b1\", \"address\": \"192.0.2.11:80\","
	    " \"active\": 3, \"total\": 10, \"failed\": 1, \"free_ports\": 64500, \"ports\": 64512,"
	    " \"pool_sessions\": 5, \"pool_limit\": 100},"
	    " {\"pool\": \"web\", \"backend\": \"b2\", \"pool_sessions\": 5, \"pool_limit\": 100},"
	    " {\"pool\": \"api\", \"backend\": \"b1\", \"pool_sessions\": 0, \"pool_limit\": 0}]",
	    0, NULL);
	json_t *pools = group_pools(rows);
	char *dumped;

	(void)state;
	assert_int_equal(json_array_size(pools), 2);
	assert_int_equal(json_array_size(json_object_get(json_array_get(pools, 0), "backends")), 2);
	dumped = json_dumps(pools, 0);
	assert_prints(show_pools, dumped,
		      "Pool  Sessions  Limit  Backend  Address:Port   Active  Total  Failed  "
		      "Free ports  Ports\n"
		      "web          5    100  b1       192.0.2.11:80       3     10       1  "
		      "     64500  64512\n"
		      "web          5    100  b2                           0      0       0  "
		      "         0      0\n"
		      "api          0      -  b1                           0      0       0  "
		      "         0      0\n");
	free(dumped);
	json_decref(pools);
	json_decref(rows);
}

static void print_listeners(FILE *out, const json_t *rows)
{
	show_listeners(out, rows, true);
}

static void test_listeners(void **state)
{
	(void)state;
	assert_prints(
	    print_listeners,
	    "[{\"name\": \"web\", \"local\": \"192.0.2.1:80\", \"service\": \"http\","
	    " \"recv_q\": 1, \"send_q\": 4096, \"half_open\": 300, \"half_open_limit\": 65536,"
	    " \"connections\": 5, \"reserve\": 100,"
	    " \"cookies\": 1, \"accepted\": 7, \"overflows\": 2, \"drops\": 3,"
	    " \"cookies_sent\": 9, \"cookies_received\": 8, \"cookies_failed\": 4,"
	    " \"time_wait_overflows\": 6}]",
	    "Listener  Local Address:Port  Service  Pool  Accept-Q  Backlog  Half-open  Limit  "
	    "Cookies  Connections  Max  Reserve  Accepted  Overflows  Drops  Refused\n"
	    "web       192.0.2.1:80        http     -            1     4096        300  65536  "
	    "yes                5    -      100         7          2      3        0\n"
	    "\tListenOverflows:2 ListenDrops:3 SyncookiesSent:9 SyncookiesRecv:8 "
	    "SyncookiesFailed:4 TCPReqQFullDoCookies:9 TCPTimeWaitOverflow:6\n");
}

static void print_linux(FILE *out, const json_t *counters)
{
	json_t *sums = linux_counters(json_deep_copy(counters));

	show_linux_counters(out, sums, &(struct show_counters){0});
	json_decref(sums);
}

static void test_linux_counters(void **state)
{
	json_t *texts = linux_explanations();

	(void)state;
	assert_prints(print_linux,
		      "{\"drop_listen_overflow\": 3, \"drop_no_half_open\": 4, \"rx_frames\": 99,"
		      " \"syncookies_failed\": 1, \"syncookies_stale\": 2}",
		      "#terminus\n"
		      "TcpExtSyncookiesFailed          3                  0.0\n"
		      "TcpExtListenOverflows           3                  0.0\n"
		      "TcpExtListenDrops               7                  0.0\n"
		      "TcpExtTCPReqQFullDrop           4                  0.0\n");
	assert_string_equal(json_string_value(json_object_get(texts, "TcpExtSyncookiesFailed")),
			    "syncookies_failed + syncookies_stale + syncookies_early");
	json_decref(texts);
}

#define PORT_ROW "{\"name\": \"p\", \"link\": \"up\", \"device\": \"d\""
#define PORT_HEAD                                                                                  \
	"Port  Link  MAC  MTU  Queues  RSS  RX frames  TX frames  Missed  RX errors  TX errors  "  \
	"Device\n"                                                                                 \
	"p     up           0       0  no           0          0       0          0          0  "  \
	"d\n"

static void test_ports(void **state)
{
	(void)state;
	assert_prints(show_ports, "[" PORT_ROW "}]", PORT_HEAD);
	assert_prints(show_ports, "[" PORT_ROW ", \"record\": \"x.pcapng\", \"recorded\": 7}]",
		      PORT_HEAD "\trecorded to x.pcapng: 7\n");
	assert_prints(show_ports,
		      "[" PORT_ROW ", \"record\": \"x.pcapng\", \"recorded\": 7, "
		      "\"record_missed\": 2, \"record_error\": \"No space left on device\"}]",
		      PORT_HEAD "\trecording to x.pcapng has stopped: No space left on device: "
				"7 in it, 2 missed\n");
}

static void test_workers(void **state)
{
	(void)state;
	assert_prints(
	    show_workers,
	    "[{\"worker\": 0, \"cpu\": 3, \"cpu_use\": \"shared\", "
	    "\"busy_us\": 250, \"idle_us\": 750, \"turns\": 1200, "
	    "\"turn_ns_p50\": 1234, \"turn_ns_p99\": 20000, \"turn_ns_p99_9\": 31000, "
	    "\"turn_ns_max\": 1500060}, {\"worker\": 1}]",
	    "Worker  CPU  CPU use  Busy %  Turns  p50 us  p99 us  p99.9 us  Max us\n"
	    "     0    3  shared     25.0   1200     1.2    20.0      31.0  1500.1\n"
	    "     1    -              0.0      0     0.0     0.0       0.0     0.0\n");
}

static void test_objects(void **state)
{
	(void)state;
	assert_prints(show_objects,
		      "{\"connections\": {\"used\": 25, \"limit\": 1000},"
		      " \"buffers\": {\"used\": 0, \"limit\": 0}}",
		      "Object       Used  Limit  Used %\n"
		      "connections    25   1000     2.5\n"
		      "buffers         0      0     0.0\n");
}

static void test_answers_of_other_shapes(void **state)
{
	static const char *const values[] = {"[]", "{}", "[1, null, \"x\", [], {}]",
					     "{\"a\": [], \"b\": {\"used\": \"x\"}}"};
	static const print_fn printers[] = {
	    print_connections, print_internal, print_listeners, show_pools,         show_objects,
	    show_ports,        show_workers,   show_info,       print_all_counters, print_linux};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		for (size_t k = 0; k < ARRAY_SIZE(printers); k++) {
			json_t *value = json_loads(values[i], 0, NULL), *grouped;
			FILE *out = fopen("/dev/null", "w");

			printers[k](out, value);
			grouped = group_pools(value);
			json_decref(grouped);
			json_decref(value);
			fclose(out);
		}
}

static void print_many(FILE *out, const json_t *unused UNUSED)
{
	static const struct table_column columns[] = {{"A", false}, {"B", true}};
	struct table t;

	table_start(&t, out, columns, 2);
	for (int i = 0; i < TABLE_ROWS_HELD + 1; i++) {
		table_cell(&t, "%s", i == TABLE_ROWS_HELD ? "wider than all before" : "a");
		table_cell(&t, "%d", i);
	}
	table_end(&t);
}

static void test_long_table_flows(void **state)
{
	size_t size;
	char *text, *last;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	print_many(out, NULL);
	fclose(out);
	assert_true(strncmp(text, "A    B\na    0\n", 14) == 0);
	last = strstr(text, "wider");
	assert_string_equal(last, "wider than all before  512\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_filter_words),
	    cmocka_unit_test(test_unknown_command),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_filter_length),
	    cmocka_unit_test(test_connections),
	    cmocka_unit_test(test_internal),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_counters),
	    cmocka_unit_test(test_counters_by_name),
	    cmocka_unit_test(test_numbers_have_their_plural),
	    cmocka_unit_test(test_rates),
	    cmocka_unit_test(test_explanations),
	    cmocka_unit_test(test_manual),
	    cmocka_unit_test(test_pools),
	    cmocka_unit_test(test_listeners),
	    cmocka_unit_test(test_linux_counters),
	    cmocka_unit_test(test_ports),
	    cmocka_unit_test(test_workers),
	    cmocka_unit_test(test_objects),
	    cmocka_unit_test(test_answers_of_other_shapes),
	    cmocka_unit_test(test_long_table_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
