/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/frag.h"
#include "engine/shard.h"
#include "engine/wire/csum.h"

static struct ipaddr address(uint8_t family, const uint8_t *bytes)
{
	struct ipaddr a = {.family = family};

	memcpy(a.bytes, bytes, family == IP_V4 ? 4 : 16);
	return a;
}

static struct frag *set_of(struct shard *sh, const struct ipaddr *src, const struct ipaddr *dst,
			   const struct seg *s)
{
	uint64_t key[5] = {src->words[0], src->words[1], dst->words[0], dst->words[1],
			   (uint64_t)s->frag.id << 8 | s->frag.proto};

	return &sh->frags.at[siphash13(&sh->table_key.sip, key, 5) % FRAG_SETS * FRAG_WAYS];
}

/* Gives the datagram up, all its frames with it. */
static void give_up(struct shard *sh, struct frag *f, enum stat why)
{
	stat_add(sh, why, f->nb_frames);
	shard_buf_free(sh, f->b);
	f->b = NULL;
	sh->frags.used--;
}

static bool is_same(const struct frag *f, const struct ipaddr *src, const struct ipaddr *dst,
		    const struct seg *s)
{
	return f->b && f->id == s->frag.id && f->proto == s->frag.proto && f->iface == s->iface &&
	       ipaddr_equal(&f->src, src) && ipaddr_equal(&f->dst, dst);
}

/* The datagram's entry, or a place for a new one: free, else the oldest's. */
static struct frag *find(struct shard *sh, const struct ipaddr *src, const struct ipaddr *dst,
			 const struct seg *s)
{
	struct frag *set = set_of(sh, src, dst, s), *place = &set[0];

	for (int i = 0; i < FRAG_WAYS; i++)
		if (is_same(&set[i], src, dst, s))
			return &set[i];
	for (int i = 0; i < FRAG_WAYS && place->b; i++)
		if (!set[i].b || tick_before(set[i].expires, place->expires))
			place = &set[i];
	if (place->b)
		give_up(sh, place, STAT_drop_fragment_evicted);
	return place;
}

/* Options and extension headers are left out: nothing above looks at them. */
static uint32_t write_headers(struct buf *b, const struct seg *s)
{
	uint8_t *ip = b->data + s->l3_off;

	memcpy(b->data, s->buf->data, s->l3_off);
	if (s->family == IP_V4) {
		struct ipv4_hdr h = {.ver_ihl = 0x45, .ttl = s->ttl, .proto = s->frag.proto};

		memcpy(&h.src_be, s->src, 4);
		memcpy(&h.dst_be, s->dst, 4);
		memcpy(ip, &h, IPV4_HLEN);
		return s->l3_off + IPV4_HLEN;
	}
	put_be32(ip, 6u << 28);
	ip[6] = s->frag.proto;
	ip[7] = s->ttl;
	memcpy(ip + 8, s->src, 16);
	memcpy(ip + 24, s->dst, 16);
	return s->l3_off + IPV6_HLEN;
}

static bool begin(struct shard *sh, struct frag *f, const struct ipaddr *src,
		  const struct ipaddr *dst, const struct seg *s)
{
	struct buf *b = shard_buf_alloc(sh);

	if (!b)
		return false;
	*f = (struct frag){
	    .b = b,
	    .src = *src,
	    .dst = *dst,
	    .id = s->frag.id,
	    .iface = s->iface,
	    .proto = s->frag.proto,
	    .expires = sh->now + FRAG_TIMEOUT_MS,
	    .header = write_headers(b, s),
	};
	b->port = s->buf->port;
	if (sh->frags.used++ == 0)
		sh->frags.expire_at = f->expires;
	return true;
}

enum fit { FIT_NEW, FIT_REPEATED, FIT_BAD };

/* How [start, end) lies among what is there; *at: index of the range behind it. */
static enum fit fits(const struct frag *f, uint32_t start, uint32_t end, uint32_t *at)
{
	uint32_t i = 0;

	while (i < f->nb_ranges && f->ranges[i].end < start)
		i++;
	*at = i;
	for (; i < f->nb_ranges && f->ranges[i].start < end; i++) {
		if (f->ranges[i].start <= start && end <= f->ranges[i].end)
			return FIT_REPEATED;
		if (f->ranges[i].end > start)
			return FIT_BAD;
	}
	return FIT_NEW;
}

/* Adds [start, end), which overlaps nothing, joining what it touches. False: more
 * holes than anybody has. */
static bool add_range(struct frag *f, uint32_t start, uint32_t end, uint32_t at)
{
	struct frag_range *r = f->ranges + at;
	uint32_t behind = f->nb_ranges - at;

	if (behind && r->end == start) {
		r->end = (uint16_t)end;
		if (behind > 1 && r[1].start == end) {
			r->end = r[1].end;
			memmove(r + 1, r + 2, (behind - 2) * sizeof(*r));
			f->nb_ranges--;
		}
		return true;
	}
	if (behind && r->start == end) {
		r->start = (uint16_t)start;
		return true;
	}
	if (f->nb_ranges == FRAG_RANGES)
		return false;
	memmove(r + 1, r, behind * sizeof(*r));
	*r = (struct frag_range){(uint16_t)start, (uint16_t)end};
	f->nb_ranges++;
	return true;
}

