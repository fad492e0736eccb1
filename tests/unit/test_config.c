/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration loader: what a good file becomes, which message each bad
 * one gets (tests/unit/config: NAME.yaml and the message in NAME.err), and that
 * the files in conf/ and the tables in docs/configuration.md say what the
 * loader does. Runs in the top directory of the sources.
 */
#include <arpa/inet.h>
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

#include "engine/run/config.h"

#define CORPUS "tests/unit/config"
#define DOCS   "docs/configuration.md"

#define PORT                                                                                       \
	"ports:\n"                                                                                 \
	"- name: front\n"                                                                          \
	"  device: net_null0\n"                                                                    \
	"  addresses: [192.0.2.1/24, '2001:db8:1::1/64']\n"
#define LISTENER                                                                                   \
	"listeners:\n"                                                                             \
	"- {name: echo, address: '192.0.2.1:7', service: echo}\n"

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

static struct conf *parse(const char *text)
{
	struct config_error err;
	struct conf *conf = config_parse("test", text, strlen(text), &err);

	if (!conf)
		fail_msg("%s\n%s", err.text, text);
	return conf;
}

static void assert_refused(const char *text, const char *message)
{
	struct config_error err;
	struct conf *conf = config_parse("test", text, strlen(text), &err);

	assert_null(conf);
	if (!strstr(err.text, message))
		fail_msg("\"%s\" is not in \"%s\"", message, err.text);
}

