/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors of our own: port unreachable (RFC 1122 §3.2.2.1, RFC 4443 §3.1). */
#pragma once

#include "engine/shard.h"

/* Answers the segment, whose sender is a unicast address of others, with port unreachable
 * in its own buffer, within a rate limit; consumes. */
void net_port_unreachable(struct shard *sh, struct seg *s);
