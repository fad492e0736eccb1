/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options of scripts. See options.h. */
#include "tests/script/options.h"

enum { KIND_EOL, KIND_NOP, KIND_MSS, KIND_WSCALE, KIND_SACK_OK, KIND_SACK, KIND_TS = 8 };

static bool scan_maybe(struct scan *s, bool *any, uint32_t *n)
{
	*any = scan_accept(s, "*");
	return *any || scan_number(s, n);
}

static bool scan_sack(struct scan *s, struct option *o)
{
	o->kind = KIND_SACK;
	do {
		if (!scan_number(s, &o->sack[2 * o->nb_sack]) || !scan_expect(s, ":") ||
		    !scan_number(s, &o->sack[2 * o->nb_sack + 1]))
			return false;
		o->nb_sack++;
		scan_space(s);
	} while (o->nb_sack < 4 && *s->p != ',' && *s->p != '>');
	return true;
}

static bool scan_option(struct scan *s, struct option *o)
{
	uint32_t len;

	if (scan_accept(s, "nop")) {
		o->kind = KIND_NOP;
	} else if (scan_accept(s, "eol")) {
		o->kind = KIND_EOL;
	} else if (scan_accept(s, "mss")) {
		o->kind = KIND_MSS;
		return scan_maybe(s, &o->any_a, &o->a);
	} else if (scan_accept(s, "wscale")) {
		o->kind = KIND_WSCALE;
		return scan_maybe(s, &o->any_a, &o->a);
	} else if (scan_accept(s, "sackOK")) {
		o->kind = KIND_SACK_OK;
	} else if (scan_accept(s, "TS")) {
		o->kind = KIND_TS;
		return scan_expect(s, "val") && scan_maybe(s, &o->any_a, &o->a) &&
		       scan_expect(s, "ecr") && scan_maybe(s, &o->any_b, &o->b);
	} else if (scan_accept(s, "sack")) {
		return scan_sack(s, o);
	} else if (scan_accept(s, "hex")) {
		o->hex = true;
		if (!scan_hex(s, o->raw, sizeof(o->raw), &len))
			return false;
		o->raw_len = (uint8_t)len;
		o->kind = o->raw[0];
	} else {
		return scan_fail(s, "unknown option at \"%.20s\"", s->p);
	}
	return true;
}

bool options_scan(struct scan *s, struct options *o)
{
	*o = (struct options){0};
	if (scan_accept(s, "*>")) {
		o->any = true;
		return true;
	}
	do {
		if (o->count == OPTIONS_MAX)
			return scan_fail(s, "more than %d options", OPTIONS_MAX);
		if (!scan_option(s, &o->list[o->count++]))
			return false;
	} while (scan_accept(s, ","));
	return scan_expect(s, ">");
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One option as the peer sends it, at most 40 bytes; returns its length. */
static uint32_t emit_one(const struct option *o, const struct relation *rel, uint8_t *p)
{
	p[0] = o->kind;
	if (o->hex) {
		memcpy(p, o->raw, o->raw_len);
		return o->raw_len;
	}
	switch (o->kind) {
	case KIND_EOL:
	case KIND_NOP:
		return 1;
	case KIND_MSS:
		p[2] = (uint8_t)(o->a >> 8);
		p[3] = (uint8_t)o->a;
		return p[1] = 4;
	case KIND_WSCALE:
		p[2] = (uint8_t)o->a;
		return p[1] = 3;
	case KIND_TS:
		put32(p + 2, o->a);
		put32(p + 6, o->b + rel->ts_ours);
		return p[1] = 10;
	case KIND_SACK:
		for (uint32_t i = 0; i < 2u * o->nb_sack; i++)
			put32(p + 2 + 4 * i, o->sack[i] + rel->ours);
		return p[1] = (uint8_t)(2 + 8 * o->nb_sack);
	default:
		return p[1] = 2;
	}
}

uint32_t options_emit(const struct options *o, const struct relation *rel, uint8_t out[40])
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < o->count; i++) {
		uint8_t one[40] = {0};
		uint32_t n = emit_one(&o->list[i], rel, one);

		if (used + n > 40)
			return UINT32_MAX;
		memcpy(out + used, one, n);
		used += n;
	}
	return used;
}

