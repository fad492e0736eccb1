/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/service/builtin.h"

static void discard_acceptable(struct shard *sh, uint16_t listener)
{
	while (tcp_accept(sh, listener))
		;
}

static void discard_readable(struct shard *sh, struct conn *c)
{
	tcp_consume(sh, c, tcp_readable(sh, c));
}

static void discard_eof(struct shard *sh, struct conn *c)
{
	tcp_shutdown(sh, c);
}

const struct service discard_service = {
    .name = "discard",
    .acceptable = discard_acceptable,
    .readable = discard_readable,
    .eof = discard_eof,
};
