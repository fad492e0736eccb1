/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator's configuration: what a good one becomes, which message each bad
 * one gets, and that the files in bench/tgen/examples and docs/tgen.md are right.
 * Runs in the top directory of the sources.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/tgen/load.h"
#include "bench/tgen/plan.h"

#define EXAMPLES "bench/tgen/examples"
#define DOCS     "docs/tgen.md"

#define PORT "ports: [{name: p, device: net_null0, addresses: [198.18.0.2/15, '2001:db8::2/64']}]\n"
#define LOAD "load:\n mode: visit\n target: 198.18.0.1:80\n clients: [198.19.0.0/16]\n"

static struct plan *parse(const char *text)
{
	struct config_error err;
	struct plan *plan = plan_parse("t", text, strlen(text), &err);

	if (!plan)
		fail_msg("%s\n%s", err.text, text);
	return plan;
}

static void test_defaults(void **state)
{
	struct plan *p = parse(PORT LOAD);

	(void)state;
	assert_int_equal(p->mode, PLAN_VISIT);
	assert_int_equal(p->rate, PLAN_RATE_MAX);
	assert_int_equal(p->duration_us, 10000000);
	assert_int_equal(p->warmup_us, 0);
	assert_int_equal(p->drain_us, 200000);
	assert_int_equal(p->connections, 0);
	assert_int_equal(p->concurrency, 512);
	assert_int_equal(p->port_min, 1024);
	assert_int_equal(p->port_max, 65535);
	assert_int_equal(p->nets[0].count, 65534);
	assert_int_equal(p->options.mss, 1460);
	assert_int_equal(p->options.wscale, 7);
	assert_true(p->options.sack && p->options.timestamps);
	assert_int_equal(p->retries, 5);
	assert_int_equal(p->seed, 1);
	assert_false(p->verify || p->has_mac || p->ramp.on || p->search.on);
	assert_non_null(strstr((char *)p->request, "Connection: close\r\n\r\n"));
	assert_string_equal(p->conf->instance, "tgen");
	assert_int_equal(p->conf->nb_workers, 1);
	assert_int_equal(p->local, 0);
	assert_true(ipaddr_equal(&p->via, &p->target));
	plan_free(p);
}

static void test_values(void **state)
{
	struct plan *p;

	(void)state;
	p = parse(PORT
		  "load:\n mode: client\n target: '[2001:db8:9::1]:8080'\n"
		  " mac: 02:aB:00:00:00:01\n clients: ['2001:db8:1::/64', '2001:db8:2::7']\n"
		  " client_ports: {min: 5, max: 6}\n rate: 2.5M\n duration: 3s\n warmup: 10ms\n"
		  " connections: 1k\n concurrency: 1000\n request: \"a\\r\\n\"\n requests: 3\n"
		  " response_bytes: 64K\n close: reset\n think: 5ms\n retries: 2\n seed: 9\n"
		  " options: {mss: 1000, wscale: 0, sack: no, timestamps: no}\n verify: yes\n");
	assert_int_equal(p->target.family, IP_V6);
	assert_int_equal(p->target_port_be, __builtin_bswap16(8080));
	assert_memory_equal(p->mac, "\x02\xab\0\0\0\1", 6);
	assert_int_equal(p->nets[0].count, PLAN_HOSTS_MAX);
	assert_int_equal(p->nets[1].count, 1);
	assert_int_equal(p->rate, 2500000);
	assert_int_equal(p->connections, 1000);
	assert_int_equal(p->request_len, 3);
	assert_int_equal(p->response_bytes, 65536);
	assert_int_equal(p->close, PLAN_CLOSE_RESET);
	assert_int_equal(p->think_us, 5000);
	plan_free(p);
	p = parse(PORT LOAD " ramp: {from: 100k, to: 2M, steps: 20, hold: 2s}\n"
			    " request_bytes: 700\n");
	assert_true(p->ramp.on);
	assert_int_equal(p->ramp.from, 100000);
	assert_int_equal(p->ramp.to, 2000000);
	assert_int_equal(p->ramp.steps, 20);
	assert_int_equal(p->ramp.hold_us, 2000000);
	assert_int_equal(p->request_len, 700);
	assert_int_equal(p->concurrency, 0);
	plan_free(p);
	p = parse(PORT LOAD " search: {from: 1k, to: 1M, loss: 0.5%}\n via: 198.18.0.9\n");
	assert_true(p->search.on);
	assert_int_equal(p->search.loss_ppm, 5000);
	assert_int_equal(p->search.precision_ppm, 20000);
	assert_int_equal(p->via.bytes[3], 9);
	plan_free(p);
}

