/* SPDX-License-Identifier: BSD-3-Clause */
/* Control commands that start, renew, end and show a packet capture. */
#include <string.h>

#include "engine/run/ctl_commands.h"
#include "engine/run/ctl_params.h"

static void fill_capture(struct rte_tel_data *d, const struct capture_info *info)
{
	rte_tel_data_start_dict(d);
	reply_number(d, "id", info->id);
	reply_number(d, "running", info->end == CAPTURE_RUNS);
	reply_number(d, "frames", info->frames);
	reply_number(d, "missed", info->missed);
	reply_number(d, "run_ms", info->run_us / 1000);
	reply_text(d, "file", info->file);
	reply_text(d, "filter", info->filter);
	reply_text(d, "ended", capture_end_word(info->end));
	reply_text(d, "write_error", info->error ? strerror(info->error) : "");
}

/* Names in a filter may have to be looked up, for as long as the name service takes: the engine,
 * which may want to end, is not held for that. */
void ctl_capture_start(const char *params, struct rte_tel_data *d)
{
	char err[MAX(CAPTURE_ERROR_MAX, CAPTURE_FILTER_ERROR_MAX)];
	struct capture_filter filter;
	struct capture_request q;
	struct capture_info info;
	struct capture *c;

	if (!capture_request_parse(&q, params, err) ||
	    !capture_filter_compile(&filter, q.filter, err)) {
		reply_error(d, "%s", err);
		return;
	}
	c = ctl_hold_capture(d);
	if (!c) {
		capture_filter_free(&filter);
		return;
	}
	if (capture_start(c, &q, &filter, &info, err))
		fill_capture(d, &info);
	else
		reply_error(d, "%s", err);
	ctl_let_go();
}

typedef bool (*capture_fn)(struct capture *c, uint32_t id, struct capture_info *info,
			   char err[CAPTURE_ERROR_MAX]);

static void tell(const char *params, capture_fn fn, struct rte_tel_data *d)
{
	char err[MAX(CTL_ERROR_MAX, CAPTURE_ERROR_MAX)];
	struct capture *c = ctl_hold_capture(d);
	struct capture_info info;
	uint32_t id;

	if (!c)
		return;
	if (ctl_capture_param(params, &id, err) && fn(c, id, &info, err))
		fill_capture(d, &info);
	else
		reply_error(d, "%s", err);
	ctl_let_go();
}

void ctl_capture_keep(const char *params, struct rte_tel_data *d)
{
	tell(params, capture_keep, d);
}

void ctl_capture_stop(const char *params, struct rte_tel_data *d)
{
	tell(params, capture_stop, d);
}

void ctl_capture_status(const char *params, struct rte_tel_data *d)
{
	tell(params, capture_status, d);
}
