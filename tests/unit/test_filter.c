/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter language of connection listings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "engine/run/filter.h"
#include "tests/lib/testconf.h"

static struct filter parse(const char *text)
{
	char err[FILTER_ERROR_MAX] = "";
	struct filter f;

	if (!filter_parse(&f, text, err))
		fail_msg("\"%s\": %s", text, err);
	return f;
}

static void assert_refused(const char *text, const char *word)
{
	char err[FILTER_ERROR_MAX] = "";
	struct filter f;

	if (filter_parse(&f, text, err))
		fail_msg("\"%s\" was taken", text);
	assert_null(strchr(err, '\n'));
	if (!strstr(err, word))
		fail_msg("\"%s\": \"%s\" does not name %s", text, err, word);
}

static bool passes(const char *text, enum tcp_state state, const char *local, const char *remote)
{
	struct filter f = parse(text);
	struct conn_info c = {.state = (uint8_t)state, .listener = 3, .pool = CONF_NONE};

	assert_true(filter_endpoint(local, &c.local, &c.lport_be));
	assert_true(filter_endpoint(remote, &c.remote, &c.rport_be));
	return info_filter_matches(&f.match, &c);
}

struct match_case {
	const char *filter;
	bool passes; /* ESTABLISHED 192.0.2.1:80 - 198.51.100.7:40000 */
};

static void test_conditions(void **state)
{
	static const struct match_case cases[] = {
	    {"", true},
	    {"   ", true},
	    {"state established", true},
	    {"STATE Established", true},
	    {"state time-wait", false},
	    {"state time-wait state established", true},
	    {"exclude established", false},
	    {"exclude state established", false},
	    {"exclude time-wait", true},
	    {"state connected", true},
	    {"state synchronized", true},
	    {"state bucket", false},
	    {"state big", true},
	    {"state listening", false},
	    {"state all exclude connected", false},
	    {"sport :80", true},
	    {"sport 80", true},
	    {"sport = :80", true},
	    {"sport eq 80", true},
	    {"sport != :80", false},
	    {"sport ne :443", true},
	    {"sport < :80", false},
	    {"sport <= :80", true},
	    {"sport > :79", true},
	    {"sport > :80", false},
	    {"sport > :65535", false},
	    {"sport < :0", false},
	    {"sport >= :0", true},
	    {"sport <= :65535", true},
	    {"sport >= :80 and sport < :81", true},
	    {"sport >= :81 and sport < :90", false},
	    {"sport > :90 and sport < :70", false},
	    {"dport :40000", true},
	    {"dport gt :32768", true},
	    {"src 192.0.2.1", true},
	    {"src 192.0.2.2", false},
	    {"src 192.0.2.0/24", true},
	    {"src 192.0.3.0/23", true},
	    {"src 192.0.3.0/24", false},
	    {"src 0.0.0.0/0", true},
	    {"src 192.0.2.1:80", true},
	    {"src 192.0.2.1:81", false},
	    {"src :80", true},
	    {"src *:80", true},
	    {"src 2001:db8::1", false},
	    {"src ::/0", false},
	    {"dst 198.51.100.0/24:40000", true},
	    {"dst 198.51.100.7 and sport = :80", true},
	    {"dst 198.51.100.7 && sport = :81", false},
	    {"src 192.0.2.1 dst 198.51.100.7 sport :80 dport :40000 state established", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (passes(cases[i].filter, TCP_ESTABLISHED, "192.0.2.1:80",
			   "198.51.100.7:40000") != cases[i].passes)
			fail_msg("\"%s\"", cases[i].filter);
}

static void test_ipv6_addresses(void **state)
{
	static const struct match_case cases[] = {
	    {"src 2001:db8::1", true},         {"src [2001:db8::1]", true},
	    {"src [2001:db8::1]:80", true},    {"src [2001:db8::1]:81", false},
	    {"src 2001:db8::/32", true},       {"src [2001:db8::]/32:80", true},
	    {"src [2001:db8::]/32:81", false}, {"src ::/0", true},
	    {"src 2001:db9::/32", false},      {"src 192.0.2.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (passes(cases[i].filter, TCP_SYN_RECEIVED, "[2001:db8::1]:80",
			   "[2001:db8::2]:40000") != cases[i].passes)
			fail_msg("\"%s\"", cases[i].filter);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *filter, *word;
	} cases[] = {
	    {"state", "state"},
	    {"state open", "open"},
	    {"exclude", "state"},
	    {"sport", "sport"},
	    {"sport =", "sport = :80"},
	    {"sport http", "http"},
	    {"sport :65536", "65536"},
	    {"sport :-1", "-1"},
	    {"sport : 80", "port"},
	    {"sport != 80 sport != 81", "one !="},
	    {"src", "src"},
	    {"src 300.0.0.1", "300.0.0.1"},
	    {"src 192.0.2.1/33", "0 to 32"},
	    {"src 192.0.2.1/", "0 to 32"},
	    {"src 2001:db8::/129", "0 to 128"},
	    {"src [2001:db8::1", "[2001:db8::1"},
	    {"src [2001:db8::1]:http", "http"},
	    {"src 192.0.2.1 src 192.0.2.2", "one src"},
	    {"src", "address"},
	    {"established", "established"},
	    {"sport :80 or sport :81", "or"},
	    {"not sport :80", "not"},
	    {"( sport :80 )", "("},
	    {"listener", "listener"},
	    {"pool a-name-that-is-longer-than-any-name-of-a-pool", "31"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i].filter, cases[i].word);
}

static void test_long_input(void **state)
{
	char text[2 * FILTER_TEXT_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_refused(text, "longer");
	text[FILTER_TEXT_MAX] = '\0';
	assert_refused(text, "xxx");
	memcpy(text, "src ", 4);
	assert_refused(text, "address");
}

static void test_names(void **state)
{
	char err[FILTER_ERROR_MAX];
	struct testconf tc;
	struct filter f;
	uint16_t local;

	(void)state;
	testconf_init(&tc);
	testconf_port(&tc, 1500);
	testconf_iface(&tc, 0, 0);
	local = testconf_addr(&tc, "192.0.2.1", 24, 0);
	for (uint16_t port = 1; port <= 4; port++)
		testconf_listener(&tc, local, port, CONF_SERVICE_ECHO, CONF_NONE);
	testconf_pool(&tc, local);
	memcpy(tc.listeners[1].name, "web", 4);
	memcpy(tc.listeners[2].name, "web", 4);
	f = parse("listener web pool pool0");
	assert_true(filter_bind(&f, &tc.conf, err));
	assert_int_equal(f.match.listener_first, 1);
	assert_int_equal(f.match.listener_last, 2);
	assert_int_equal(f.match.pool, 0);
	f = parse("listener nobody");
	assert_false(filter_bind(&f, &tc.conf, err));
	assert_non_null(strstr(err, "nobody"));
	f = parse("pool nobody");
	assert_false(filter_bind(&f, &tc.conf, err));
	assert_non_null(strstr(err, "nobody"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_conditions), cmocka_unit_test(test_ipv6_addresses),
	    cmocka_unit_test(test_refusals),   cmocka_unit_test(test_long_input),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
