/* SPDX-License-Identifier: BSD-3-Clause */
/* The loader again: what each key of a good file becomes, and what stands where there is none.
 * Runs in the top directory of the sources. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/config_text.h"

static bool ip_is(const struct ipaddr *a, const char *text)
{
	struct ipaddr b = {0};

	b.family = strchr(text, ':') ? IP_V6 : IP_V4;
	assert_int_equal(inet_pton(b.family == IP_V4 ? AF_INET : AF_INET6, text, b.bytes), 1);
	return ipaddr_equal(a, &b);
}

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
	assert_true(c->share_cpu);
	config_free(c);
	c = parse("workers: {count: 16, idle_sleep_us: 1ms, share_cpu: false}\n" PORT LISTENER);
	assert_int_equal(c->nb_workers, 16);
	assert_int_equal(c->worker_cpu[15], -1);
	assert_int_equal(c->idle_sleep_us, 1000);
	assert_false(c->share_cpu);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
