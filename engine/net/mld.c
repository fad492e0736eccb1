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

/* It is asked for, among others or alone. */
static bool is_meant(const struct conf_addr *a, uint16_t iface, const uint8_t *group)
{
	uint8_t own[16];

	if (a->iface != iface || a->addr.family != IP_V6)
		return false;
	net_solicited_node(&a->addr, own);
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
	const uint8_t *src = source(sh, iface);
	uint8_t *message = message_of(ni, b), mac[6];
	uint16_t csum;
	uint32_t l2;

	net_group_mac(dst, mac);
	l2 = build_eth(b->data, ni->mac, mac, ni->vlan, ETH_TYPE_IPV6);
	build_ipv6(b->data + l2, src, dst, HOP_BY_HOP, ALERT_LEN + len, MLD_HOP_LIMIT, 0);
	memcpy(message - ALERT_LEN, router_alert, ALERT_LEN);
	csum = csum_finish(csum_pseudo6(src, dst, IPPROTO_ICMP6_, len) +
			   csum_partial(message, len));
	memcpy(message + 2, &csum, 2);
	b->len = (uint32_t)(message - b->data) + len;
	b->flags = 0;
	shard_tx(sh, ni->port, b);
}

static void write_record(uint8_t *p, uint8_t kind, const struct ipaddr *addr)
{
	memset(p, 0, 4);
	p[0] = kind;
	net_solicited_node(addr, p + 4);
}

/* With n records, behind where the message's header goes. */
static void send_report(struct shard *sh, uint16_t iface, struct buf *b, uint32_t n)
{
	static const uint8_t routers[16] = {0xff, 0x02, [15] = 0x16};
	uint8_t *message = message_of(&sh->net.ifaces[iface], b);

	memset(message, 0, HEADER_LEN);
	message[0] = MLD_REPORT;
	put_be16(message + 6, (uint16_t)n);
	send_message(sh, iface, b, routers, HEADER_LEN + RECORD_LEN * n);
}

/* False: no address is meant, or there is no frame for it. */
static bool report(struct shard *sh, uint16_t iface, uint8_t kind, const uint8_t *group)
{
	const struct net_iface *ni = &sh->net.ifaces[iface];
	struct buf *b = NULL;
	uint32_t n = 0;

	for (uint16_t i = 0; i < sh->conf->nb_addrs; i++) {
		const struct conf_addr *a = &sh->conf->addrs[i];

		if (!is_meant(a, iface, group))
			continue;
		if (n == RECORDS_MAX) {
			send_report(sh, iface, b, n);
			n = 0;
		}
		if (n == 0 && (b = net_frame_alloc(sh, ni->port)) == NULL)
			return false;
		write_record(message_of(ni, b) + HEADER_LEN + RECORD_LEN * n++, kind, &a->addr);
	}
	if (n)
		send_report(sh, iface, b, n);
	return n > 0;
}

/* A frame for each group. */
static bool report_v1(struct shard *sh, uint16_t iface, const uint8_t *group)
{
	const struct net_iface *ni = &sh->net.ifaces[iface];
	bool any = false;

	for (uint16_t i = 0; i < sh->conf->nb_addrs; i++) {
		const struct conf_addr *a = &sh->conf->addrs[i];
		uint8_t *message, own[16];
		struct buf *b;

		if (!is_meant(a, iface, group))
			continue;
		b = net_frame_alloc(sh, ni->port);
		if (!b)
			break;
		net_solicited_node(&a->addr, own);
		message = message_of(ni, b);
		memset(message, 0, HEADER_LEN);
		message[0] = MLD_REPORT_V1;
		memcpy(message + HEADER_LEN, own, 16);
		send_message(sh, iface, b, own, MLD_V1_LEN);
		any = true;
	}
	return any;
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
	if (v1 ? report_v1(sh, s->iface, group) : report(sh, s->iface, MLD_IS_EXCLUDE, group))
		stat_inc(sh, STAT_mld_replies);
}
