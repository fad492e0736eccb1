/* SPDX-License-Identifier: BSD-3-Clause */
/* What a running terminus claims for itself, and checks of the machine. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/run/instance.h"
#include "engine/run/machine.h"
#include "tests/lib/testconf.h"
#include "tests/unit/scratch.h"

static char dir[] = "/tmp/terminus-test-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? setenv("RUNTIME_DIRECTORY", dir, 1) : -1;
}

static int teardown(void **state)
{
	(void)state;
	return scratch_remove(dir);
}

/* Interfaces that no other run of this test can mean. */
static void configure(struct testconf *tc, const char *name, const char *suffix)
{
	testconf_init(tc);
	tc->conf.file = (char *)(uintptr_t) "test.yaml";
	snprintf(tc->conf.instance, sizeof(tc->conf.instance), "%s", name);
	testconf_port(tc, 1500);
	testconf_port(tc, 1500);
	for (uint16_t i = 0; i < 2; i++)
		snprintf(tc->ports[i].device, sizeof(tc->ports[i].device),
			 "net_af_packet%u,iface=%u%u%s,qpairs=1", i, getpid() % 100000, i, suffix);
}

static void test_a_name_stands_for_one(void **state)
{
	struct report r = {0};
	struct instance a, b;
	struct testconf tc;
	char pid[32];

	(void)state;
	configure(&tc, "web", "x");
	assert_true(instance_claim(&a, &tc.conf, &r));
	assert_false(instance_claim(&b, &tc.conf, &r));
	snprintf(pid, sizeof(pid), "(pid %d)", getpid());
	assert_non_null(strstr(r.error, "\"web\" is already running"));
	assert_non_null(strstr(r.error, pid));
	instance_release(&a);
	assert_true(instance_claim(&b, &tc.conf, &r));
	instance_release(&b);
}

static void test_nothing_is_left_behind(void **state)
{
	struct report r = {0};
	struct instance a, b;
	struct testconf tc;
	char path[2 * INSTANCE_PATH_MAX];
	FILE *other;

	(void)state;
	configure(&tc, "web", "x");
	assert_true(instance_claim(&a, &tc.conf, &r));
	assert_int_equal(access(a.dir, F_OK), 0);
	/* One that is refused removes nothing of the other's. */
	assert_false(instance_claim(&b, &tc.conf, &r));
	snprintf(path, sizeof(path), "%s/terminus.lock", a.dir);
	assert_int_equal(access(path, F_OK), 0);
	instance_release(&a);
	assert_int_equal(access(a.dir, F_OK), -1);

	/* Sockets of those that were killed go as well. */
	assert_true(instance_claim(&a, &tc.conf, &r));
	snprintf(path, sizeof(path), "%s/dpdk_telemetry.v2:1", a.dir);
	assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0);
	instance_release(&a);
	assert_int_equal(access(a.dir, F_OK), -1);

	/* What others keep in the directory stays. */
	assert_true(instance_claim(&a, &tc.conf, &r));
	snprintf(path, sizeof(path), "%s/other", a.dir);
	other = fopen(path, "w");
	assert_non_null(other);
	fclose(other);
	instance_release(&a);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(instance_claim(&a, &tc.conf, &r));
	unlink(path);
	instance_release(&a);
	assert_int_equal(access(a.dir, F_OK), -1);
}

