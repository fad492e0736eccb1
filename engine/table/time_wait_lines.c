/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/time_wait_lines.h"

#define GRAINS	   256 /* chunks of a line are no longer than that part of its wait */
#define LOOK_AT_MAX 256 /* chunks that are looked at for one to be had */
#define WALK_MAX    64	/* of them, one behind the other in a line */
#define NEAR	    16 /* records join chunks that end within that part of their wait */

/* Each line has chunks that time has ended before they were full, and one to fill. */
static uint32_t nb_chunks(uint32_t capacity, uint32_t nb_lines)
{
	uint32_t full = (capacity + TW_CHUNK - 1) / TW_CHUNK;

	return full + nb_lines * (MIN(GRAINS, capacity) + 2);
}

static size_t lines_bytes(uint32_t nb_lines)
{
	return ALIGN_UP(nb_lines * sizeof(struct tw_line), CACHE_LINE);
}

size_t tw_lines_bytes(uint32_t capacity, uint32_t nb_lines)
{
	return lines_bytes(nb_lines) +
	       ALIGN_UP((size_t)nb_chunks(capacity, nb_lines) * sizeof(struct tw_chunk),
			CACHE_LINE);
}

void tw_lines_init(struct tw_lines *t, void *mem, uint32_t capacity, uint32_t nb_lines,
		   tw_moved_fn moved, void *ctx)
{
	*t = (struct tw_lines){
	    .moved = moved,
	    .ctx = ctx,
	    .lines = mem,
	    .chunks = (void *)((uint8_t *)mem + lines_bytes(nb_lines)),
	    .nb_chunks = nb_chunks(capacity, nb_lines),
	    .free_head = TW_NONE,
	    .capacity = capacity,
	};
}

uint16_t tw_add_line(struct tw_lines *t, uint32_t wait_ticks)
{
	t->lines[t->nb_lines] = (struct tw_line){wait_ticks, TW_NONE, TW_NONE};
	return (uint16_t)t->nb_lines++;
}

static void free_chunk(struct tw_lines *t, uint32_t i)
{
	struct tw_chunk *c = &t->chunks[i];
	struct tw_line *l = &t->lines[c->line];

	if (c->prev == TW_NONE)
		l->first = c->next;
	else
		t->chunks[c->prev].next = c->next;
	if (c->next == TW_NONE)
		l->last = c->prev;
	else
		t->chunks[c->next].prev = c->prev;
	c->next = t->free_head;
	t->free_head = i;
}

/* The first slot from `i` on that holds no record, which it has from now on. */
static uint32_t take_hole(struct tw_chunk *c, uint32_t i)
{
	while (i < c->nb && c->records[i].used)
		i++;
	c->nb = (uint8_t)MAX(c->nb, i + 1);
	return i;
}

static void set_timestamps(struct tw_chunk *c, uint32_t i, bool timestamps)
{
	c->timestamps[i / 32] &= ~(1u << i % 32);
	c->timestamps[i / 32] |= (uint32_t)timestamps << i % 32;
}

static bool has_holes(const struct tw_lines *t, uint32_t i)
{
	return t->chunks[i].live && t->chunks[i].live < TW_CHUNK;
}

/* As many records as fit join those of a later chunk. True: that was all, `from` is free. */
static bool fill(struct tw_lines *t, uint32_t to, uint32_t from)
{
	struct tw_chunk *c = &t->chunks[from], *later = &t->chunks[to];
	uint32_t hole = 0;

	for (uint32_t i = 0; c->live && later->live < TW_CHUNK; i++) {
		if (!c->records[i].used)
			continue;
		hole = take_hole(later, hole);
		later->records[hole] = c->records[i];
		set_timestamps(later, hole, tw_has_timestamps(t, from * TW_CHUNK + i));
		c->records[i].used = 0;
		c->live--;
		later->live++;
		t->moved(t->ctx, from * TW_CHUNK + i, to * TW_CHUNK + hole);
	}
	if (c->live)
		return false;
	free_chunk(t, from);
	return true;
}

/* Fills the holes of chunk `to` from one before it that has holes as well, that one's from the one
 * before, and so on. True: one is free. */
static bool fill_back(struct tw_lines *t, uint32_t to, uint32_t *looks)
{
	uint32_t near = t->lines[t->chunks[to].line].wait / NEAR;
	uint32_t from = t->chunks[to].prev;

	for (uint32_t n = 0; n < WALK_MAX && from != TW_NONE && *looks; n++, --*looks) {
		uint32_t prev = t->chunks[from].prev;

		if (t->chunks[to].until - t->chunks[from].until > near)
			return false;
		if (has_holes(t, from)) {
			if (fill(t, to, from))
				return true;
			to = from;
		}
		from = prev;
	}
	return false;
}

/* Begins where there was a hole last, and looks on through all chunks in turn until one is free. */
static void compact(struct tw_lines *t)
{
	uint32_t looks = LOOK_AT_MAX;

	if (has_holes(t, t->holed) && fill_back(t, t->holed, &looks))
		return;
	while (looks) {
		looks--;
		t->looked_at = (t->looked_at + 1) % t->fresh;
		if (has_holes(t, t->looked_at) && fill_back(t, t->looked_at, &looks))
			return;
	}
}

static uint32_t take_chunk(struct tw_lines *t)
{
	uint32_t i;

	if (t->free_head == TW_NONE && t->fresh == t->nb_chunks)
		compact(t);
	i = t->free_head;
	if (i != TW_NONE)
		t->free_head = t->chunks[i].next;
	else if (t->fresh < t->nb_chunks)
		i = t->fresh++;
	return i;
}

