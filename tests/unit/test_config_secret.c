/* SPDX-License-Identifier: BSD-3-Clause */
/* The file with the secret that machines share: what it may look like, and who may read it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config_text.h"

#define CONFIG_TEXT                                                                                \
	"ports: [{name: a, device: x, addresses: [192.0.2.1/24]}]\n"                               \
	"listeners: [{name: b, address: '192.0.2.1:7', service: echo}]\n"

#define SECRET_HEX "00112233445566778899aabbccddeeff0123456789ABCDEFfedcba9876543210"

/* What the loader says of a file with the shared secret; "": it takes it. */
static const char *secret_verdict(const char *text, mode_t mode)
{
	static struct config_error err;
	char path[] = "/tmp/test_config.XXXXXX", config[512];
	uint8_t secret[CONFIG_SECRET];
	int fd = mkstemp(path);
	struct conf *c;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	snprintf(config, sizeof(config), CONFIG_TEXT "tcp: {cookie_secret_file: %s}\n", path);
	c = parse(config);
	assert_string_equal(c->cookie_secret_file, path);
	if (config_read_secret(c, secret, &err)) {
		assert_memory_equal(secret, "\x00\x11\x22\x33", 4);
		assert_memory_equal(secret + 16, "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc", 10);
		assert_true(config_check_machine(c, &err));
		err.text[0] = '\0';
	} else {
		assert_in_range(err.line, 1, 100);
		assert_false(config_check_machine(c, &err));
	}
	config_free(c);
	unlink(path);
	return err.text;
}

static void test_the_shared_secret(void **state)
{
	static const char *const wrong[] = {"",
					    "\n",
					    SECRET_HEX "0",
					    SECRET_HEX " " SECRET_HEX,
					    "g" SECRET_HEX,
					    "0x" SECRET_HEX,
					    " " SECRET_HEX};

	(void)state;
	assert_string_equal(secret_verdict(SECRET_HEX, 0600), "");
	assert_string_equal(secret_verdict(SECRET_HEX "\n", 0400), "");
	assert_string_equal(secret_verdict(SECRET_HEX " \r\n", 0640), "");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_non_null(strstr(secret_verdict(wrong[i], 0600), "64 hexadecimal digits"));
	assert_non_null(strstr(secret_verdict(SECRET_HEX, 0644), "open to others"));
	assert_non_null(strstr(secret_verdict(SECRET_HEX, 0602), "open to others"));
	assert_non_null(strstr(secret_verdict(SECRET_HEX, 0660), "open to others"));
}

static void test_a_shared_secret_that_is_no_file(void **state)
{
	static const char *const paths[][2] = {{"/nowhere/at/all", "No such file"},
					       {"/dev/null", "is not a regular file"},
					       {"/tmp", "is not a regular file"}};
	uint8_t secret[CONFIG_SECRET];
	struct config_error err;
	char config[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct conf *c;

		snprintf(config, sizeof(config), CONFIG_TEXT "tcp: {cookie_secret_file: %s}\n",
			 paths[i][0]);
		c = parse(config);
		assert_false(config_read_secret(c, secret, &err));
		assert_non_null(strstr(err.text, paths[i][1]));
		assert_non_null(strstr(err.text, "tcp.cookie_secret_file"));
		config_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_shared_secret),
	    cmocka_unit_test(test_a_shared_secret_that_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
