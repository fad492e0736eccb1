/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/filter.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define WORD_MAX 80
#define BIT(s)   (1u << TCP_##s)

#define ALL_STATES          ((1u << TCP_NB_STATES) - 1)
#define CONNECTED_STATES    (ALL_STATES & ~(BIT(CLOSED) | BIT(LISTEN)))
#define SYNCHRONIZED_STATES (CONNECTED_STATES & ~BIT(SYN_SENT))
#define BUCKET_STATES       (BIT(SYN_RECEIVED) | BIT(TIME_WAIT))

/* The rest of a text, and the word that was taken from it last. */
struct words {
	const char *at;
	char word[WORD_MAX];
	char *err;
};

struct state_word {
	const char *name;
	uint32_t states;
};

static const struct state_word state_words[] = {
    {"established", BIT(ESTABLISHED)}, {"syn-sent", BIT(SYN_SENT)},
    {"syn-recv", BIT(SYN_RECEIVED)},   {"syn-received", BIT(SYN_RECEIVED)},
    {"fin-wait-1", BIT(FIN_WAIT_1)},   {"fin-wait-2", BIT(FIN_WAIT_2)},
    {"time-wait", BIT(TIME_WAIT)},     {"close-wait", BIT(CLOSE_WAIT)},
    {"last-ack", BIT(LAST_ACK)},       {"closing", BIT(CLOSING)},
    {"closed", BIT(CLOSED)},           {"listening", BIT(LISTEN)},
    {"listen", BIT(LISTEN)},           {"all", ALL_STATES},
    {"connected", CONNECTED_STATES},   {"synchronized", SYNCHRONIZED_STATES},
    {"bucket", BUCKET_STATES},         {"big", CONNECTED_STATES & ~BUCKET_STATES},
};

static bool fail(struct words *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->err, FILTER_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* Takes the next word; false at the end. Words too long to mean anything are cut. */
static bool next_word(struct words *w)
{
	size_t n = 0;

	while (isspace((unsigned char)*w->at))
		w->at++;
	if (*w->at == '\0')
		return false;
	for (; *w->at && !isspace((unsigned char)*w->at); w->at++)
		if (n < sizeof(w->word) - 1)
			w->word[n++] = *w->at;
	w->word[n] = '\0';
	return true;
}

static bool is_word(const struct words *w, const char *a, const char *b)
{
	return strcasecmp(w->word, a) == 0 || strcasecmp(w->word, b) == 0;
}

static bool parse_state(struct words *w, uint32_t *states)
{
	if (!next_word(w))
		return fail(w, "filter: state needs a name: established, time-wait, listening ...");
	for (size_t i = 0; i < ARRAY_SIZE(state_words); i++)
		if (strcasecmp(w->word, state_words[i].name) == 0) {
			*states |= state_words[i].states;
			return true;
		}
	return fail(w,
		    "filter: \"%s\" is not a state: use established, syn-sent, syn-recv, "
		    "fin-wait-1, fin-wait-2, time-wait, close-wait, last-ack, closing, listening",
		    w->word);
}

static bool parse_port(struct words *w, const char *text, uint16_t *port)
{
	char *end;
	unsigned long v;

	if (*text == ':')
		text++;
	v = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || v > 65535)
		return fail(w, "filter: \"%s\" is not a port: write :80", w->word);
	*port = (uint16_t)v;
	return true;
}

/* The ports for which `port OP v` holds; false: OP is no operator. An empty
 * range has lo above hi. */
static bool operator_range(const char *op, uint16_t v, struct info_ports *p)
{
	static const struct {
		const char *names; /* each between spaces */
		int below, at, above;
	} ops[] = {
	    {" = == eq ", 0, 1, 0}, {" != ne neq ", 1, 0, 1}, {" < lt ", 1, 0, 0},
	    {" > gt ", 0, 0, 1},    {" <= le ", 1, 1, 0},     {" >= ge ", 0, 1, 1},
	};
	char key[WORD_MAX + 2];

	snprintf(key, sizeof(key), " %s ", op);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		uint32_t lo = ops[i].below ? 0 : v + !ops[i].at;
		uint32_t hi = ops[i].above ? 65535 : v - (ops[i].at ? 0u : 1u);

		if (!strstr(ops[i].names, key))
			continue;
		*p = (struct info_ports){v, v, ops[i].below && ops[i].above};
		if (!p->invert && (lo > 65535 || hi > 65535))
			*p = (struct info_ports){0, 65535, true};
		else if (!p->invert)
			*p = (struct info_ports){(uint16_t)lo, (uint16_t)hi, false};
		return true;
	}
	return false;
}

