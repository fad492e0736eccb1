/* SPDX-License-Identifier: BSD-3-Clause */
/* One line for each TCP segment on a simulated link, for whoever looks into a
 * seed that failed. Numbers are absolute. */
#pragma once

#include "engine/base/tick.h"

/* Prints what `node` has sent (or received) `us` after the start. */
void trace_frame(usec_t us, uint32_t node, bool sent, const uint8_t *bytes, uint32_t len);
