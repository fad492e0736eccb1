/* SPDX-License-Identifier: BSD-3-Clause */
/* What a seed has drawn and how far it has come, for whoever looks into one that
 * failed. */
#pragma once

#include "tests/sim/world.h"

/* Prints nodes, links and flows as comments. */
void show_world(const struct world *w);
