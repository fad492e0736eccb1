/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefix lists in scripts. */
#pragma once

#include "tests/script/play.h"

/* `lists [deny|allow PREFIX]...`: from now on these say who may connect; none: everybody. */
bool play_lists(struct play *p, struct scan *s);

/* Once the shard has ended. */
void play_lists_free(struct play *p);
