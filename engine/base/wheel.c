/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/base/wheel.h"

#define WHEEL_HEAD 0x80000000u /* prev of a list head: slot id below this bit */

static uint32_t *list_head(struct wheel *w, uint32_t list)
{
	return &w->slot[list / WHEEL_SLOTS][list % WHEEL_SLOTS];
}

static void mark(struct wheel *w, uint32_t list, bool occupied)
{
	uint64_t *word = &w->occupied[list / WHEEL_SLOTS][list % WHEEL_SLOTS / 64];
	uint64_t bit = 1ull << (list % 64);

	*word = occupied ? *word | bit : *word & ~bit;
}

static void push(struct wheel *w, uint32_t list, uint32_t index)
{
	struct wheel_node *n = wheel_node(w, index);
	uint32_t *head = list_head(w, list);

	n->next = *head;
	n->prev = list | WHEEL_HEAD;
	if (*head)
		wheel_node(w, *head)->prev = index;
	else
		mark(w, list, true);
	*head = index;
}

static void unlink_node(struct wheel *w, uint32_t index)
{
	struct wheel_node *n = wheel_node(w, index);
	bool is_head = n->prev & WHEEL_HEAD;
	uint32_t list = n->prev & ~WHEEL_HEAD;

	if (n->next)
		wheel_node(w, n->next)->prev = n->prev;
	if (is_head) {
		*list_head(w, list) = n->next;
		if (!n->next)
			mark(w, list, false);
	} else {
		wheel_node(w, n->prev)->next = n->next;
	}
	n->next = n->prev = 0;
}

/* The slot of a deadline: the lowest level whose span, counted from now, holds it. */
static uint32_t list_of(const struct wheel *w, tick_t at)
{
	uint32_t delta = at - w->now;
	uint32_t level = 0;

	while (level < WHEEL_LEVELS - 1 && delta >> (WHEEL_BITS * (level + 1)))
		level++;
	return level * WHEEL_SLOTS + ((at >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1));
}

static void file(struct wheel *w, uint32_t index)
{
	push(w, list_of(w, wheel_node(w, index)->at), index);
}

void wheel_init(struct wheel *w, void *nodes, int32_t stride, tick_t now)
{
	memset(w, 0, sizeof(*w));
	w->base = nodes;
	w->stride = stride;
	w->now = now;
}

void wheel_arm(struct wheel *w, uint32_t index, tick_t at)
{
	struct wheel_node *n = wheel_node(w, index);

	if (n->prev)
		unlink_node(w, index);
	else
		w->armed++;
	n->at = tick_reached(w->now, at) ? w->now + 1 : at;
	file(w, index);
}

void wheel_cancel(struct wheel *w, uint32_t index)
{
	if (!wheel_is_armed(w, index))
		return;
	unlink_node(w, index);
	w->armed--;
}

/* Distance from slot `from` (exclusive) to the next occupied slot of the level
 * going round, or WHEEL_SLOTS + 1 when it is empty. */
static uint32_t next_occupied(const struct wheel *w, uint32_t level, uint32_t from)
{
	for (uint32_t d = 1; d <= WHEEL_SLOTS;) {
		uint32_t pos = (from + d) & (WHEEL_SLOTS - 1);
		uint64_t word = w->occupied[level][pos / 64] >> (pos % 64);

		if (word) {
			d += (uint32_t)__builtin_ctzll(word);
			return d <= WHEEL_SLOTS ? d : WHEEL_SLOTS + 1;
		}
		d += 64 - pos % 64;
	}
	return WHEEL_SLOTS + 1;
}

/* Ticks from wheel.now to the start of the next occupied slot, at most `max`. */
static uint32_t ticks_to_event(const struct wheel *w, uint32_t max)
{
	uint32_t best = max;

	for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
		uint32_t shift = WHEEL_BITS * level;
		uint32_t d = next_occupied(w, level, (w->now >> shift) & (WHEEL_SLOTS - 1));
		uint64_t ticks;

		if (d > WHEEL_SLOTS)
			continue;
		ticks = ((uint64_t)d << shift) - (w->now & ((1u << shift) - 1));
		if (ticks < best)
			best = (uint32_t)ticks;
	}
	return best;
}

/* Level 0 is emptied at every tick, level n at the ticks that begin its slots;
 * a node from a higher level lands below it, so the order is top down. */
static uint32_t *current_slot(struct wheel *w)
{
	for (uint32_t level = WHEEL_LEVELS; level-- > 0;) {
		uint32_t shift = WHEEL_BITS * level;
		uint32_t *head = &w->slot[level][(w->now >> shift) & (WHEEL_SLOTS - 1)];

		if (!(w->now & ((1u << shift) - 1)) && *head)
			return head;
	}
	return NULL;
}

uint32_t wheel_run(struct wheel *w, tick_t now, uint32_t budget, wheel_fn fn, void *ctx)
{
	uint32_t done = 0;

	for (;;) {
		uint32_t *head = current_slot(w);

		while (head && *head) {
			uint32_t index = *head;

			if (done++ == budget)
				return budget;
			unlink_node(w, index);
			if (tick_reached(w->now, wheel_node(w, index)->at)) {
				w->armed--;
				fn(ctx, index);
			} else {
				file(w, index);
			}
		}
		if (head)
			continue;
		if (!tick_before(w->now, now))
			return done;
		w->now += ticks_to_event(w, now - w->now);
	}
}

bool wheel_next(struct wheel *w, tick_t *at)
{
	if (!w->armed)
		return false;
	*at = current_slot(w) ? w->now : w->now + ticks_to_event(w, INT32_MAX);
	return true;
}

/* Counts a list while checking its links; UINT32_MAX when they are wrong. */
static uint32_t check_list(const struct wheel *w, uint32_t list, uint32_t head)
{
	uint32_t count = 0;
	uint32_t prev = list | WHEEL_HEAD;

	for (uint32_t i = head; i; i = wheel_node(w, i)->next) {
		if (wheel_node(w, i)->prev != prev || ++count > w->armed)
			return UINT32_MAX;
		prev = i;
	}
	return count;
}

bool wheel_check(const struct wheel *w)
{
	uint32_t total = 0;

	for (uint32_t list = 0; list < WHEEL_LEVELS * WHEEL_SLOTS; list++) {
		uint32_t level = list / WHEEL_SLOTS, pos = list % WHEEL_SLOTS;
		uint32_t count = check_list(w, list, w->slot[level][pos]);
		bool bit = w->occupied[level][pos / 64] >> (pos % 64) & 1;

		if (count == UINT32_MAX || bit != (count > 0))
			return false;
		total += count;
	}
	return total == w->armed;
}