static bool any_port(const struct info_ports *p)
{
	return p->lo == 0 && p->hi == 65535 && !p->invert;
}

/* Two conditions on one side's ports: a range narrows a range. */
static bool narrow(struct words *w, struct info_ports *have, struct info_ports add)
{
	if (any_port(have)) {
		*have = add;
		return true;
	}
	if (have->invert || add.invert)
		return fail(w, "filter: ports: give one !=, or ranges that begin and end");
	have->lo = MAX(have->lo, add.lo);
	have->hi = MIN(have->hi, add.hi);
	if (have->lo > have->hi)
		*have = (struct info_ports){0, 65535, true};
	return true;
}

static bool parse_ports(struct words *w, struct info_side *side)
{
	char name[WORD_MAX], op[WORD_MAX] = "=";
	struct info_ports p;
	uint16_t port = 0;

	memcpy(name, w->word, sizeof(name));
	if (!next_word(w))
		return fail(w, "filter: %s needs a port: %s = :80", name, name);
	if (operator_range(w->word, 0, &p)) {
		memcpy(op, w->word, sizeof(op));
		if (!next_word(w))
			return fail(w, "filter: %s %s needs a port: %s %s :80", name, op, name, op);
	}
	if (!parse_port(w, w->word, &port))
		return false;
	operator_range(op, port, &p);
	return narrow(w, &side->ports, p);
}

/* ADDR or ADDR/LEN, nothing behind it. */
static bool parse_prefix(struct words *w, char *text, struct info_side *side)
{
	struct ipaddr a = {.family = strchr(text, ':') ? IP_V6 : IP_V4};
	unsigned long bits = a.family == IP_V6 ? 128 : 32, len = bits;
	char *slash = strchr(text, '/'), *end;

	if (slash) {
		*slash++ = '\0';
		len = strtoul(slash, &end, 10);
		if (!isdigit((unsigned char)*slash) || *end != '\0' || len > bits)
			return fail(w, "filter: \"%s\": a prefix length is 0 to %lu", w->word,
				    bits);
	}
	if (inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, text, a.bytes) != 1)
		return fail(w,
			    "filter: \"%s\" is not an address: write 192.0.2.1, "
			    "192.0.2.0/24, 192.0.2.1:80 or [2001:db8::1]:80",
			    w->word);
	if (side->addr.family)
		return fail(w, "filter: a second address: give one src and one dst at most");
	side->addr = a;
	side->prefix_len = (uint8_t)len;
	return true;
}

/* ADDR[/LEN][:PORT], [ADDR][/LEN][:PORT] with brackets for IPv6, *:PORT, :PORT. */
static bool parse_address(struct words *w, struct info_side *side)
{
	char text[WORD_MAX], *addr = text, *port = NULL, *close;
	struct info_ports p = {0};

	memcpy(text, w->word, sizeof(text));
	close = text[0] == '[' ? strchr(text, ']') : NULL;
	if (close) {
		addr++;
		port = strchr(close, ':');
		if (port)
			*port++ = '\0';
		memmove(close, close + 1, strlen(close)); /* [a]/64 becomes a/64 */
	} else if (strchr(text, ':') == strrchr(text, ':')) {
		port = strchr(text, ':');
		if (port)
			*port++ = '\0';
	}
	if (port) {
		if (!parse_port(w, port, &p.lo))
			return false;
		p.hi = p.lo;
		if (!narrow(w, &side->ports, p))
			return false;
	}
	if (port && (*addr == '\0' || strcmp(addr, "*") == 0))
		return true;
	return parse_prefix(w, addr, side);
}