/* What is put behind a good plan, and the message that comes of it. */
static const struct {
	const char *text, *message;
} wrong[] = {
    /* clang-format off */
    {"", "t: is empty"},
    {"load: {}\n", "t:1: key \"ports\" is missing"},
    {PORT, "t:1: key \"load\" is missing: add load: {target"},
    {PORT "listeners: []\n" LOAD, "t:2: unknown key \"listeners\""},
    {PORT "load: 5\n", "t:2: load: must be a section"},
    {PORT "load: {mode: visit}\n", "t:2: load: key \"target\" is missing"},
    {PORT "load: {target: '198.18.0.1:80', clients: [198.19.0.0/16]}\n", "t:2: load: key \"mode\" is missing"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80'}\n", "t:2: load: key \"clients\" is missing"},
    {PORT "load: {mode: visits, target: '198.18.0.1:80'}\n", "t:2: load.mode: \"visits\" is not known: write one of syn, "},
    {PORT "load: {mode: visit, target: '198.18.0.1'}\n", "load.target: \"198.18.0.1\" is not a server's address: write IPV4:PORT"},
    {PORT "load: {mode: visit, target: '224.0.0.1:80'}\n", "load.target: \"224.0.0.1:80\" is not a server's address"},
    {PORT "load: {mode: visit, target: '*:80'}\n", "load.target: \"*:80\" is not a server's address"},
    {PORT "load: {mode: visit, target: '198.18.0.2:80', clients: [198.19.0.0/16]}\n", "load.target: is the port's own address"},
    {PORT "load: {mode: visit, target: '203.0.113.1:80', clients: [198.19.0.0/16]}\n", "load.target: can't be reached: give the port an address"},
    {PORT "load: {mode: answer, target: '198.18.0.1:80'}\n", "load.target: is not one of the port's addresses"},
    {PORT "load: {mode: answer, target: '198.18.0.2:80', rate: 5}\n", "load.mode: answer starts nothing"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: []}\n", "load.clients: the list is empty"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: [x]}\n", "load.clients[0]: \"x\" is not a network"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: [198.19.0.1/16]}\n", "load.clients[0]: \"198.19.0.1/16\" has bits set"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: [127.0.0.0/8]}\n", "load.clients[0]: \"127.0.0.0/8\" is not a network of hosts"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: ['2001:db8::/64']}\n", "load.clients[0]: is not of the target's family"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: [198.18.0.0/15]}\n", "load.clients[0]: holds the target itself"},
    {PORT "load: {mode: visit, target: '198.18.0.1:80', clients: [198.19.0.0/16, 198.19.1.0/24]}\n", "load.clients[1]: overlaps"},
    {PORT LOAD " mac: 02-00-00-00-00-01\n", "t:6: load.mac: \"02-00-00-00-00-01\" is not a station's MAC"},
    {PORT LOAD " mac: 03:00:00:00:00:01\n", "load.mac: \"03:00:00:00:00:01\" is not a station's MAC"},
    {PORT LOAD " via: 198.18.0\n", "load.via: \"198.18.0\" is not a host's address"},
    {PORT LOAD " via: 2001:db8::9\n", "load.via: is not of the target's family"},
    {PORT LOAD " client_ports: {min: 9, max: 8}\n", "load.client_ports: min 9 is above max 8"},
    {PORT LOAD " client_ports: {min: 0}\n", "load.client_ports.min: \"0\" is out of range"},
    {PORT LOAD " rate: fast\n", "load.rate: \"fast\" is not a number such as"},
    {PORT LOAD " rate: 0\n", "load.rate: \"0\" is out of range"},
    {PORT LOAD " rate: 2000M\n", "load.rate: \"2000M\" is out of range"},
    {PORT LOAD " rate: 0.0001k\n", "load.rate: \"0.0001k\" is not a number"},
    {PORT LOAD " rate: 99999999999999999999999k\n", "load.rate: \"99999999999999999999999k\" is not a number"},
    {PORT LOAD " rate: 1..5k\n", "load.rate: \"1..5k\" is not a number"},
    {PORT LOAD " rate: [1]\n", "load.rate: is a list"},
    {PORT LOAD " duration: 1us\n", "load.duration: \"1us\" is out of range: write 0, or "},
    {PORT LOAD " concurrency: 100M\n", "load.concurrency: \"100M\" is out of range"},
    {PORT LOAD " request: ''\n", "load.request: has 0 bytes"},
    {PORT LOAD " request: a\n request_bytes: 5\n", "load.request_bytes: request is given as well"},
    {PORT LOAD " request_bytes: 1401\n", "load.request_bytes: \"1401\" is out of range"},
    {PORT LOAD " requests: 2\n", "load.mode: only client has requests and close"},
    {PORT LOAD " close: client\n", "load.mode: only client has requests and close"},
    {PORT LOAD " close: never\n", "load.close: \"never\" is not known: write one of server, client, reset"},
    {PORT LOAD " retries: 16\n", "load.retries: \"16\" is out of range"},
    {PORT LOAD " options: {wscale: 15}\n", "load.options.wscale: \"15\" is out of range"},
    {PORT LOAD " ramp: {from: 1}\n", "load.ramp: key \"to\" is missing"},
    {PORT LOAD " ramp: {from: 1, to: 2, steps: 1}\n", "load.ramp.steps: \"1\" is out of range"},
    {PORT LOAD " rate: 5\n ramp: {from: 1, to: 2}\n", "load.rate: can't go with ramp or search"},
    {PORT LOAD " search: {from: 2, to: 1}\n", "load.search: from is above to"},
    {PORT LOAD " search: {from: 1, to: 2}\n ramp: {from: 1, to: 2}\n", "load.search: can't go with ramp"},
    {PORT LOAD " search: {from: 1, to: 2, loss: 5}\n", "load.search.loss: \"5\" is out of range"},
    {PORT LOAD " search: {from: 1, to: 2, precision: 0%}\n", "load.search.precision: \"0%\" is out of range"},
    {PORT "load: {mode: wake, target: '198.18.0.1:80', clients: [198.19.0.0/16]}\n", "load.connections: wake needs to know"},
    {PORT "load: {mode: wake, target: '198.18.0.1:80', clients: [198.19.0.0/16], connections: 5, options: {timestamps: no}}\n", "load.options.timestamps: wake tells"},
    {PORT "load: {mode: open, target: '198.18.0.1:80', clients: [198.19.0.7], connections: 100k}\n", "load.clients: are fewer than"},
    {PORT "load: {mode: client, target: '198.18.0.1:80', clients: [198.19.0.7], concurrency: 40k}\n", "load.clients: are fewer than"},
    {PORT "load: {mode: client, target: '198.18.0.1:80', clients: [198.19.0.7], concurrency: 0}\n", "load.concurrency: client keeps"},
    {PORT "load: {mode: client, target: '198.18.0.1:80', clients: [198.19.0.7], requests: 2}\n", "load.response_bytes: is 0"},
    {"ports: [{name: a, device: net_null0, addresses: [198.18.0.2/15]}, {name: b, device: net_null1, addresses: [192.0.2.1/24]}]\n" LOAD, "ports: the generator has one port"},
    {"ports: [{name: a, device: net_null0, vlans: [{id: 5, addresses: [198.18.0.2/15]}]}]\n" LOAD, "ports: the generator has one port without VLANs"},
    {"memory: {buffers: 512}\n" PORT LOAD, "memory.buffers: 512 packet buffers can't fill the rings"},
    /* clang-format on */
};

