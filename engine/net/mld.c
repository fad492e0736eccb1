/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/mld.h"
#include "engine/net/util.h"
#include "engine/wire/build.h"
#include "engine/wire/csum.h"

enum {
	MLD_REPORT_V1 = 131,
	MLD_REPORT = 143,
	MLD_IS_EXCLUDE = 2, /* kinds of record: there are no sources that we exclude, */
	MLD_TO_EXCLUDE = 4, /* since just now */
	MLD_HOP_LIMIT = 1,
};

#define HOP_BY_HOP  0
#define ALERT_LEN   8
#define MLD_V1_LEN  24 /* of a query and of a report; a newer query is longer */
#define HEADER_LEN  8
#define RECORD_LEN  20
#define RECORDS_MAX 60 /* in 1,280 bytes, which every link carries */

static const uint8_t none[16];

static bool is_link_local(const uint8_t *addr)
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

/* RFC 3810 §5.2.13: nobody's, where the interface has no link-local one. */
static const uint8_t *source(const struct shard *sh, uint16_t iface)
{
	for (uint16_t i = 0; i < sh->conf->nb_addrs; i++) {
		const struct conf_addr *a = &sh->conf->addrs[i];

		if (a->iface == iface && a->addr.family == IP_V6 && is_link_local(a->addr.bytes))
			return a->addr.bytes;
	}
	return none;
}

/* The solicited-node group of an address (RFC 4291 §2.7.1). */
static void write_group(uint8_t *group, const struct conf_addr *a)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	memcpy(group, prefix, sizeof(prefix));
	memcpy(group + sizeof(prefix), a->addr.bytes + sizeof(prefix), 3);
}

/* It is asked for, among others or alone. */
static bool is_meant(const struct conf_addr *a, uint16_t iface, const uint8_t *group)
{
	uint8_t own[16];

	if (a->iface != iface || a->addr.family != IP_V6)
		return false;
	write_group(own, a);
	return memcmp(group, none, 16) == 0 || memcmp(group, own, 16) == 0;
}

static uint8_t *message_of(const struct net_iface *ni, struct buf *b)
{
	return b->data + ETH_HLEN + (ni->vlan ? VLAN_HLEN : 0) + IPV6_HLEN + ALERT_LEN;
}

/* Puts the headers before a message of `len` bytes, and queues it. */
static void send_message(struct shard *sh, uint16_t iface, struct buf *b, const uint8_t *dst,
			 uint32_t len)
{
	static const uint8_t router_alert[ALERT_LEN] = {IPPROTO_ICMP6_, 0, 5, 2, 0, 0, 1, 0};
	const struct net_iface *ni = &sh->net.ifaces[iface];
	const uint8_t mac[6] = {0x33, 0x33, dst[12], dst[13], dst[14], dst[15]};
	const uint8_t *src = source(sh, iface);
	uint8_t *message = message_of(ni, b);
	uint32_t l2 = build_eth(b->data, ni->mac, mac, ni->vlan, ETH_TYPE_IPV6);
	uint16_t csum;

	build_ipv6(b->data + l2, src, dst, HOP_BY_HOP, ALERT_LEN + len, MLD_HOP_LIMIT, 0);
	memcpy(message - ALERT_LEN, router_alert, ALERT_LEN);
	csum = csum_finish(csum_pseudo6(src, dst, IPPROTO_ICMP6_, len) +
			   csum_partial(message, len));
	memcpy(message + 2, &csum, 2);
	b->len = (uint32_t)(message - b->data) + len;
	b->flags = 0;
	shard_tx(sh, ni->port, b);
}

static void write_record(uint8_t *p, uint8_t kind, const struct conf_addr *a)
{
	memset(p, 0, 4);
	p[0] = kind;
	write_group(p + 4, a);
}

/* Those addresses from *next on that one frame takes; returns the records written. */
static uint32_t write_records(const struct shard *sh, uint16_t iface, uint8_t kind,
			      const uint8_t *group, uint8_t *message, uint16_t *next)
{
	uint32_t n = 0;

	for (; *next < sh->conf->nb_addrs && n < RECORDS_MAX; ++*next) {
		const struct conf_addr *a = &sh->conf->addrs[*next];

		if (is_meant(a, iface, group))
			write_record(message + HEADER_LEN + RECORD_LEN * n++, kind, a);
	}
	memset(message, 0, HEADER_LEN);
	message[0] = MLD_REPORT;
	put_be16(message + 6, (uint16_t)n);
	return n;
}

static void report(struct shard *sh, uint16_t iface, uint8_t kind, const uint8_t *group)
{
	static const uint8_t routers[16] = {0xff, 0x02, [15] = 0x16};

	for (uint16_t next = 0; next < sh->conf->nb_addrs;) {
		const struct net_iface *ni = &sh->net.ifaces[iface];
		struct buf *b = net_frame_alloc(sh, ni->port);
		uint32_t n;

		if (!b)
			return;
		n = write_records(sh, iface, kind, group, message_of(ni, b), &next);
		if (n)
			send_message(sh, iface, b, routers, HEADER_LEN + RECORD_LEN * n);
		else
			shard_buf_free(sh, b);
	}
}

/* A frame for each group. */
static void report_v1(struct shard *sh, uint16_t iface, const uint8_t *group)
{
	for (uint16_t i = 0; i < sh->conf->nb_addrs; i++) {
		const struct net_iface *ni = &sh->net.ifaces[iface];
		const struct conf_addr *a = &sh->conf->addrs[i];
		uint8_t *message, own[16];
		struct buf *b;

		if (!is_meant(a, iface, group))
			continue;
		b = net_frame_alloc(sh, ni->port);
		if (!b)
			return;
		write_group(own, a);
		message = message_of(ni, b);
		memset(message, 0, HEADER_LEN);
		message[0] = MLD_REPORT_V1;
		memcpy(message + HEADER_LEN, own, 16);
		send_message(sh, iface, b, own, MLD_V1_LEN);
	}
}

void mld_announce(struct shard *sh)
{
	for (uint16_t i = 0; i < sh->conf->nb_ifaces; i++)
		report(sh, i, MLD_TO_EXCLUDE, none);
}

/* RFC 3810 §5.1.14 and §6.2: from the link. */
static bool is_good(const struct seg *s)
{
	return s->payload_len >= MLD_V1_LEN && s->ttl == MLD_HOP_LIMIT && is_link_local(s->src);
}

void mld_query(struct shard *sh, struct seg *s)
{
	bool good = is_good(s), v1 = s->payload_len == MLD_V1_LEN;
	uint8_t group[16];

	if (good)
		memcpy(group, s->payload + HEADER_LEN, sizeof(group));
	shard_buf_free(sh, s->buf);
	if (!good) {
		stat_inc(sh, STAT_drop_bad_nd);
		return;
	}
	if (!budget_take(&sh->icmp_budget, sh->now, &sh->isn_key.sip)) {
		stat_inc(sh, STAT_drop_icmp_limited);
		return;
	}
	stat_inc(sh, STAT_mld_replies);
	if (v1)
		report_v1(sh, s->iface, group);
	else
		report(sh, s->iface, MLD_IS_EXCLUDE, group);
}
