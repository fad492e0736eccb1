/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as the parameter of a control command: it is refused in one line that
 * fits an answer, or what has become of it is within its limits and can be used.
 * The first byte chooses the command.
 */
#include <stdlib.h>

#include "engine/run/capture_request.h"
#include "engine/run/ctl_params.h"

#define NB_WORKERS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		__builtin_trap();
}

static void check_error(const char *err, size_t size)
{
	size_t len = strnlen(err, size);

	require(len > 0 && len < size);
}

static void try_worker(const char *text)
{
	char err[CTL_ERROR_MAX] = "";
	uint16_t first, end;

	if (ctl_worker_param(text, NB_WORKERS, &first, &end, err))
		require(first < end && end <= NB_WORKERS);
	else
		check_error(err, sizeof(err));
}

static void try_row(const char *text)
{
	char err[CTL_ERROR_MAX] = "";
	uint32_t v;

	if (!ctl_row_param(text, &v, err))
		check_error(err, sizeof(err));
	if (!ctl_capture_param(text, &v, err))
		check_error(err, sizeof(err));
}

static void try_connections(const char *text)
{
	char err[CTL_ERROR_MAX] = "";
	struct conn_info c = {.local = {.family = IP_V4}, .remote = {.family = IP_V6}};
	uint64_t cursor;
	struct filter f;

	if (!ctl_connection_params(text, &cursor, &f, err)) {
		check_error(err, sizeof(err));
		return;
	}
	require(strnlen(f.listener, CONF_NAME_MAX) < CONF_NAME_MAX);
	require(strnlen(f.pool, CONF_NAME_MAX) < CONF_NAME_MAX);
	info_filter_matches(&f.match, &c);
}

static void check_request(const struct capture_request *q)
{
	require(q->file[0] == '/' && strnlen(q->file, sizeof(q->file)) < sizeof(q->file));
	require(strnlen(q->filter, sizeof(q->filter)) < sizeof(q->filter));
	require(strnlen(q->port, sizeof(q->port)) < sizeof(q->port));
	require(q->worker == CAPTURE_ALL_WORKERS || q->worker < CONF_MAX_WORKERS);
	require(q->drops_only <= 1 && q->force <= 1 && q->seconds <= CAPTURE_SECONDS_MAX);
	require(q->snaplen >= 1 && q->snaplen <= CAPTURE_SNAPLEN_MAX);
	require(q->lease_s >= 1 && q->lease_s <= CAPTURE_SECONDS_MAX);
}

/* What is taken can be said again, and means the same then. */
static void try_capture(const char *text)
{
	char err[CAPTURE_ERROR_MAX] = "", said[2048];
	struct capture_request q, again;

	memset(&q, 0, sizeof(q));
	memset(&again, 0, sizeof(again));
	if (!capture_request_parse(&q, text, err)) {
		check_error(err, sizeof(err));
		return;
	}
	check_request(&q);
	require(capture_request_print(&q, said, sizeof(said)));
	require(capture_request_parse(&again, said, err));
	require(strcmp(q.file, again.file) == 0 && strcmp(q.filter, again.filter) == 0);
	require(strcmp(q.port, again.port) == 0 && q.worker == again.worker);
	require(q.drops_only == again.drops_only && q.force == again.force);
	require(q.count == again.count && q.seconds == again.seconds);
	require(q.snaplen == again.snaplen && q.lease_s == again.lease_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const char *) = {try_worker, try_row, try_connections,
						      try_capture};
	char *text;

	if (size == 0)
		return 0;
	/* Exactly as long as the input: a sanitizer sees a read beyond it. */
	text = malloc(size);
	require(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	tries[data[0] % ARRAY_SIZE(tries)](text);
	free(text);
	return 0;
}
