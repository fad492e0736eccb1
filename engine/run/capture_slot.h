/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a worker gets the tap of a capture, and how it is known that it has let
 * go of it: a control thread sets the slot, the worker looks once a turn and
 * says what it found. No lock; the worker's side is two loads of one line.
 */
#pragma once

#include <stdatomic.h>

#include "engine/base/compiler.h"

struct capture_tap;

/* All zero: no tap. */
struct capture_slot {
	_Atomic(struct capture_tap *) given; /* control writes */
	_Atomic(struct capture_tap *) seen;  /* the worker writes */
};

/* Worker, at the beginning of a turn: the tap for this turn, NULL: none. */
static inline struct capture_tap *capture_slot_look(struct capture_slot *s)
{
	struct capture_tap *t = atomic_load_explicit(&s->given, memory_order_acquire);

	if (unlikely(atomic_load_explicit(&s->seen, memory_order_relaxed) != t))
		atomic_store_explicit(&s->seen, t, memory_order_release);
	return t;
}

/* Control: the worker will use `t` from its next turn on; NULL takes back what
 * it has. One control thread at a time. */
static inline void capture_slot_set(struct capture_slot *s, struct capture_tap *t)
{
	atomic_store_explicit(&s->given, t, memory_order_release);
}

/* Control: the worker has seen what was set last, and no longer touches what was
 * there before. */
static inline bool capture_slot_is_seen(struct capture_slot *s)
{
	return atomic_load_explicit(&s->seen, memory_order_acquire) ==
	       atomic_load_explicit(&s->given, memory_order_relaxed);
}
