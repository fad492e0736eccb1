/* SPDX-License-Identifier: BSD-3-Clause */
/* The notation of segments. See segment.h. */
#include "tests/script/segment.h"

static const struct {
	char letter;
	uint8_t flag;
} flag_letters[] = {
    {'S', FRAME_SYN}, {'F', FRAME_FIN}, {'R', FRAME_RST}, {'P', FRAME_PSH},
    {'U', FRAME_URG}, {'E', FRAME_ECE}, {'W', FRAME_CWR}, {'.', FRAME_ACK},
};

static bool scan_flags(struct scan *s, struct segment *seg)
{
	scan_space(s);
	if (scan_accept(s, "-"))
		return true;
	for (; *s->p && *s->p != ' '; s->p++) {
		bool known = *s->p == '?';

		seg->any_flags_psh |= known;
		for (size_t i = 0; i < ARRAY_SIZE(flag_letters); i++) {
			if (*s->p != flag_letters[i].letter)
				continue;
			seg->flags |= flag_letters[i].flag;
			known = true;
		}
		if (!known)
			return scan_fail(s, "unknown TCP flag '%c'", *s->p);
	}
	return seg->flags != 0 || scan_fail(s, "TCP flags are missing");
}

static bool scan_range(struct scan *s, struct segment *seg)
{
	uint32_t end;

	if (!scan_number(s, &seg->seq) || !scan_expect(s, ":") || !scan_number(s, &end) ||
	    !scan_expect(s, "(") || !scan_number(s, &seg->len) || !scan_expect(s, ")"))
		return false;
	return end - seg->seq == seg->len || scan_fail(s, "%u:%u holds %u bytes, not %u", seg->seq,
						       end, end - seg->seq, seg->len);
}

static bool scan_frag(struct scan *s, struct frame_harm *h)
{
	uint32_t n;

	h->has_frag = true;
	if (!scan_number(s, &n))
		return false;
	h->frag = (uint16_t)n;
	return true;
}

/* A number into a field of `size` bytes. */
static bool scan_field(struct scan *s, void *field, size_t size)
{
	uint32_t n;

	if (!scan_number(s, &n))
		return false;
	if (size == 1)
		*(uint8_t *)field = (uint8_t)n;
	else if (size == 2)
		*(uint16_t *)field = (uint16_t)n;
	else
		*(uint32_t *)field = n;
	return true;
}

static bool scan_harm(struct scan *s, struct frame_harm *h)
{
	if (scan_accept(s, "bad-csum"))
		return h->l4_csum = true;
	if (scan_accept(s, "bad-ip-csum"))
		return h->ip_csum = true;
	if (scan_accept(s, "bad-ethertype"))
		return h->ethertype = true;
	if (scan_accept(s, "ip-len"))
		return scan_field(s, &h->ip_len, sizeof(h->ip_len));
	if (scan_accept(s, "offset"))
		return scan_field(s, &h->data_offset, 1);
	if (scan_accept(s, "ip-version"))
		return scan_field(s, &h->ip_version, 1);
	if (scan_accept(s, "ip-options"))
		return scan_field(s, &h->ip_option_words, 1);
	if (scan_accept(s, "ext-header")) {
		h->ext = true;
		return scan_field(s, &h->ext_header, 1);
	}
	if (scan_accept(s, "frag"))
		return scan_frag(s, h);
	if (scan_accept(s, "cut"))
		return scan_field(s, &h->cut, 2);
	if (scan_accept(s, "pad"))
		return scan_field(s, &h->pad, 2);
	return scan_fail(s, "unknown field at \"%.20s\"", s->p);
}

/* Byte ranges of the IP payload, "end" for its end: `0-64 64-end`. */
static bool scan_pieces(struct scan *s, struct mods *m)
{
	while (*s->p != ']' && *s->p != ',') {
		if (m->nb_pieces == MODS_PIECES)
			return scan_fail(s, "more than %u pieces", MODS_PIECES);
		if (!scan_number(s, &m->pieces[m->nb_pieces].start) || !scan_expect(s, "-"))
			return false;
		if (scan_accept(s, "end"))
			m->pieces[m->nb_pieces].end = UINT32_MAX;
		else if (!scan_number(s, &m->pieces[m->nb_pieces].end))
			return false;
		m->nb_pieces++;
	}
	return true;
}

static bool scan_mod(struct scan *s, struct mods *m)
{
	if (scan_accept(s, "pieces"))
		return scan_pieces(s, m);
	if (scan_accept(s, "id"))
		return scan_number(s, &m->id);
	if (scan_accept(s, "ttl"))
		return (m->has_ttl = scan_number(s, &m->ttl));
	if (scan_accept(s, "tos"))
		return (m->has_tos = scan_number(s, &m->tos));
	if (scan_accept(s, "vlan"))
		return (m->has_vlan = scan_number(s, &m->vlan));
	if (scan_accept(s, "ether"))
		return scan_word(s, m->ether, sizeof(m->ether));
	if (scan_accept(s, "from"))
		return scan_word(s, m->from, sizeof(m->from));
	if (scan_accept(s, "to"))
		return scan_word(s, m->to, sizeof(m->to));
	if (scan_accept(s, "fragmentable"))
		return m->fragmentable = true;
	if (scan_accept(s, "stranger"))
		return m->stranger = true;
	if (scan_accept(s, "land"))
		return m->land = true;
	return scan_harm(s, &m->harm);
}

