/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/prefix_bag.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/run/addr_text.h"
#include "engine/run/config_reader.h"

bool prefix_bag_add(struct prefix_bag *bag, const struct prefix *p)
{
	if (bag->count == bag->room) {
		uint32_t room = bag->room ? 2 * bag->room : 16;
		struct prefix *items = realloc(bag->items, room * sizeof(*items));

		if (!items)
			return false;
		bag->items = items;
		bag->room = room;
	}
	bag->items[bag->count++] = *p;
	return true;
}

void prefix_bag_free(struct prefix_bag *bag)
{
	free(bag->items);
	*bag = (struct prefix_bag){0};
}

static bool has_host_bits(const struct prefix *p, struct ipaddr *net)
{
	*net = p->addr;
	for (unsigned bit = p->len; bit < 128; bit++)
		net->bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return !ipaddr_equal(net, &p->addr);
}

static bool read(const char *text, size_t len, struct prefix *out)
{
	if (!config_ipaddr(text, len, &out->addr))
		return config_prefix(text, len, &out->addr, &out->len);
	out->len = out->addr.family == IP_V4 ? 32 : 128;
	return true;
}

/* The IPv4 network in one of IPv6 that stands for it. */
static struct ipaddr v4_part(const struct ipaddr *net)
{
	uint32_t net_be;

	memcpy(&net_be, net->bytes + 12, sizeof(net_be));
	return ipaddr_v4(net_be);
}

bool prefix_parse(const char *text, size_t len, struct prefix *out, char why[PREFIX_LINE_ERROR_MAX])
{
	char quoted[CONFIG_QUOTE_MAX], addr[ADDR_TEXT_MAX];
	struct ipaddr net;
	bool strays;

	*out = (struct prefix){0};
	config_quote(text, len, quoted);
	if (!read(text, len, out)) {
		snprintf(why, PREFIX_LINE_ERROR_MAX,
			 "%s is not a prefix: write it like 203.0.113.0/24, 2001:db8::/32 or "
			 "192.0.2.7",
			 quoted);
		return false;
	}
	strays = has_host_bits(out, &net);
	if (out->len >= 96 && config_is_v4_mapped(&net)) {
		net = v4_part(&net);
		snprintf(why, PREFIX_LINE_ERROR_MAX,
			 "%s is IPv4 written as IPv6, which no client comes from: write %s/%u",
			 quoted, addr_text(&net, addr), out->len - 96u);
		return false;
	}
	if (strays)
		snprintf(why, PREFIX_LINE_ERROR_MAX,
			 "%s has bits set behind its prefix: write %s/%u", quoted,
			 addr_text(&net, addr), out->len);
	return !strays;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* What of a line counts: without comment and blanks around it. */
static size_t trim(const char **line, size_t len)
{
	const char *comment = memchr(*line, '#', len);

	if (comment)
		len = (size_t)(comment - *line);
	while (len > 0 && is_blank((*line)[len - 1]))
		len--;
	while (len > 0 && is_blank(**line)) {
		++*line;
		len--;
	}
	return len;
}

int prefix_bag_read(struct prefix_bag *bag, const char *text, size_t len, uint32_t max,
		    char why[PREFIX_LINE_ERROR_MAX])
{
	const char *end = text + len;

	for (int number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text)), *line = text;
		size_t n = trim(&line, (size_t)((newline ? newline : end) - text));
		struct prefix p;

		text = newline ? newline + 1 : end;
		if (n == 0)
			continue;
		if (!prefix_parse(line, n, &p, why))
			return number;
		if (bag->count >= max) {
			snprintf(why, PREFIX_LINE_ERROR_MAX,
				 "one too many: at most %u prefixes are supported",
				 CONF_MAX_PREFIXES);
			return number;
		}
		if (!prefix_bag_add(bag, &p))
			return -1;
	}
	return 0;
}

struct prefix_table *prefix_bag_compile(struct prefix_bag *bag, bool refused)
{
	void *mem = aligned_alloc(16, prefix_table_bytes(bag->count)), *smaller;
	size_t used;

	if (!mem)
		return NULL;
	used = prefix_table_used(prefix_table_build(mem, bag->items, bag->count, refused));
	/* Prefixes that join leave much of it: it is kept for as long as the engine runs. */
	smaller = aligned_alloc(16, ALIGN_UP(used, (size_t)16));
	if (!smaller)
		return mem;
	prefix_table_copy(smaller, mem);
	free(mem);
	return smaller;
}

struct prefix_set *prefix_set_create(uint16_t nb_listeners)
{
	struct prefix_set *set =
	    calloc(1, sizeof(*set) + nb_listeners * sizeof(set->of_listener[0]));

	if (set)
		set->nb_listeners = nb_listeners;
	return set;
}

static bool is_first(const struct prefix_set *set, uint16_t i)
{
	for (uint16_t k = 0; k < i; k++)
		if (set->of_listener[k] == set->of_listener[i])
			return false;
	return true;
}

void prefix_set_free(struct prefix_set *set)
{
	if (!set)
		return;
	for (uint16_t i = set->nb_listeners; i-- > 0;)
		if (is_first(set, i))
			free((void *)(uintptr_t)set->of_listener[i]);
	free(set);
}