static void test_wrong(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct config_error err;
		struct plan *p = plan_parse("t", wrong[i].text, strlen(wrong[i].text), &err);

		if (p)
			fail_msg("taken:\n%s", wrong[i].text);
		if (!strstr(err.text, wrong[i].message))
			fail_msg("\"%s\" is not in \"%s\" for\n%s", wrong[i].message, err.text,
				 wrong[i].text);
		assert_null(strchr(err.text, '\n'));
	}
}

/* Each example is right, and makes a load. */
static void test_examples(void **state)
{
	DIR *dir = opendir(EXAMPLES);
	struct dirent *d;
	unsigned n = 0;

	(void)state;
	assert_non_null(dir);
	while ((d = readdir(dir))) {
		char path[512];
		struct config_error err;
		struct plan *p;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), EXAMPLES "/%s", d->d_name);
		p = plan_load(path, &err);
		if (!p)
			fail_msg("%s", err.text);
		plan_free(p);
		n++;
	}
	closedir(dir);
	assert_true(n >= 4);
}

/* Every key, mode and counter is explained. */
static void test_documented(void **state)
{
	static const char *const keys[] = {
	    "target",       "mac",           "via",         "clients",
	    "client_ports", "mode",          "rate",        "duration",
	    "warmup",       "drain",         "connections", "concurrency",
	    "request",      "request_bytes", "response",    "response_bytes",
	    "requests",     "close",         "think",       "retries",
	    "seed",         "options",       "verify",      "ramp",
	    "search",       "mss",           "wscale",      "sack",
	    "timestamps",   "steps",         "hold",        "loss",
	    "precision",
	};
	static char text[65536];
	char wanted[64];
	FILE *f = fopen(DOCS, "r");

	(void)state;
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(wanted, sizeof(wanted), "`%s`", keys[i]);
		if (!strstr(text, wanted))
			fail_msg("%s does not explain the key %s", DOCS, keys[i]);
	}
	for (int m = 0; m < PLAN_MODES; m++) {
		snprintf(wanted, sizeof(wanted), "`%s`", plan_mode_name(m));
		if (!strstr(text, wanted))
			fail_msg("%s does not explain the mode %s", DOCS, wanted);
	}
	for (int i = 0; i < TALLY_cycles; i++) {
		snprintf(wanted, sizeof(wanted), "`%s`", tally_name(i));
		if (!strstr(text, wanted))
			fail_msg("%s does not explain the count %s", DOCS, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),   cmocka_unit_test(test_values),
	    cmocka_unit_test(test_wrong),      cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
