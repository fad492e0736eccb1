/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulator's chance: a sequence of numbers that follows from its seed alone, so
 * that whatever happened once happens again.
 */
#pragma once

#include "engine/base/compiler.h"

struct dice {
	uint64_t state; /* any value is a seed */
};

/* 64 random bits. */
uint64_t dice_roll(struct dice *d);

/* lo … hi, both possible, all as likely. */
uint32_t dice_between(struct dice *d, uint32_t lo, uint32_t hi);

/* True once in n times; n > 0. */
bool dice_one_in(struct dice *d, uint32_t n);

/* True with `ppm` parts per million. */
bool dice_chance(struct dice *d, uint32_t ppm);

/* 0 … max, small values as likely as large ones. */
uint32_t dice_size(struct dice *d, uint32_t max);

/* One of n numbers. */
uint32_t dice_pick(struct dice *d, const uint32_t *list, uint32_t n);

#define DICE_PICK(d, ...)                                                                          \
	dice_pick((d), (const uint32_t[]){__VA_ARGS__},                                            \
		  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