static struct conf *load(const char *path)
{
	struct config_error err;
	struct conf *conf = config_load(path, &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

static bool ip_is(const struct ipaddr *a, const char *text)
{
	struct ipaddr b = {0};

	b.family = strchr(text, ':') ? IP_V6 : IP_V4;
	assert_int_equal(inet_pton(b.family == IP_V4 ? AF_INET : AF_INET6, text, b.bytes), 1);
	return ipaddr_equal(a, &b);
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

/* ---- what a good file becomes ---- */

static void test_demo(void **state)
{
	struct conf *c = load("conf/demo.yaml");

	(void)state;
	assert_string_equal(c->file, "conf/demo.yaml");
	assert_string_equal(c->instance, "demo");
	assert_int_equal(c->nb_workers, 1);
	assert_int_equal(c->worker_cpu[0], -1);
	assert_int_equal(c->idle_sleep_us, 50);
	assert_int_equal(c->nb_ports, 2);
	assert_string_equal(c->ports[0].name, "front");
	assert_string_equal(c->ports[0].device, "net_af_packet0,iface=te-front");
	assert_string_equal(c->ports[0].record, "");
	assert_int_equal(c->ports[0].mtu, 1500);
	assert_false(c->ports[0].fault.enabled);
	assert_string_equal(c->ports[1].device, "net_af_packet1,iface=te-back");
	assert_int_equal(c->nb_ifaces, 2);
	assert_int_equal(c->ifaces[1].port, 1);
	assert_int_equal(c->ifaces[1].vlan, 0);
	assert_int_equal(c->ifaces[1].mtu, 1500);
	assert_int_equal(c->nb_addrs, 4);
	assert_true(ip_is(&c->addrs[0].addr, "192.0.2.1"));
	assert_true(ip_is(&c->addrs[1].addr, "2001:db8:1::1"));
	assert_true(ip_is(&c->addrs[2].addr, "198.51.100.1"));
	assert_true(ip_is(&c->addrs[3].addr, "2001:db8:2::1"));
	assert_int_equal(c->addrs[2].prefix_len, 24);
	assert_int_equal(c->addrs[3].prefix_len, 64);
	assert_int_equal(c->addrs[3].iface, 1);
	assert_int_equal(c->nb_listeners, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(c->listeners[i].name, "web");
		assert_int_equal(c->listeners[i].local, i);
		assert_true(ipaddr_equal(&c->listeners[i].addr, &c->addrs[i].addr));
		assert_int_equal(c->listeners[i].port_be, htons(80));
		assert_int_equal(c->listeners[i].service, CONF_SERVICE_PROXY);
		assert_int_equal(c->listeners[i].pool, 0);
		assert_int_equal(c->listeners[i].http_body, CONF_NONE);
		assert_int_equal(c->listeners[i].backlog, 4096);
	}
	assert_int_equal(c->nb_pools, 1);
	assert_int_equal(c->pools[0].nb_sources, 1);
	assert_int_equal(c->pools[0].sources[0], 2);
	assert_int_equal(c->pools[0].connect_timeout_ms, 3000);
	assert_int_equal(c->pools[0].nb_backends, 2);
	assert_true(ip_is(&c->pools[0].backends[1].addr, "198.51.100.12"));
	assert_int_equal(c->pools[0].backends[1].port_be, htons(80));
	assert_string_equal(c->pools[0].backends[1].name, "b2");
	config_free(c);
}

static void assert_tcp_defaults(const struct conf_tcp *t)
{
	assert_int_equal(t->syn_retries, 7);
	assert_int_equal(t->synack_retries, 5);
	assert_int_equal(t->retries1, 3);
	assert_int_equal(t->retries2, 15);
	assert_int_equal(t->orphan_retries, 8);
	assert_int_equal(t->keepalive_probes, 9);
	assert_false(t->keepalive);
	assert_false(t->nodelay);
	assert_int_equal(t->congestion_control, CONF_CC_CUBIC);
	assert_int_equal(t->ecn, CONF_ECN_ACCEPT);
	assert_true(t->pmtu_discovery);
	assert_true(t->frto);
	assert_true(t->timestamps);
	assert_true(t->window_scaling);
	assert_true(t->sack);
	assert_int_equal(t->syncookies, CONF_SYNCOOKIES_AUTO);
	assert_int_equal(t->max_syn_backlog, 0);
	assert_false(t->abort_on_overflow);
	assert_true(t->rfc1337);
	assert_false(t->synack_jitter);
	assert_int_equal(t->ttl, 64);
	assert_int_equal(t->dscp, 0);
	assert_int_equal(t->mss, 0);
	assert_int_equal(t->delack_ms, 40);
	assert_int_equal(t->quick_acks, 7);
	assert_int_equal(t->initial_cwnd, 10);
	assert_int_equal(t->rto_min_ms, 200);
	assert_int_equal(t->rto_max_ms, 120000);
	assert_int_equal(t->rto_initial_ms, 1000);
	assert_int_equal(t->fin_timeout_ms, 60000);
	assert_int_equal(t->half_close_timeout_ms, 3600000);
	assert_int_equal(t->time_wait_ms, 60000);
	assert_int_equal(t->keepalive_time_ms, 7200000);
	assert_int_equal(t->keepalive_intvl_ms, 75000);
	assert_int_equal(t->user_timeout_ms, 0);
	assert_int_equal(t->idle_timeout_ms, 0);
	assert_int_equal(t->rcvbuf, 262144);
	assert_int_equal(t->sndbuf, 262144);
}

static void assert_memory_defaults(const struct conf_memory *m)
{
	assert_int_equal(m->huge_pages, CONF_HUGE_AUTO);
	assert_int_equal(m->connections, 100000);
	assert_int_equal(m->half_open, 65536);
	assert_int_equal(m->time_wait, 262144);
	assert_int_equal(m->transfers, 0);
	assert_int_equal(m->sessions, 0);
	assert_int_equal(m->sources, 0);
	assert_int_equal(m->buffers, 65536);
}

static void test_defaults(void **state)
{
	struct conf *c = parse(PORT LISTENER);
	struct conf_tcp tcp;

	(void)state;
	memset(&tcp, 0xa5, sizeof(tcp));
	conf_tcp_defaults(&tcp);
	assert_tcp_defaults(&tcp);
	assert_tcp_defaults(&c->tcp);
	assert_tcp_defaults(&c->listeners[0].tcp);
	assert_memory_defaults(&c->memory);
	assert_int_equal(c->limits.max_rst_per_second, 10000);
	assert_int_equal(c->limits.icmp_msgs_per_sec, 1000);
	assert_string_equal(c->instance, "terminus");
	assert_string_equal(c->cookie_secret_file, "");
	assert_int_equal(c->nb_workers, 1);
	assert_int_equal(c->worker_cpu[0], -1);
	assert_int_equal(c->idle_sleep_us, 50);
	assert_int_equal(c->ports[0].mtu, 1500);
	assert_int_equal(c->ports[0].rx_ring, 1024);
	assert_int_equal(c->ports[0].tx_ring, 1024);
	assert_int_equal(c->listeners[0].backlog, 4096);
	assert_int_equal(c->listeners[0].max_connections, 0);
	assert_int_equal(c->listeners[0].reserve, 0);
	assert_int_equal(c->listeners[0].defer, CONF_DEFER_NEVER);
	assert_int_equal(c->listeners[0].first_byte_timeout_ms, 0);
	assert_int_equal(c->listeners[0].min_rate.bytes, 0);
	config_free(c);
}

static void test_a_listener_has_one_limit_for_its_addresses(void **state)
{
	struct conf *c = parse("memory: {connections: 1000}\n" PORT "listeners:\n"
			       "- {name: a, address: '192.0.2.1:7', service: echo, reserve: 200}\n"
			       "- {name: b, address: '*:8', service: echo, max_connections: 1000,\n"
			       "   reserve: 800}\n");

	(void)state;
	assert_int_equal(c->nb_listeners, 3);
	assert_int_equal(c->listeners[0].first, 0);
	assert_int_equal(c->listeners[1].first, 1);
	assert_int_equal(c->listeners[2].first, 1);
	assert_int_equal(c->listeners[2].max_connections, 1000);
	assert_int_equal(c->listeners[2].reserve, 800);
	config_free(c);
}

static void test_limits_for_clients(void **state)
{
	struct conf *c =
	    parse(PORT "listeners:\n"
		       "- {name: a, address: '192.0.2.1:7', service: echo, defer: data}\n"
		       "- {name: b, address: '192.0.2.1:8', service: echo, defer: data,\n"
		       "   first_byte_timeout: 0, min_rate: {bytes: 1K}}\n"
		       "- {name: c, address: '*:9', service: http, first_byte_timeout: 1500ms,\n"
		       "   min_rate: {bytes: 1, per: 500ms, grace: 0},\n"
		       "   http: {request_timeout: 5}}\n"
		       "- {name: d, address: '192.0.2.1:10', service: http}\n");
	const struct conf_listener *l = c->listeners;

	(void)state;
	assert_int_equal(c->nb_listeners, 5);
	assert_int_equal(l[0].defer, CONF_DEFER_DATA);
	assert_int_equal(l[0].first_byte_timeout_ms, 60000);
	assert_int_equal(l[1].first_byte_timeout_ms, 0);
	assert_int_equal(l[1].min_rate.bytes, 1024);
	assert_int_equal(l[1].min_rate.per_ms, 10000);
	assert_int_equal(l[1].min_rate.grace_ms, 20000);
	for (int i = 2; i < 4; i++) {
		assert_int_equal(l[i].first_byte_timeout_ms, 1500);
		assert_int_equal(l[i].min_rate.bytes, 1);
		assert_int_equal(l[i].min_rate.per_ms, 500);
		assert_int_equal(l[i].min_rate.grace_ms, 0);
		assert_int_equal(l[i].request_timeout_ms, 5000);
	}
	assert_int_equal(l[4].request_timeout_ms, 30000);
	config_free(c);
}

/* The annotated reference shows every default, so it must change none. */
static void test_the_reference_holds_the_defaults(void **state)
{
	struct conf *c = load("conf/proxy.yaml");

	(void)state;
	assert_tcp_defaults(&c->tcp);
	assert_memory_defaults(&c->memory);
	assert_int_equal(c->limits.max_rst_per_second, 10000);
	assert_int_equal(c->limits.icmp_msgs_per_sec, 1000);
	assert_string_equal(c->instance, "terminus");
	assert_int_equal(c->nb_workers, 1);
	assert_int_equal(c->idle_sleep_us, 50);
	assert_int_equal(c->ports[0].mtu, 1500);
	assert_int_equal(c->ports[0].rx_ring, 1024);
	assert_int_equal(c->ports[0].tx_ring, 1024);
	assert_int_equal(c->pools[0].source_port_min, 1024);
	assert_int_equal(c->pools[0].source_port_max, 65535);
	assert_int_equal(c->pools[0].connect_timeout_ms, 3000);
	assert_int_equal(c->pools[0].max_connections, 0);
	assert_tcp_defaults(&c->pools[0].tcp);
	assert_int_equal(c->listeners[0].backlog, 4096);
	config_free(c);
}

static void test_tcp_is_inherited_key_by_key(void **state)
{
	struct conf *c = parse("listeners:\n"
			       "- {name: a, address: '192.0.2.1:7', service: echo, tcp: {ttl: 9}}\n"
			       "- {name: b, address: '192.0.2.1:8', service: proxy, pool: p}\n"
			       "pools:\n"
			       "- name: p\n"
			       "  tcp: {nodelay: yes}\n"
			       "  sources: [192.0.2.1]\n"
			       "  backends: [{name: b, address: '192.0.2.2:1'}]\n"
			       "tcp: {ttl: 7, time_wait: 5}\n" PORT);

	(void)state;
	assert_int_equal(c->tcp.ttl, 7);
	assert_int_equal(c->listeners[0].tcp.ttl, 9);
	assert_int_equal(c->listeners[0].tcp.time_wait_ms, 5000);
	assert_int_equal(c->listeners[1].tcp.ttl, 7);
	assert_int_equal(c->pools[0].tcp.ttl, 7);
	assert_true(c->pools[0].tcp.nodelay);
	assert_false(c->tcp.nodelay);
	config_free(c);
}

/* Value of one key of the tcp section, read back from a field. */
#define TCP_VALUE(key, text, field)                                                                \
	({                                                                                         \
		struct conf *c_ = parse("tcp: {" key ": " text "}\n" PORT LISTENER);               \
		uint64_t v_ = c_->tcp.field;                                                       \
		config_free(c_);                                                                   \
		v_;                                                                                \
	})

static void test_durations(void **state)
{
	(void)state;
	assert_int_equal(TCP_VALUE("fin_timeout", "90", fin_timeout_ms), 90000);
	assert_int_equal(TCP_VALUE("fin_timeout", "90s", fin_timeout_ms), 90000);
	assert_int_equal(TCP_VALUE("fin_timeout", "1.5", fin_timeout_ms), 1500);
	assert_int_equal(TCP_VALUE("fin_timeout", "1500ms", fin_timeout_ms), 1500);
	assert_int_equal(TCP_VALUE("fin_timeout", "2000000us", fin_timeout_ms), 2000);
	assert_int_equal(TCP_VALUE("fin_timeout", "10m", fin_timeout_ms), 600000);
	assert_int_equal(TCP_VALUE("keepalive_time", "3h", keepalive_time_ms), 10800000);
	assert_int_equal(TCP_VALUE("keepalive_time", "7d", keepalive_time_ms), 604800000);
	assert_int_equal(TCP_VALUE("delack_ms", "100", delack_ms), 100);
	assert_int_equal(TCP_VALUE("delack_ms", "0.1s", delack_ms), 100);
	assert_int_equal(TCP_VALUE("delack_ms", "499", delack_ms), 499);
	assert_int_equal(TCP_VALUE("user_timeout_ms", "0", user_timeout_ms), 0);
	assert_int_equal(TCP_VALUE("rto_min_ms", "'300'", rto_min_ms), 300);
}

static void test_sizes_and_counts(void **state)
{
	(void)state;
	assert_int_equal(TCP_VALUE("rcvbuf", "5000", rcvbuf), 5000);
	assert_int_equal(TCP_VALUE("rcvbuf", "64K", rcvbuf), 65536);
	assert_int_equal(TCP_VALUE("rcvbuf", "1.5K", rcvbuf), 1536);
	assert_int_equal(TCP_VALUE("rcvbuf", "512M", rcvbuf), 536870912);
	assert_int_equal(TCP_VALUE("sndbuf", "0.25G", sndbuf), 268435456);
	assert_int_equal(TCP_VALUE("mss", "0", mss), 0);
	assert_int_equal(TCP_VALUE("mss", "88", mss), 88);
	assert_int_equal(TCP_VALUE("mss", "9176", mss), 9176);
	assert_int_equal(TCP_VALUE("orphan_retries", "255", orphan_retries), 255);
}

static void test_booleans(void **state)
{
	(void)state;
	assert_true(TCP_VALUE("keepalive", "true", keepalive));
	assert_true(TCP_VALUE("keepalive", "Yes", keepalive));
	assert_true(TCP_VALUE("keepalive", "on", keepalive));
	assert_true(TCP_VALUE("keepalive", "1", keepalive));
	assert_false(TCP_VALUE("sack", "false", sack));
	assert_false(TCP_VALUE("sack", "no", sack));
	assert_false(TCP_VALUE("sack", "OFF", sack));
	assert_false(TCP_VALUE("sack", "0", sack));
}

static void test_faults(void **state)
{
	struct conf *c =
	    parse("ports:\n"
		  "- name: a\n"
		  "  device: net_null0\n"
		  "  addresses: [192.0.2.1/24]\n"
		  "  fault: {seed: 18446744073709551615, drop: 1%, duplicate: 0.0025,\n"
		  "          reorder: 100%, corrupt: 0.0001%, delay_us: 5ms}\n"
		  "- {name: b, device: net_null1, addresses: [198.51.100.1/24],\n"
		  "   fault: {}}\n" LISTENER);
	const struct conf_fault *f = &c->ports[0].fault;

	(void)state;
	assert_true(f->enabled);
	assert_true(f->seed == UINT64_MAX);
	assert_int_equal(f->drop_ppm, 10000);
	assert_int_equal(f->duplicate_ppm, 2500);
	assert_int_equal(f->reorder_ppm, 1000000);
	assert_int_equal(f->corrupt_ppm, 1);
	assert_int_equal(f->delay_us, 5000);
	assert_int_equal(f->reorder_us, 1000);
	assert_true(c->ports[1].fault.enabled);
	assert_int_equal(c->ports[1].fault.drop_ppm, 0);
	config_free(c);
}

static void test_workers(void **state)
{
	struct conf *c = parse("workers: {cpus: [3, 1], idle_sleep_us: 0}\n" PORT LISTENER);

	(void)state;
	assert_int_equal(c->nb_workers, 2);
	assert_int_equal(c->worker_cpu[0], 3);
	assert_int_equal(c->worker_cpu[1], 1);
	assert_int_equal(c->idle_sleep_us, 0);
	config_free(c);
	c = parse("workers: {count: 16, idle_sleep_us: 1ms}\n" PORT LISTENER);
	assert_int_equal(c->nb_workers, 16);
	assert_int_equal(c->worker_cpu[15], -1);
	assert_int_equal(c->idle_sleep_us, 1000);
	config_free(c);
}

static void test_as_many_buffers_as_the_rings_hold(void **state)
{
	(void)state;
	config_free(parse("memory: {buffers: 2048}\n" PORT LISTENER));
	assert_refused("memory: {buffers: 2047}\n" PORT LISTENER, "write at least 2048,");
	assert_refused("workers: {count: 2}\nmemory: {buffers: 2048}\n" PORT LISTENER,
		       "write at least 4096,");
}

static void test_vlans_and_routes(void **state)
{
	struct conf *c = parse("ports:\n"
			       "- name: a\n"
			       "  device: '0000:03:00.0'\n"
			       "  mtu: 9000\n"
			       "  vlans:\n"
			       "  - {id: 1, addresses: [10.0.1.1/16]}\n"
			       "  - {id: 4094, mtu: 1400, addresses: [10.0.2.1/24, 'fd00::1/8']}\n"
			       "- {name: b, device: net_null1, addresses: [192.0.2.1/31]}\n"
			       "routes:\n"
			       "- {to: 0.0.0.0/0, via: 192.0.2.0}\n"
			       "- {to: 10.9.0.0/16, via: 10.0.2.9}\n"
			       "- {to: '::/0', via: 'fd00::2'}\n" LISTENER);

	(void)state;
	assert_int_equal(c->nb_ifaces, 3);
	assert_int_equal(c->ifaces[0].vlan, 1);
	assert_int_equal(c->ifaces[0].mtu, 9000);
	assert_int_equal(c->ifaces[1].vlan, 4094);
	assert_int_equal(c->ifaces[1].mtu, 1400);
	assert_int_equal(c->ifaces[1].port, 0);
	assert_int_equal(c->ifaces[2].port, 1);
	assert_int_equal(c->ifaces[2].vlan, 0);
	assert_int_equal(c->addrs[2].iface, 1);
	assert_int_equal(c->nb_routes, 3);
	assert_int_equal(c->routes[0].iface, 2);
	assert_int_equal(c->routes[0].prefix_len, 0);
	/* Both networks hold the gateway; the longer prefix wins. */
	assert_int_equal(c->routes[1].iface, 1);
	assert_true(ip_is(&c->routes[1].to, "10.9.0.0"));
	assert_true(ip_is(&c->routes[2].via, "fd00::2"));
	config_free(c);
}

static void test_any_address_is_one_listener_per_family(void **state)
{
	struct conf *c = parse(PORT "listeners:\n"
				    "- {name: a, address: '*:80', service: echo}\n"
				    "- {name: b, address: '0.0.0.0:81', service: discard}\n"
				    "- {name: c, address: '[::]:81', service: discard}\n"
				    "- {name: d, address: '192.0.2.1:80', service: discard}\n");

	(void)state;
	assert_int_equal(c->nb_listeners, 5);
	assert_int_equal(c->listeners[0].addr.family, IP_V4);
	assert_int_equal(c->listeners[1].addr.family, IP_V6);
	assert_int_equal(c->listeners[1].local, CONF_NONE);
	assert_int_equal(c->listeners[1].port_be, htons(80));
	assert_string_equal(c->listeners[1].name, "a");
	assert_int_equal(c->listeners[2].addr.family, IP_V4);
	assert_int_equal(c->listeners[2].local, CONF_NONE);
	assert_int_equal(c->listeners[3].addr.family, IP_V6);
	assert_int_equal(c->listeners[4].local, 0);
	config_free(c);
}

static void assert_body(const struct conf *c, unsigned listener, const char *head, const void *body,
			size_t len)
{
	const struct conf_body *b;

	assert_in_range(c->listeners[listener].http_body, 0, c->nb_bodies - 1);
	b = &c->bodies[c->listeners[listener].http_body];
	assert_int_equal(b->head_len, strlen(head));
	assert_memory_equal(b->bytes, head, b->head_len);
	assert_int_equal(b->len, b->head_len + len);
	assert_memory_equal(b->bytes + b->head_len, body, len);
}

#define HEAD(status, length)                                                                       \
	"HTTP/1.1 " status "\r\nServer: terminus\r\nContent-Type: text/plain\r\n"                  \
	"Content-Length: " length "\r\n\r\n"

static void test_http_answers(void **state)
{
	struct conf *c = parse(
	    PORT
	    "listeners:\n"
	    "- {name: a, address: '*:80', service: http, http: {body: \"hello\\n\"}}\n"
	    "- {name: b, address: '*:81', service: http, http: {status: 503, size: 5}}\n"
	    "- {name: c, address: '*:82', service: http}\n"
	    "- {name: d, address: '*:83', service: http, http: {status: 299, body: \"a\\0b\"}}\n");

	(void)state;
	assert_int_equal(c->nb_bodies, 4);
	assert_body(c, 0, HEAD("200 OK", "6"), "hello\n", 6);
	assert_body(c, 1, HEAD("200 OK", "6"), "hello\n", 6);
	assert_body(c, 2, HEAD("503 Service Unavailable", "5"), "xxxxx", 5);
	assert_body(c, 4, HEAD("200 OK", "0"), "", 0);
	assert_body(c, 6, HEAD("299 Configured", "3"), "a\0b", 3);
	config_free(c);
}

static void test_the_largest_http_body(void **state)
{
	static const char format[] =
	    PORT "listeners: [{name: a, address: '*:80', service: http, http: {body: '%s'}}]\n";
	size_t len = CONF_HTTP_BODY_MAX;
	char *body = malloc(len + 2), *text = malloc(len + 1024);
	struct conf *c;

	(void)state;
	assert_true(body && text);
	memset(body, 'b', len + 1);
	body[len] = '\0';
	snprintf(text, len + 1024, format, body);
	c = parse(text);
	assert_int_equal(c->bodies[0].len, len + sizeof(HEAD("200 OK", "65536")) - 1);
	config_free(c);
	body[len] = 'b';
	body[len + 1] = '\0';
	snprintf(text, len + 1024, format, body);
	assert_refused(text, "listeners[0].http.body: has 65537 bytes");
	free(body);
	free(text);
}

static void test_anchors_may_be_used_again(void **state)
{
	struct conf *c =
	    parse(PORT "listeners:\n"
		       "- {name: a, address: '*:1', service: echo, tcp: &fast {ttl: 9}}\n"
		       "- {name: b, address: '*:2', service: echo, tcp: *fast}\n");

	(void)state;
	assert_int_equal(c->listeners[2].tcp.ttl, 9);
	config_free(c);
}

static void test_json_is_yaml(void **state)
{
	struct conf *c = parse("{\"ports\": [{\"name\": \"front\", \"device\": \"net_null0\",\n"
			       "  \"addresses\": [\"192.0.2.1/24\", \"2001:db8:1::1/64\"]}],\n"
			       " \"listeners\": [{\"name\": \"a\", \"address\": [\"192.0.2.1:7\", "
			       "\"[2001:db8:1::1]:7\"], \"service\": \"echo\"}]}\n");

	(void)state;
	assert_int_equal(c->nb_listeners, 2);
	config_free(c);
}

static void test_a_pool_may_mix_families(void **state)
{
	struct conf *c = parse("ports:\n"
			       "- {name: a, device: net_null0, addresses: [192.0.2.1/24, "
			       "192.0.2.2/24, '2001:db8::1/64']}\n"
			       "pools:\n"
			       "- name: p\n"
			       "  sources: [192.0.2.2, '2001:db8::1']\n"
			       "  source_ports: 2000-2099\n"
			       "  max_connections: 200\n"
			       "  backends:\n"
			       "  - {name: x, address: '192.0.2.9:1'}\n"
			       "  - {name: y, address: '[2001:db8::9]:65535'}\n"
			       "listeners: []\n");

	(void)state;
	assert_int_equal(c->pools[0].nb_sources, 2);
	assert_int_equal(c->pools[0].sources[0], 1);
	assert_int_equal(c->pools[0].sources[1], 2);
	assert_int_equal(c->pools[0].source_port_min, 2000);
	assert_int_equal(c->pools[0].source_port_max, 2099);
	assert_int_equal(c->pools[0].backends[1].addr.family, IP_V6);
	assert_int_equal(c->pools[0].backends[1].port_be, htons(65535));
	config_free(c);
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

static uint32_t random_next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void test_a_damaged_file(void **state)
{
	static const char bytes[] = "{}[]&*!|>%@,:- \n\t\"'#0a\x80\xff";
	uint64_t seed = 20260501;
	size_t len;
	char *text = read_file("conf/proxy.yaml", &len), *copy = malloc(len);

	(void)state;
	assert_non_null(copy);
	for (unsigned round = 0; round < 3000; round++) {
		memcpy(copy, text, len);
		for (unsigned i = 0; i <= round % 4; i++)
			copy[random_next(&seed) % len] = bytes[random_next(&seed) % sizeof(bytes)];
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
	    "test:2: ports[0].record: \"/tmp/.\" is a directory");
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
	/* 64 MB and a sixteenth of the rest, in whole pages */
	assert_int_equal(s.items[CONFIG_SIZE_DPDK].bytes, 66 << 20);
	assert_int_equal(s.items[CONFIG_SIZE_DPDK].pages, 33);
	assert_int_equal(s.bytes, 2 * ((4 << 20) + 1) + 8192 * 2512 + (66 << 20));
	assert_int_equal(s.pages, 49);

	f = open_memstream(&text, &len);
	assert_non_null(f);
	config_size_print(&s, f);
	fclose(f);
	assert_non_null(strstr(text, "\nworker shards             2        4194305          8.0"));
	assert_non_null(strstr(text, "\npacket buffers         8192           2512         19.6"));
	assert_non_null(strstr(text, "93.6           49\n"));
	free(text);
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
	    cmocka_unit_test(test_demo),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_a_listener_has_one_limit_for_its_addresses),
	    cmocka_unit_test(test_the_reference_holds_the_defaults),
	    cmocka_unit_test(test_tcp_is_inherited_key_by_key),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_limits_for_clients),
	    cmocka_unit_test(test_sizes_and_counts),
	    cmocka_unit_test(test_booleans),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_workers),
	    cmocka_unit_test(test_as_many_buffers_as_the_rings_hold),
	    cmocka_unit_test(test_vlans_and_routes),
	    cmocka_unit_test(test_any_address_is_one_listener_per_family),
	    cmocka_unit_test(test_http_answers),
	    cmocka_unit_test(test_the_largest_http_body),
	    cmocka_unit_test(test_anchors_may_be_used_again),
	    cmocka_unit_test(test_json_is_yaml),
	    cmocka_unit_test(test_a_pool_may_mix_families),
	    cmocka_unit_test(test_a_file_cut_anywhere),
	    cmocka_unit_test(test_a_damaged_file),
	    cmocka_unit_test(test_no_text_takes_long),
	    cmocka_unit_test(test_cpus_of_the_machine),
	    cmocka_unit_test(test_files_of_the_machine),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_size_of_jumbo_frames),
	    cmocka_unit_test(test_the_documentation_tells_defaults_and_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