/* The end of a datagram is where its last fragment ends, for all of them. */
static bool agrees_on_end(struct frag *f, const struct seg *s, uint32_t end)
{
	uint32_t reached = f->nb_ranges ? f->ranges[f->nb_ranges - 1].end : 0;

	if (f->payload_len)
		return s->frag.more ? end <= f->payload_len : end == f->payload_len;
	if (s->frag.more)
		return true;
	if (reached > end)
		return false;
	f->payload_len = end;
	return true;
}

static bool is_whole(const struct frag *f)
{
	return f->payload_len && f->nb_ranges == 1 && f->ranges[0].start == 0 &&
	       f->ranges[0].end == f->payload_len;
}

/* Lengths and the ECN field are known at last. */
static struct buf *finish(struct shard *sh, struct frag *f, const struct seg *s)
{
	struct buf *b = f->b;
	/* Where the first piece that came has it: others may have a priority tag, or none. */
	uint8_t *ip = b->data + f->header - (s->family == IP_V4 ? IPV4_HLEN : IPV6_HLEN);
	uint16_t csum;

	b->len = f->header + f->payload_len;
	b->flags |= BUF_RX_WHOLE;
	if (s->family == IP_V4) {
		ip[1] = f->ecn;
		put_be16(ip + 2, (uint16_t)(IPV4_HLEN + f->payload_len));
		csum = csum_finish(csum_partial(ip, IPV4_HLEN));
		memcpy(ip + offsetof(struct ipv4_hdr, csum), &csum, 2);
	} else {
		put_be32(ip, 6u << 28 | (uint32_t)f->ecn << 20);
		put_be16(ip + 4, (uint16_t)f->payload_len);
	}
	f->b = NULL;
	sh->frags.used--;
	stat_inc(sh, STAT_reassembled);
	return b;
}

/* Drops the frame alone. */
static struct buf *drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
	return NULL;
}

/* Takes the frame into the datagram; NULL or what it completes. */
static struct buf *take(struct shard *sh, struct frag *f, struct seg *s)
{
	uint32_t start = s->frag.offset, end = start + s->payload_len, at;
	enum fit fit = fits(f, start, end, &at);

	if (fit == FIT_REPEATED)
		return drop(sh, s, STAT_drop_fragment_repeated);
	f->nb_frames++;
	if (fit == FIT_BAD || !agrees_on_end(f, s, end) || !add_range(f, start, end, at)) {
		give_up(sh, f, STAT_drop_fragment_overlap);
		shard_buf_free(sh, s->buf);
		return NULL;
	}
	memcpy(f->b->data + f->header + start, s->payload, s->payload_len);
	f->ecn = (s->tos & ECN_MASK) == ECN_CE ? ECN_CE : MAX(f->ecn, s->tos & ECN_MASK);
	shard_buf_free(sh, s->buf);
	return is_whole(f) ? finish(sh, f, s) : NULL;
}

struct buf *frag_input(struct shard *sh, struct seg *s)
{
	struct ipaddr src, dst;
	uint32_t room = s->buf->room - BUF_HEADROOM;
	struct frag alone = {0}, *f;

	/* All but the last are a multiple of 8 bytes long; none is empty. */
	if (s->payload_len == 0 || (s->frag.more && s->payload_len % 8 != 0))
		return drop(sh, s, STAT_drop_fragment_bad);
	/* RFC 7112 §5: the first one has all headers, so that filters can judge it. */
	if (s->family == IP_V6 && s->frag.offset == 0 && s->frag.more &&
	    s->frag.proto == IPPROTO_TCP_ && s->payload_len < TCP_HLEN)
		return drop(sh, s, STAT_drop_fragment_bad);
	if (s->l3_off + IPV6_HLEN + s->frag.offset + s->payload_len > room)
		return drop(sh, s, STAT_drop_fragment_too_big);
	stat_inc(sh, STAT_fragments);
	src = address(s->family, s->src);
	dst = address(s->family, s->dst);
	/* RFC 6946: the whole of it, whatever else has its number. */
	if (s->frag.offset == 0 && !s->frag.more)
		f = &alone;
	else
		f = find(sh, &src, &dst, s);
	if (f->b && f->header + s->frag.offset + s->payload_len > room)
		return drop(sh, s, STAT_drop_fragment_too_big);
	if (!f->b && !begin(sh, f, &src, &dst, s)) {
		shard_buf_free(sh, s->buf); /* counted as drop_no_buffer */
		return NULL;
	}
	return take(sh, f, s);
}

void frag_expire(struct shard *sh)
{
	tick_t next = sh->now + FRAG_TIMEOUT_MS;

	if (!sh->frags.used || !tick_reached(sh->now, sh->frags.expire_at))
		return;
	for (uint32_t i = 0; i < FRAG_MAX; i++) {
		struct frag *f = &sh->frags.at[i];

		if (f->b && tick_reached(sh->now, f->expires))
			give_up(sh, f, STAT_drop_fragment_timeout);
		else if (f->b)
			next = tick_min(next, f->expires);
	}
	sh->frags.expire_at = next;
}

bool frag_next(const struct shard *sh, tick_t *at)
{
	*at = sh->frags.expire_at;
	return sh->frags.used > 0;
}

void frag_fini(struct shard *sh)
{
	for (uint32_t i = 0; i < FRAG_MAX; i++)
		if (sh->frags.at[i].b)
			give_up(sh, &sh->frags.at[i], STAT_drop_fragment_timeout);
}
