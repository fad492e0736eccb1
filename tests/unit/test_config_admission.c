/* SPDX-License-Identifier: BSD-3-Clause */
/* The loader again: who may connect where, and what those get that may not. Runs in the top
 * directory of the sources; what it refuses is in test_config.c's corpus. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/run/prefix_bag.h"
#include "tests/unit/config_text.h"

static void test_refusal_is_a_reset_by_default(void **state)
{
	struct conf *c =
	    parse(PORT "listeners: [{name: a, address: '192.0.2.1:7', service: echo}]\n");

	(void)state;
	assert_int_equal(c->addrs[0].refuse, CONF_REFUSE_RESET);
	assert_int_equal(c->addrs[1].refuse, CONF_REFUSE_RESET);
	assert_int_equal(c->listeners[0].refuse, CONF_REFUSE_AS_ADDRESS);
	config_free(c);
}

static void test_refusal_of_addresses_and_listeners(void **state)
{
	struct conf *c =
	    parse("ports:\n"
		  "- name: front\n"
		  "  device: net_null0\n"
		  "  addresses:\n"
		  "  - {address: 192.0.2.1/24, refuse: drop}\n"
		  "  - 192.0.2.2/24\n"
		  "  - {refuse: unreachable, address: '2001:db8:1::1/64'}\n"
		  "  vlans: [{id: 5, addresses: [{address: 198.51.100.1/24}]}]\n"
		  "listeners:\n"
		  "- {name: a, address: '*:7', service: echo, refuse: unreachable}\n"
		  "- {name: b, address: '192.0.2.1:8', service: echo, refuse: reset}\n");

	(void)state;
	assert_int_equal(c->nb_addrs, 4);
	assert_int_equal(c->addrs[0].refuse, CONF_REFUSE_DROP);
	assert_int_equal(c->addrs[0].prefix_len, 24);
	assert_int_equal(c->addrs[1].refuse, CONF_REFUSE_RESET);
	assert_int_equal(c->addrs[2].refuse, CONF_REFUSE_UNREACHABLE);
	assert_int_equal(c->addrs[2].addr.family, IP_V6);
	assert_int_equal(c->addrs[3].refuse, CONF_REFUSE_RESET);
	assert_int_equal(c->addrs[3].iface, 1);
	assert_int_equal(c->nb_listeners, 3);
	assert_int_equal(c->listeners[0].refuse, CONF_REFUSE_UNREACHABLE);
	assert_int_equal(c->listeners[1].refuse, CONF_REFUSE_UNREACHABLE);
	assert_int_equal(c->listeners[2].refuse, CONF_REFUSE_RESET);
	config_free(c);
}

static bool refuses(const struct conf *c, uint16_t listener, const char *text)
{
	struct ipaddr a = {.family = strchr(text, ':') ? IP_V6 : IP_V4};

	assert_int_equal(inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, text, a.bytes), 1);
	return prefix_table_refuses(c->prefixes->of_listener[listener], a.family, a.bytes);
}

static void test_no_lists(void **state)
{
	struct conf *c =
	    parse(PORT "listeners: [{name: a, address: '192.0.2.1:7', service: echo}]\n"
		       "prefix_lists: [{name: unused, prefixes: [10.0.0.0/8]}]\n");

	(void)state;
	assert_int_equal(c->prefixes->nb_listeners, 1);
	assert_null(c->prefixes->of_listener[0]);
	assert_int_equal(c->prefixes->nb_lists, 1);
	config_free(c);
}

static void test_lists(void **state)
{
	struct conf *c = parse(
	    PORT
	    "prefix_lists:\n"
	    "- {name: bad, prefixes: [203.0.113.0/24], file: tests/unit/lists/bad.txt}\n"
	    "- {name: office, prefixes: ['2001:db8:1::/48', 203.0.113.64/26, 192.0.2.7]}\n"
	    "listeners:\n"
	    "- {name: a, address: '*:7', service: echo, deny: [bad]}\n"
	    "- {name: b, address: '192.0.2.1:8', service: echo, deny: [bad], allow: [office]}\n"
	    "- {name: c, address: '192.0.2.1:9', service: echo, allow: [office]}\n"
	    "- {name: d, address: '192.0.2.1:10', service: echo}\n"
	    "- {name: e, address: '192.0.2.1:11', service: echo, deny: [office]}\n"
	    "- {name: f, address: '192.0.2.1:12', service: echo, deny: [bad]}\n");
	const struct prefix_table *const *t = c->prefixes->of_listener;

	(void)state;
	assert_int_equal(c->prefixes->nb_listeners, 7);
	assert_int_equal(c->prefixes->nb_lists, 2);
	assert_int_equal(c->prefixes->nb_prefixes, 8);
	assert_true(refuses(c, 0, "203.0.113.65"));
	assert_true(refuses(c, 0, "2001:db8:bad::1"));
	assert_true(refuses(c, 0, "192.0.2.7"));
	assert_true(refuses(c, 0, "2001:db8::7"));
	assert_false(refuses(c, 0, "192.0.2.8"));
	assert_false(refuses(c, 0, "10.1.2.3"));
	assert_false(refuses(c, 0, "2001:db8:1::1"));
	assert_false(refuses(c, 2, "203.0.113.65"));
	assert_true(refuses(c, 2, "203.0.113.1"));
	assert_true(refuses(c, 2, "192.0.2.7")); /* in both */
	assert_true(refuses(c, 2, "8.8.8.8"));   /* in none */
	assert_false(refuses(c, 2, "2001:db8:1::1"));
	assert_false(refuses(c, 3, "192.0.2.7"));
	assert_true(refuses(c, 3, "192.0.2.8"));
	assert_null(t[4]);
	assert_true(refuses(c, 5, "192.0.2.7"));
	/* The same lists are one table. */
	assert_ptr_equal(t[0], t[1]);
	assert_ptr_equal(t[0], t[6]);
	assert_ptr_not_equal(t[0], t[2]);
	config_free(c);
}