/* Many processes want one name, which is removed whenever one of them gives it up. */
static void test_a_name_has_one_holder_at_a_time(void **state)
{
	char held[2 * INSTANCE_PATH_MAX];
	int status, failed = 0;
	struct testconf tc;

	(void)state;
	configure(&tc, "web", "x");
	tc.conf.nb_ports = 0;
	snprintf(held, sizeof(held), "%s/held", dir);
	for (int i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		for (int k = 0; k < 1000; k++) {
			struct report r = {0};
			struct instance in;
			int fd;

			if (!instance_claim(&in, &tc.conf, &r)) {
				if (!strstr(r.error, "already running"))
					_exit(2);
				continue;
			}
			fd = open(held, O_CREAT | O_EXCL, 0600);
			if (fd < 0)
				_exit(1);
			unlink(held);
			close(fd);
			instance_release(&in);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	assert_int_equal(failed, 0);
}

static void test_an_interface_serves_one(void **state)
{
	struct testconf first, second;
	struct report r = {0};
	struct instance a, b;

	(void)state;
	configure(&first, "one", "x");
	configure(&second, "two", "y");
	memcpy(second.ports[1].device, first.ports[1].device, sizeof(first.ports[1].device));
	second.ports[1].line = 12;
	assert_true(instance_claim(&a, &first.conf, &r));
	assert_false(instance_claim(&b, &second.conf, &r));
	assert_non_null(strstr(r.error, "test.yaml:12: interface "));
	assert_non_null(strstr(r.error, "already in use"));
	instance_release(&a);
	/* The failed attempt has left nothing claimed, neither name nor interface. */
	assert_true(instance_claim(&b, &second.conf, &r));
	instance_release(&b);
}

static void test_devices_without_interface(void **state)
{
	struct report r = {0};
	struct instance a, b;
	struct testconf tc;

	(void)state;
	configure(&tc, "one", "x");
	snprintf(tc.ports[0].device, sizeof(tc.ports[0].device), "0000:01:00.0");
	snprintf(tc.ports[1].device, sizeof(tc.ports[1].device), "net_null0");
	assert_true(instance_claim(&a, &tc.conf, &r));
	snprintf(tc.conf.instance, sizeof(tc.conf.instance), "two");
	assert_true(instance_claim(&b, &tc.conf, &r));
	instance_release(&a);
	instance_release(&b);
}

static void test_directory_that_cannot_be_made(void **state)
{
	struct report r = {0};
	struct instance in;
	struct testconf tc;

	(void)state;
	configure(&tc, "web", "x");
	setenv("RUNTIME_DIRECTORY", "/proc/nowhere", 1);
	assert_false(instance_claim(&in, &tc.conf, &r));
	assert_non_null(strstr(r.error, "/proc/nowhere/dpdk"));
	setenv("RUNTIME_DIRECTORY", dir, 1);
}

/* Sockets are named by 107 characters at most, of which 18 are for what follows the directory. */
static void test_directory_too_long_for_a_socket(void **state)
{
	char root[96], *end = root + strlen(dir);
	struct report r = {0};
	struct instance in;
	struct testconf tc;

	(void)state;
	configure(&tc, "web", "x");
	tc.conf.nb_ports = 0;
	memset(root, 'r', sizeof(root));
	memcpy(root, dir, strlen(dir));
	*end = '/';
	root[89 - strlen("/dpdk/web")] = '\0';
	assert_int_equal(mkdir(root, 0700), 0);
	setenv("RUNTIME_DIRECTORY", root, 1);
	assert_true(instance_claim(&in, &tc.conf, &r));
	instance_release(&in);
	strcpy(tc.conf.instance, "web12");
	assert_false(instance_claim(&in, &tc.conf, &r));
	assert_non_null(strstr(r.error, "web12 is 2 characters too long for the control socket"));
	setenv("RUNTIME_DIRECTORY", dir, 1);
}

static void test_root_directories(void **state)
{
	char path[INSTANCE_PATH_MAX];

	(void)state;
	instance_root(path, sizeof(path));
	assert_true(strncmp(path, dir, strlen(dir)) == 0);
	assert_string_equal(path + strlen(dir), "/dpdk");
}

static void test_private_devices(void **state)
{
	(void)state;
	assert_true(machine_device_is_private("pcapng:x.pcapng"));
	assert_true(machine_device_is_private("net_ring0"));
	assert_true(machine_device_is_private("net_memif0,role=server"));
	assert_false(machine_device_is_private("net_af_packet0,iface=eth0"));
	assert_false(machine_device_is_private("net_tap0"));
	assert_false(machine_device_is_private("0000:01:00.0"));
}

static void test_kernel_has_the_address(void **state)
{
	struct report r = {0};
	struct testconf tc;

	(void)state;
	configure(&tc, "web", "x");
	testconf_iface(&tc, 0, 0);
	testconf_addr(&tc, "192.0.2.1", 24, 0);
	assert_true(machine_check_addresses(&tc.conf, &r));
	testconf_addr(&tc, "127.0.0.1", 8, 0);
	tc.addrs[1].line = 7;
	assert_false(machine_check_addresses(&tc.conf, &r));
	assert_non_null(strstr(r.error, "test.yaml:7: address 127.0.0.1 "));
	assert_non_null(strstr(r.error, "interface lo"));
	snprintf(tc.ports[0].device, sizeof(tc.ports[0].device), "net_ring0");
	assert_true(machine_check_addresses(&tc.conf, &r));
}

static void test_memory_of_the_machine(void **state)
{
	struct report r = {0};
	struct testconf tc;

	(void)state;
	configure(&tc, "web", "x");
	assert_true(machine_check_memory(&tc.conf, 1 << 20, &r));
	assert_false(machine_check_memory(&tc.conf, 1ull << 60, &r));
	assert_int_equal(strncmp(r.error, "test.yaml: memory: 1099511627776 MiB are needed", 47),
			 0);
}

/* Of ordinary users, as which a process of its own tries it. */
static void test_privileges(void **state)
{
	struct report r = {0};
	struct testconf tc;
	int status;

	(void)state;
	configure(&tc, "web", "x");
	tc.ports[0].line = 7;
	if (fork() == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(2);
		_exit(!machine_check_privileges(&tc.conf, &r) &&
			      strstr(r.error, "test.yaml:7: no permission to open port ")
			  ? 0
			  : 1);
	}
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_name_stands_for_one),
	    cmocka_unit_test(test_nothing_is_left_behind),
	    cmocka_unit_test(test_a_name_has_one_holder_at_a_time),
	    cmocka_unit_test(test_an_interface_serves_one),
	    cmocka_unit_test(test_devices_without_interface),
	    cmocka_unit_test(test_directory_that_cannot_be_made),
	    cmocka_unit_test(test_directory_too_long_for_a_socket),
	    cmocka_unit_test(test_root_directories),
	    cmocka_unit_test(test_private_devices),
	    cmocka_unit_test(test_kernel_has_the_address),
	    cmocka_unit_test(test_memory_of_the_machine),
	    cmocka_unit_test(test_privileges),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