/* A chunk at the end of the line, TW_NONE: there is none left. */
static uint32_t add_chunk(struct tw_lines *t, uint16_t line, tick_t now)
{
	struct tw_line *l = &t->lines[line];
	uint32_t i = take_chunk(t);
	struct tw_chunk *c;

	if (i == TW_NONE)
		return TW_NONE;
	c = &t->chunks[i];
	c->next = TW_NONE;
	c->prev = l->last;
	c->since = now;
	c->timestamps[0] = c->timestamps[1] = 0;
	c->nb = c->live = 0;
	c->line = line;
	if (l->last == TW_NONE)
		l->first = i;
	else
		t->chunks[l->last].next = i;
	l->last = i;
	return i;
}

/* The chunk that takes the line's next record. One that has taken its time takes more only when
 * there is no other. */
static uint32_t chunk_for(struct tw_lines *t, uint16_t line, tick_t now)
{
	const struct tw_line *l = &t->lines[line];
	const struct tw_chunk *c;
	uint32_t i;

	if (l->last == TW_NONE || t->chunks[l->last].nb == TW_CHUNK)
		return add_chunk(t, line, now);
	c = &t->chunks[l->last];
	if (likely(now - c->since <= l->wait / GRAINS))
		return l->last;
	i = add_chunk(t, line, now);
	return i == TW_NONE ? l->last : i;
}

uint32_t tw_enter(struct tw_lines *t, uint16_t line, tick_t now, bool timestamps)
{
	uint32_t i = t->used < t->capacity ? chunk_for(t, line, now) : TW_NONE, at;
	struct tw_chunk *c;

	if (unlikely(i == TW_NONE))
		return TW_NONE;
	c = &t->chunks[i];
	at = c->nb++;
	c->live++;
	c->until = now;
	c->timestamps[at / 32] |= (uint32_t)timestamps << at % 32;
	t->used++;
	return i * TW_CHUNK + at;
}

void tw_remove(struct tw_lines *t, uint32_t index)
{
	struct tw_chunk *c = tw_chunk_of(t, index);
	struct time_wait *tw = tw_at(t, index);

	INVARIANT(tw->used && c->live);
	tw->used = 0;
	t->used--;
	t->holed = index / TW_CHUNK;
	if (--c->live == 0)
		free_chunk(t, index / TW_CHUNK);
}

static bool is_over(const struct tw_lines *t, const struct tw_line *l, tick_t now)
{
	return l->first != TW_NONE && tick_reached(now, t->chunks[l->first].until + l->wait);
}

/* Hands over the chunk's records, a batch at a time; the last one frees it. */
static uint32_t expire_chunk(struct tw_lines *t, uint32_t chunk, uint32_t budget, tw_over_fn over,
			     void *ctx)
{
	const struct tw_chunk *c = &t->chunks[chunk];
	uint32_t nb = c->nb, done = 0, batch[TW_BATCH], n = 0;

	for (uint32_t i = 0; i < nb && done < budget; i++) {
		if (c->records[i].used)
			batch[n++] = chunk * TW_CHUNK + i;
		if (n < TW_BATCH && i + 1 < nb)
			continue;
		if (n)
			over(ctx, batch, n);
		done += n;
		n = 0;
	}
	return done;
}

uint32_t tw_expire(struct tw_lines *t, tick_t now, uint32_t budget, tw_over_fn over, void *ctx)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < t->nb_lines; i++)
		while (is_over(t, &t->lines[i], now) && done < budget)
			done += expire_chunk(t, t->lines[i].first, budget - done, over, ctx);
	return done;
}

bool tw_next(const struct tw_lines *t, tick_t *at)
{
	bool any = false;

	for (uint32_t i = 0; i < t->nb_lines; i++) {
		const struct tw_line *l = &t->lines[i];
		tick_t end;

		if (l->first == TW_NONE)
			continue;
		end = t->chunks[l->first].until + l->wait;
		*at = any ? tick_min(*at, end) : end;
		any = true;
	}
	return any;
}

/* The records of a line that have not ended; UINT32_MAX: its links or counts are wrong. */
static uint32_t check_line(const struct tw_lines *t, uint32_t line, uint32_t *chunks)
{
	uint32_t prev = TW_NONE, total = 0;

	for (uint32_t i = t->lines[line].first; i != TW_NONE; prev = i, i = t->chunks[i].next) {
		const struct tw_chunk *c = &t->chunks[i];
		uint32_t live = 0;

		for (uint32_t r = 0; r < TW_CHUNK; r++)
			live += c->records[r].used;
		if (c->prev != prev || c->line != line || live != c->live || !live ||
		    ++*chunks > t->fresh)
			return UINT32_MAX;
		total += live;
	}
	return prev == t->lines[line].last ? total : UINT32_MAX;
}

bool tw_check(const struct tw_lines *t)
{
	uint32_t used = 0, chunks = 0;

	for (uint32_t i = 0; i < t->nb_lines; i++) {
		uint32_t n = check_line(t, i, &chunks);

		if (n == UINT32_MAX)
			return false;
		used += n;
	}
	for (uint32_t i = t->free_head; i != TW_NONE; i = t->chunks[i].next)
		if (++chunks > t->fresh)
			return false;
	return used == t->used && chunks == t->fresh;
}
