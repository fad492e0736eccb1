/* SPDX-License-Identifier: BSD-3-Clause */
/* Services that answer by themselves: for tests, benches and health checks. */
#pragma once

#include "engine/tcp/tcp.h"

extern const struct service echo_service;    /* returns what it gets (RFC 862) */
extern const struct service discard_service; /* reads and forgets (RFC 863) */
extern const struct service http_service;    /* a fixed response to each request */
