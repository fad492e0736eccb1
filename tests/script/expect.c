/* SPDX-License-Identifier: BSD-3-Clause */
/* `>` lines: frames that the engine is to send, or is not to send. */
#include <stdlib.h>

#include "tests/lib/pattern.h"
#include "tests/script/other.h"
#include "tests/script/play.h"

#define FOREVER_US (48ull * 3600 * 1000000) /* what `*` waits for at most */

/* What was expected, as text: of a segment in normal form, else as written. */
static bool mismatch(struct play *p, const struct captured *c, const struct segment *want,
		     const char *as_written)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "> ");
	if (want)
		segment_print(out, want);
	else
		fputs(as_written, out);
	fprintf(out, "   (line: %s)", p->line->text);
	fclose(out);
	if (c)
		play_unexpected(p, c, text);
	else
		play_fail(p, "\n    expected  %s\n    actual    nothing is sent", text);
	free(text);
	return false;
}

static bool payload_matches(struct play *p, const struct segment *want, const struct frame *f)
{
	uint32_t off = f->tcp.seq - p->flow->rel.ours - 1, at;

	if (want->has_text) {
		if (memcmp(want->text, f->payload, f->payload_len) == 0)
			return true;
		return play_fail(p, "the payload is not \"%s\" but \"%.*s\"", want->text,
				 (int)f->payload_len, (const char *)f->payload);
	}
	if (p->set.service == PLAY_HTTP)
		return true;
	at = pattern_check(play_stream_out(p, p->flow), off, f->payload, f->payload_len);
	return at == PATTERN_OK || play_fail(p, "byte %u of the payload is not the stream's", at);
}

static bool addressed(struct play *p, const struct mods *m, const struct frame *f)
{
	uint8_t ours[6], peer[6];

	rig_mac(ours, 1, 0);
	rig_mac(peer, m->stranger ? STRANGER : PEER, 0);
	return (memcmp(f->src, ours, 6) == 0 && memcmp(f->dst, peer, 6) == 0) ||
	       play_fail(p, "the frame has wrong MAC addresses");
}

static bool is_segment(struct play *p, const struct captured *c, const struct segment *want)
{
	struct frame f;
	struct segment got;
	char why[200];

	frame_parse(c->bytes, c->len, c->pending, &f, why, sizeof(why));
	if (f.kind != FRAME_TCP || play_flow_of(p, &f) != p->flow)
		return mismatch(p, c, want, NULL);
	segment_of_frame(&f, &p->flow->rel, &got);
	if (!segment_match(want, &got) || got.mods.vlan != p->flow->vlan)
		return mismatch(p, c, want, NULL);
	return addressed(p, &want->mods, &f) && payload_matches(p, want, &f);
}

static bool is_other(struct play *p, const struct captured *c, const struct other *want,
		     const char *text)
{
	struct other_context ctx = play_context(p);
	struct frame f;
	struct other got;
	char why[200];

	frame_parse(c->bytes, c->len, c->pending, &f, why, sizeof(why));
	if (f.kind == FRAME_TCP)
		return mismatch(p, c, NULL, text);
	if (!other_of_frame(&f, &ctx, &got, why, sizeof(why)))
		return play_fail(p, "%s", why);
	if (got.mods.vlan != p->flow->vlan || !other_match(want, &got))
		return mismatch(p, c, NULL, text);
	return true;
}

/* Waits for the next frame, which must come between the two times. */
static struct captured *wait_frame(struct play *p, usec_t from, usec_t until)
{
	usec_t limit = until == UINT64_MAX ? p->now + FOREVER_US : until + PLAY_TOLERANCE_US;

	if (!play_wait(p, limit))
		return NULL;
	return p->head && p->head->at <= limit && p->head->at + PLAY_TOLERANCE_US >= from
		   ? play_take(p)
		   : NULL;
}

static bool expect_nothing(struct play *p, usec_t until)
{
	if (!play_wait(p, until))
		return false;
	if (p->head && p->head->at <= until)
		return play_unexpected(p, p->head, "no frame at all");
	p->mark = until;
	return true;
}

static bool scan_expected(struct play *p, struct scan *s, struct segment *seg, struct other *o,
			  bool *is_tcp)
{
	struct other_context ctx = play_context(p);

	*is_tcp = !other_comes(s);
	return *is_tcp ? segment_scan(s, seg) : other_scan(s, &ctx, true, o);
}

bool play_expect(struct play *p, struct scan *s, usec_t from, usec_t until)
{
	struct segment seg;
	struct other o;
	struct captured *c;
	const char *text = s->p;
	bool is_tcp, fine;

	if (scan_accept(s, "nothing"))
		return expect_nothing(p, until);
	if (!scan_expected(p, s, &seg, &o, &is_tcp))
		return false;
	c = wait_frame(p, from, until);
	if (!c)
		return !p->failed && mismatch(p, p->head, is_tcp ? &seg : NULL, text);
	fine = is_tcp ? is_segment(p, c, &seg) : is_other(p, c, &o, text);
	if (fine)
		p->mark = c->at;
	free(c);
	return fine;
}