bool mods_scan(struct scan *s, struct mods *m)
{
	if (scan_accept(s, "[")) {
		do {
			if (!scan_mod(s, m))
				return false;
		} while (scan_accept(s, ","));
		if (!scan_expect(s, "]"))
			return false;
	}
	return scan_end(s) || scan_fail(s, "nothing more should come at \"%.20s\"", s->p);
}

static bool scan_payload(struct scan *s, struct segment *seg)
{
	scan_space(s);
	if (*s->p != '"')
		return true;
	seg->has_text = true;
	if (!scan_string(s, seg->text, sizeof(seg->text), &seg->text_len))
		return false;
	return seg->text_len == seg->len ||
	       scan_fail(s, "the payload has %u bytes, not %u", seg->text_len, seg->len);
}

bool segment_scan(struct scan *s, struct segment *seg)
{
	memset(seg, 0, sizeof(*seg));
	if (!scan_flags(s, seg) || !scan_range(s, seg))
		return false;
	if (scan_accept(s, "ack") && !(seg->has_ack = scan_number(s, &seg->ack)))
		return false;
	if (scan_accept(s, "win")) {
		seg->has_wnd = true;
		seg->any_wnd = scan_accept(s, "*");
		if (!seg->any_wnd && !scan_number(s, &seg->wnd))
			return false;
	}
	if (scan_accept(s, "urg") && !(seg->has_urp = scan_number(s, &seg->urp)))
		return false;
	if (scan_accept(s, "<") && !options_scan(s, &seg->opts))
		return false;
	return scan_payload(s, seg) && mods_scan(s, &seg->mods);
}

void segment_of_frame(const struct frame *f, const struct relation *rel, struct segment *seg)
{
	const struct frame_tcp *t = &f->tcp;

	memset(seg, 0, sizeof(*seg));
	seg->flags = t->flags;
	seg->seq = t->seq - rel->ours;
	seg->len = f->payload_len;
	seg->has_ack = t->flags & FRAME_ACK || t->ack;
	seg->ack = t->flags & FRAME_ACK ? t->ack - rel->theirs : t->ack;
	seg->has_wnd = true;
	seg->wnd = t->wnd;
	seg->has_urp = t->flags & FRAME_URG || t->urp;
	seg->urp = t->urp;
	options_decode(t->opts, t->opts_len, rel, &seg->opts);
	seg->mods.has_ttl = seg->mods.has_tos = seg->mods.has_vlan = true;
	seg->mods.ttl = f->ttl;
	seg->mods.tos = f->tos;
	seg->mods.vlan = f->vlan;
	seg->mods.fragmentable = f->fragmentable;
}

bool segment_match(const struct segment *want, const struct segment *got)
{
	uint8_t mask = want->any_flags_psh ? (uint8_t)~FRAME_PSH : 0xff;

	return (want->flags & mask) == (got->flags & mask) && want->seq == got->seq &&
	       want->len == got->len && want->has_ack == got->has_ack && want->ack == got->ack &&
	       (!want->has_wnd || want->any_wnd || want->wnd == got->wnd) &&
	       want->has_urp == got->has_urp && want->urp == got->urp &&
	       options_match(&want->opts, &got->opts) &&
	       (!want->mods.has_ttl || want->mods.ttl == got->mods.ttl) &&
	       (!want->mods.has_tos || want->mods.tos == got->mods.tos) &&
	       (!want->mods.has_vlan || want->mods.vlan == got->mods.vlan) &&
	       want->mods.fragmentable == got->mods.fragmentable;
}

static void print_mods(FILE *out, const struct mods *m)
{
	const char *before = " [";

	if (m->has_ttl && m->ttl != 64) {
		fprintf(out, "%sttl %u", before, m->ttl);
		before = ", ";
	}
	if (m->has_tos && m->tos != 0) {
		fprintf(out, "%stos 0x%x", before, m->tos);
		before = ", ";
	}
	if (m->has_vlan && m->vlan != 0) {
		fprintf(out, "%svlan %u", before, m->vlan);
		before = ", ";
	}
	if (m->fragmentable) {
		fprintf(out, "%sfragmentable", before);
		before = ", ";
	}
	if (before[0] == ',')
		fputs("]", out);
}

void segment_print(FILE *out, const struct segment *seg)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_letters); i++)
		if (seg->flags & flag_letters[i].flag)
			fputc(flag_letters[i].letter, out);
	if (seg->any_flags_psh)
		fputc('?', out);
	if (!seg->flags)
		fputc('-', out);
	fprintf(out, " %d:%d(%u)", (int32_t)seg->seq, (int32_t)(seg->seq + seg->len), seg->len);
	if (seg->has_ack)
		fprintf(out, " ack %d", (int32_t)seg->ack);
	if (seg->has_wnd && !seg->any_wnd)
		fprintf(out, " win %u", seg->wnd);
	if (seg->has_urp)
		fprintf(out, " urg %u", seg->urp);
	options_print(out, &seg->opts);
	print_mods(out, &seg->mods);
}
