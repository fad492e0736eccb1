/* SPDX-License-Identifier: BSD-3-Clause */
/* The loader again: who may connect where, and what those get that may not. Runs in the top
 * directory of the sources; what it refuses is in test_config.c's corpus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/run/config.h"

#define PORTS                                                                                      \
	"ports:\n"                                                                                 \
	"- {name: front, device: net_null0, addresses: [192.0.2.1/24, '2001:db8:1::1/64']}\n"

static struct conf *parse(const char *text)
{
	struct config_error err;
	struct conf *conf = config_parse("test", text, strlen(text), &err);

	if (!conf)
		fail_msg("%s\n%s", err.text, text);
	return conf;
}

static void test_refusal_is_a_reset_by_default(void **state)
{
	struct conf *c =
	    parse(PORTS "listeners: [{name: a, address: '192.0.2.1:7', service: echo}]\n");

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refusal_is_a_reset_by_default),
	    cmocka_unit_test(test_refusal_of_addresses_and_listeners),
	};

	return cmocka_run_group_tests_name("config_admission", tests, NULL, NULL);
}