static void test_lists_outlive_the_configuration(void **state)
{
	struct conf *c =
	    parse(PORT "prefix_lists: [{name: bad, prefixes: [10.0.0.0/8]}]\n"
		       "listeners: [{name: a, address: '*:7', service: echo, deny: [bad]}]\n");
	struct prefix_set *set = config_take_prefixes(c);

	(void)state;
	assert_null(c->prefixes);
	config_free(c);
	assert_true(
	    prefix_table_refuses(set->of_listener[1], IP_V4, (const uint8_t[]){10, 1, 1, 1}));
	prefix_set_free(set);
}

static void test_limits_of_sources(void **state)
{
	struct conf *c = parse(
	    PORT "listeners:\n"
		 "- {name: a, address: ['192.0.2.1:7', '192.0.2.1:8', '[2001:db8:1::1]:7'], "
		 "service: echo, max_connections_per_source: 100, max_rate_per_source: 1000000, "
		 "source_prefix: {ipv4: 24}}\n"
		 "- {name: b, address: '*:9', service: echo}\n");
	const struct conf_listener *l = c->listeners;

	(void)state;
	assert_int_equal(c->nb_listeners, 5);
	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(l[i].max_connections_per_source, 100);
		assert_int_equal(l[i].max_rate_per_source, 1000000);
		assert_int_equal(l[i].source_prefix_v4, 24);
		assert_int_equal(l[i].source_prefix_v6, 64);
		assert_int_equal(l[i].group, 0);
		assert_true(conf_limits_sources(&l[i]));
	}
	for (uint16_t i = 3; i < 5; i++) {
		assert_false(conf_limits_sources(&l[i]));
		assert_int_equal(l[i].source_prefix_v4, 32);
		assert_int_equal(l[i].group, 3);
	}
	assert_int_equal(conf_sources(c), 65536);
	c->memory.sources = 1000;
	assert_int_equal(conf_sources(c), 1000);
	config_free(c);
	c = parse("memory: {sources: 1000}\n" PORT
		  "listeners: [{name: b, address: '*:9', service: echo}]\n");
	assert_int_equal(conf_sources(c), 0);
	config_free(c);
}

/* ---- texts of prefixes ---- */

static int read_text(const char *text, uint32_t max, uint32_t *count, char *why)
{
	struct prefix_bag bag = {0};
	int line = prefix_bag_read(&bag, text, strlen(text), max, why);

	*count = bag.count;
	prefix_bag_free(&bag);
	return line;
}

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		int line;
		uint32_t count;
		const char *why;
	} cases[] = {
	    {"", 0, 0, ""},
	    {"\n\n\n", 0, 0, ""},
	    {"# nothing", 0, 0, ""},
	    {"#\n10.0.0.0/8#\n\t ::/0 \r\n1.2.3.4", 0, 3, ""},
	    {"0.0.0.0/0\n", 0, 1, ""},
	    {"10.0.0.0/8\n10.0.0.0/8\n", 0, 2, ""},
	    {"10.0.0.0/8\n\n10/8\n", 3, 1, "\"10/8\" is not a prefix"},
	    {"10.0.0.0/\n", 1, 0, "not a prefix"},
	    {"10.0.0.0/08000000\n", 1, 0, "not a prefix"},
	    {"10.0.0.0/-1\n", 1, 0, "not a prefix"},
	    {"/8\n", 1, 0, "not a prefix"},
	    {"10.0.0.0 /8\n", 1, 0, "not a prefix"},
	    {"example.com\n", 1, 0, "not a prefix"},
	    {"::/129\n", 1, 0, "not a prefix"},
	    {"10.0.0.1/31\n", 1, 0, "write 10.0.0.0/31"},
	    /* What is no UTF-8 would make no message: JSON takes none of it. */
	    {"a\xff\xfe\n", 1, 0, "\"a??\" is not a prefix"},
	    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n", 1, 0,
	     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\" is"},
	    {"\xc3(\xe2\x82(\xf0\x9f\x98\n", 1, 0, "\"?(?\?(???\" is not a prefix"},
	    {"\xc0\xaf\xe0\x80\xaf\xed\xa0\x80\xf5\x80\x80\x80\n", 1, 0, "\"????????????\" is"},
	    {"1.1.1.1\n1.1.1.2\n1.1.1.3\n1.1.1.4\n1.1.1.5\n", 5, 4, "one too many"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[PREFIX_LINE_ERROR_MAX] = "";
		uint32_t count;

		assert_int_equal(read_text(cases[i].text, 4, &count, why), cases[i].line);
		assert_int_equal(count, cases[i].count);
		assert_non_null(strstr(why, cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refusal_is_a_reset_by_default),
	    cmocka_unit_test(test_refusal_of_addresses_and_listeners),
	    cmocka_unit_test(test_no_lists),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_lists_outlive_the_configuration),
	    cmocka_unit_test(test_limits_of_sources),
	    cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests_name("config_admission", tests, NULL, NULL);
}
