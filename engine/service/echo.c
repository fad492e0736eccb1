/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/service/builtin.h"

static void echo_acceptable(struct shard *sh, uint16_t listener)
{
	while (tcp_accept(sh, listener))
		;
}

/* What the send queue does not take stays unread and closes the window. */
static void echo_pump(struct shard *sh, struct conn *c)
{
	struct buf *b;

	while (tcp_writable(sh, c) && (b = tcp_read(sh, c)))
		tcp_write(sh, c, b);
}

static void echo_eof(struct shard *sh, struct conn *c)
{
	tcp_shutdown(sh, c);
}

const struct service echo_service = {
    .name = "echo",
    .acceptable = echo_acceptable,
    .readable = echo_pump,
    .writable = echo_pump,
    .eof = echo_eof,
};