static void decode_one(const uint8_t *p, uint32_t len, const struct relation *rel, struct option *o)
{
	o->kind = p[0];
	if (p[0] == KIND_MSS && len == 4) {
		o->a = (uint32_t)p[2] << 8 | p[3];
	} else if (p[0] == KIND_WSCALE && len == 3) {
		o->a = p[2];
	} else if (p[0] == KIND_TS && len == 10) {
		o->a = get32(p + 2) - rel->ts_ours;
		o->b = get32(p + 6);
	} else if (p[0] == KIND_SACK && len >= 10 && (len - 2) % 8 == 0) {
		o->nb_sack = (uint8_t)((len - 2) / 8);
		for (uint32_t i = 0; i < 2u * o->nb_sack; i++)
			o->sack[i] = get32(p + 2 + 4 * i) - rel->theirs;
	} else if (p[0] != KIND_SACK_OK || len != 2) {
		o->hex = true;
		o->raw_len = (uint8_t)len;
		memcpy(o->raw, p, len);
	}
}

void options_decode(const uint8_t *bytes, uint32_t len, const struct relation *rel,
		    struct options *o)
{
	*o = (struct options){0};
	for (uint32_t i = 0; i < len && bytes[i] != KIND_EOL && o->count < OPTIONS_MAX;) {
		if (bytes[i] == KIND_NOP) {
			i++;
			continue;
		}
		decode_one(bytes + i, bytes[i + 1], rel, &o->list[o->count++]);
		i += bytes[i + 1];
	}
}

static bool option_match(const struct option *want, const struct option *got)
{
	return want->kind == got->kind && want->hex == got->hex &&
	       (want->any_a || want->a == got->a) && (want->any_b || want->b == got->b) &&
	       want->nb_sack == got->nb_sack &&
	       memcmp(want->sack, got->sack, sizeof(want->sack)) == 0 &&
	       want->raw_len == got->raw_len && memcmp(want->raw, got->raw, want->raw_len) == 0;
}

bool options_match(const struct options *want, const struct options *got)
{
	uint32_t needed = 0, found = 0;

	if (want->any)
		return true;
	for (uint32_t i = 0; i < want->count; i++) {
		const struct option *w = &want->list[i];
		bool hit = false;

		if (!w->hex && (w->kind == KIND_NOP || w->kind == KIND_EOL))
			continue;
		needed++;
		for (uint32_t k = 0; k < got->count; k++)
			hit |= option_match(w, &got->list[k]);
		found += hit;
	}
	return found == needed && needed == got->count;
}

static void print_number(FILE *out, const char *before, bool any, uint32_t n)
{
	fputs(before, out);
	if (any)
		fputs("*", out);
	else
		fprintf(out, "%u", n);
}

static void print_one(FILE *out, const struct option *o)
{
	if (o->hex) {
		fputs("hex ", out);
		for (uint32_t i = 0; i < o->raw_len; i++)
			fprintf(out, "%02x", o->raw[i]);
	} else if (o->kind == KIND_MSS) {
		print_number(out, "mss ", o->any_a, o->a);
	} else if (o->kind == KIND_WSCALE) {
		print_number(out, "wscale ", o->any_a, o->a);
	} else if (o->kind == KIND_TS) {
		print_number(out, "TS val ", o->any_a, o->a);
		print_number(out, " ecr ", o->any_b, o->b);
	} else if (o->kind == KIND_SACK) {
		fputs("sack", out);
		for (uint32_t i = 0; i < o->nb_sack; i++)
			fprintf(out, " %u:%u", o->sack[2 * i], o->sack[2 * i + 1]);
	} else {
		fputs(o->kind == KIND_SACK_OK ? "sackOK"
		      : o->kind == KIND_NOP   ? "nop"
					      : "eol",
		      out);
	}
}

void options_print(FILE *out, const struct options *o)
{
	if (o->any)
		fputs(" <*>", out);
	if (!o->count)
		return;
	for (uint32_t i = 0; i < o->count; i++) {
		fputs(i ? "," : " <", out);
		print_one(out, &o->list[i]);
	}
	fputs(">", out);
}
