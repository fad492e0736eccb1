/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about our segments: RFC 9293 §3.9.2.2, RFC 5927 validation. */
#pragma once

#include "engine/shard.h"

/* s holds a checked ICMP or ICMPv6 error message; consumes s->buf. */
void tcp_icmp_error(struct shard *sh, struct seg *s);
