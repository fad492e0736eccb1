/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timing wheel for objects that are too small for a node of their own: 64 of neighbouring
 * indexes are a group, which has one node (base/wheel.h). A deadline takes 4.4 bytes, and lies
 * apart from its object, beside the others of its group, where they are looked through quickly.
 *
 * The node is filed under the earliest deadline of the group and never moved later: when that
 * object has been cancelled or moved in the meantime, the node fires for nothing, the group is
 * looked through and filed again. So arming and cancelling are a store as a rule, and each arming
 * costs one look at a group at most. It is for objects of which nearly all are cancelled, or which
 * have much to do when they expire.
 *
 * What base/wheel.h says of time holds here too; when the budget runs out in the middle of a group,
 * the rest of it comes in the next tick. Sized once, never grows. One thread.
 */
#pragma once

#include "engine/base/wheel.h"

#define WHEEL_GROUP 64 /* objects */

struct wheel_group {
	struct wheel_node node;
	uint64_t armed;		/* a bit an object */
	tick_t at[WHEEL_GROUP]; /* their deadlines; kept after they expired or were cancelled */
};
static_assert(sizeof(struct wheel_group) == 280, "4.4 bytes an object");

struct group_wheel {
	struct wheel wheel; /* of the groups, counted from 1; for wheel_next() */
	struct wheel_group *groups;
	uint32_t nb;	    /* of groups, the one before the first included */
};

/* Bytes for objects with indexes up to `max_index`. */
size_t group_wheel_bytes(uint32_t max_index);

/* `mem` holds group_wheel_bytes() zeroed bytes, aligned to 8. */
void group_wheel_init(struct group_wheel *g, void *mem, uint32_t max_index, tick_t now);

static inline struct wheel_group *group_wheel_group(const struct group_wheel *g, uint32_t index)
{
	return &g->groups[1 + index / WHEEL_GROUP];
}

/* The deadline that the object was given last. */
static inline tick_t group_wheel_at(const struct group_wheel *g, uint32_t index)
{
	return group_wheel_group(g, index)->at[index % WHEEL_GROUP];
}

static inline bool group_wheel_is_armed(const struct group_wheel *g, uint32_t index)
{
	return group_wheel_group(g, index)->armed >> index % WHEEL_GROUP & 1;
}

/* Arms, or moves, object `index` to expire at `at`; a deadline at or before
 * wheel.now is taken as the next tick, so it never expires in the same turn. */
void group_wheel_arm(struct group_wheel *g, uint32_t index, tick_t at);

/* Unarms; no effect on an object that is not armed. */
void group_wheel_cancel(struct group_wheel *g, uint32_t index);

/* Advances to `now` (never back), and calls `fn` for at most `budget` objects, which are unarmed
 * already and may be armed again; what is left stays due for the next calls. Returns how many it
 * handled, looks for nothing included. */
uint32_t group_wheel_run(struct group_wheel *g, tick_t now, uint32_t budget, wheel_fn fn,
			 void *ctx);

/* Walks everything; true when every armed object's group is filed early enough. For tests. */
bool group_wheel_check(const struct group_wheel *g);
