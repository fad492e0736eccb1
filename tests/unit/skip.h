/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests that not every machine or user can run. They are skipped by their name: what
 * older cmocka prints after skip(), "not ok N # SKIP", counts as a failure in TAP.
 * Include it after cmocka.h.
 */
#pragma once

#include "engine/base/compiler.h"

static inline void skipped_test(void **state UNUSED)
{
}

/* An entry of a struct CMUnitTest array: test `f`, or if not `can` a skip; `why` is a
 * literal that goes on from "SKIP". */
#define unit_test_if(can, f, setup, why)                                                           \
	{(can) ? #f : #f " # SKIP " why, (can) ? (f) : skipped_test, (can) ? (setup) : NULL, NULL, \
	 NULL}
