/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/base/group_wheel.h"

/* One call of group_wheel_run(). */
struct run {
	struct group_wheel *g;
	wheel_fn fn;
	void *ctx;
	uint32_t left; /* of its budget */
};

static uint32_t nb_groups(uint32_t max_index)
{
	return 2 + max_index / WHEEL_GROUP; /* the wheel's objects begin at 1 */
}

static uint64_t bit_of(uint32_t index)
{
	return 1ull << index % WHEEL_GROUP;
}

size_t group_wheel_bytes(uint32_t max_index)
{
	return nb_groups(max_index) * sizeof(struct wheel_group);
}

void group_wheel_init(struct group_wheel *g, void *mem, uint32_t max_index, tick_t now)
{
	g->groups = mem;
	g->nb = nb_groups(max_index);
	wheel_init(&g->wheel, &g->groups[0].node, sizeof(struct wheel_group), now);
}

void group_wheel_arm(struct group_wheel *g, uint32_t index, tick_t at)
{
	struct wheel_group *w = group_wheel_group(g, index);

	if (tick_reached(g->wheel.now, at))
		at = g->wheel.now + 1;
	w->at[index % WHEEL_GROUP] = at;
	w->armed |= bit_of(index);
	if (!wheel_node_is_armed(&w->node) || tick_before(at, w->node.at))
		wheel_arm(&g->wheel, 1 + index / WHEEL_GROUP, at);
}

void group_wheel_cancel(struct group_wheel *g, uint32_t index)
{
	struct wheel_group *w = group_wheel_group(g, index);

	w->armed &= ~bit_of(index);
	if (!w->armed)
		wheel_cancel(&g->wheel, 1 + index / WHEEL_GROUP);
}

/* Those whose deadline has come; the group is filed under the earliest one of the others. */
static uint64_t file_others(struct group_wheel *g, uint32_t group)
{
	struct wheel_group *w = &g->groups[group];
	uint32_t soonest = UINT32_MAX;
	uint64_t due = 0;

	for (uint64_t bits = w->armed; bits; bits &= bits - 1) {
		int32_t wait = (int32_t)(w->at[__builtin_ctzll(bits)] - g->wheel.now);

		if (wait <= 0)
			due |= bits & -bits;
		else
			soonest = MIN(soonest, (uint32_t)wait);
	}
	if (soonest != UINT32_MAX)
		wheel_arm(&g->wheel, group, g->wheel.now + soonest);
	return due;
}

/* What `fn` does to other objects of the group, due or not, holds. */
static void look_through(void *ctx, uint32_t group)
{
	struct run *r = ctx;
	struct group_wheel *g = r->g;
	struct wheel_group *w = &g->groups[group];
	uint64_t due = file_others(g, group);

	for (; due && r->left; due &= due - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(due);

		if (!(w->armed & bit_of(i)) || !tick_reached(g->wheel.now, w->at[i]))
			continue;
		w->armed &= ~bit_of(i);
		r->left--;
		r->fn(r->ctx, (group - 1) * WHEEL_GROUP + i);
	}
	if (!w->armed)
		wheel_cancel(&g->wheel, group);
	else if (due)
		wheel_arm(&g->wheel, group, g->wheel.now + 1);
}

uint32_t group_wheel_run(struct group_wheel *g, tick_t now, uint32_t budget, wheel_fn fn, void *ctx)
{
	struct run r = {g, fn, ctx, budget};

	/* One by one: each takes of the budget what was due in it. */
	while (r.left) {
		uint32_t before = r.left;

		if (!wheel_run(&g->wheel, now, 1, look_through, &r))
			break;
		r.left -= r.left == before;
	}
	return budget - r.left;
}

static bool group_ok(const struct group_wheel *g, uint32_t group)
{
	const struct wheel_group *w = &g->groups[group];

	if (wheel_node_is_armed(&w->node) != (w->armed != 0))
		return false;
	for (uint64_t bits = w->armed; bits; bits &= bits - 1) {
		tick_t at = w->at[__builtin_ctzll(bits)], next = g->wheel.now + 1;

		/* What the budget did not suffice for is due in the next tick. */
		if (tick_before(tick_before(at, next) ? next : at, w->node.at))
			return false;
	}
	return true;
}

bool group_wheel_check(const struct group_wheel *g)
{
	for (uint32_t i = 1; i < g->nb; i++)
		if (!group_ok(g, i))
			return false;
	return !g->groups[0].armed && wheel_check(&g->wheel);
}