static bool parse_side(struct words *w, struct info_side *side)
{
	char name[WORD_MAX];

	memcpy(name, w->word, sizeof(name));
	if (!next_word(w))
		return fail(w, "filter: %s needs an address: %s 192.0.2.1", name, name);
	return parse_address(w, side);
}

static bool parse_name(struct words *w, char name[CONF_NAME_MAX])
{
	char key[WORD_MAX];

	memcpy(key, w->word, sizeof(key));
	if (!next_word(w))
		return fail(w, "filter: %s needs a name", key);
	if (strlen(w->word) >= CONF_NAME_MAX)
		return fail(w, "filter: \"%s\": a name has at most %d characters", w->word,
			    CONF_NAME_MAX - 1);
	memcpy(name, w->word, CONF_NAME_MAX);
	return true;
}

struct states {
	uint32_t wanted, excluded;
};

static bool parse_condition(struct filter *f, struct words *w, struct states *s)
{
	if (is_word(w, "and", "&&"))
		return true;
	if (is_word(w, "state", "state"))
		return parse_state(w, &s->wanted);
	if (is_word(w, "exclude", "excl")) {
		const char *before = w->at;

		if (next_word(w) && !is_word(w, "state", "state"))
			w->at = before;
		return parse_state(w, &s->excluded);
	}
	if (is_word(w, "sport", "sport"))
		return parse_ports(w, &f->match.local);
	if (is_word(w, "dport", "dport"))
		return parse_ports(w, &f->match.remote);
	if (is_word(w, "src", "src"))
		return parse_side(w, &f->match.local);
	if (is_word(w, "dst", "dst"))
		return parse_side(w, &f->match.remote);
	if (is_word(w, "listener", "listener"))
		return parse_name(w, f->listener);
	if (is_word(w, "pool", "pool"))
		return parse_name(w, f->pool);
	if (is_word(w, "or", "not") || is_word(w, "||", "!") || strchr("()", w->word[0]))
		return fail(w, "filter: \"%s\" is not supported: every condition must hold",
			    w->word);
	return fail(w,
		    "filter: \"%s\" is not a condition: use state, exclude, sport, dport, src, "
		    "dst, listener, pool",
		    w->word);
}

bool filter_parse(struct filter *f, const char *text, char err[FILTER_ERROR_MAX])
{
	struct words w = {.at = text, .err = err};
	struct states s = {0};

	memset(f, 0, sizeof(*f));
	info_filter_all(&f->match);
	if (strlen(text) > FILTER_TEXT_MAX)
		return fail(&w, "filter: longer than %d characters", FILTER_TEXT_MAX);
	while (next_word(&w))
		if (!parse_condition(f, &w, &s))
			return false;
	f->match.states = (s.wanted ? s.wanted : ALL_STATES) & ~s.excluded;
	return true;
}

bool filter_bind(struct filter *f, const struct conf *conf, char err[FILTER_ERROR_MAX])
{
	struct words w = {.err = err};
	uint16_t i;

	if (f->listener[0]) {
		/* The addresses of one listener follow each other under one name. */
		for (i = 0; i < conf->nb_listeners; i++)
			if (strcmp(conf->listeners[i].name, f->listener) == 0) {
				f->match.listener_last = i;
				if (f->match.listener_first == CONF_NONE)
					f->match.listener_first = i;
			}
		if (f->match.listener_first == CONF_NONE)
			return fail(&w, "filter: there is no listener \"%s\"", f->listener);
	}
	if (f->pool[0]) {
		for (i = 0; i < conf->nb_pools; i++)
			if (strcmp(conf->pools[i].name, f->pool) == 0)
				break;
		if (i == conf->nb_pools)
			return fail(&w, "filter: there is no pool \"%s\"", f->pool);
		f->match.pool = i;
	}
	return true;
}

bool filter_endpoint(const char *text, struct ipaddr *addr, uint16_t *port_be)
{
	struct info_side side = {.ports = {0, UINT16_MAX, false}};
	char err[FILTER_ERROR_MAX];
	struct words w = {.at = text, .err = err};

	if (!next_word(&w) || !parse_address(&w, &side))
		return false;
	*addr = side.addr;
	*port_be = htons(side.ports.lo);
	return true;
}
