/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/show.h"

#include <stdio.h>

#include "bench/result.h"

#define NAME "tgen"

static double per_second(uint64_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static uint64_t replies(const struct tally *t)
{
	return t->n[TALLY_synack] + t->n[TALLY_rst] + t->n[TALLY_ack] + t->n[TALLY_icmp];
}

double outcome_offered(const struct outcome *o)
{
	return per_second(o->run.n[TALLY_started], o->seconds);
}

double outcome_loss(const struct outcome *o, const struct plan *plan)
{
	const uint64_t *n = o->total.n;
	uint64_t begun = n[TALLY_started], good = n[TALLY_done];

	if (plan_is_flood(plan->mode))
		good = replies(&o->total);
	if (plan->mode == PLAN_CLIENT) /* which knows what became of each */
		begun = n[TALLY_done] + n[TALLY_timeouts] + n[TALLY_resets] + n[TALLY_cut];
	return good >= begun ? 0 : 1 - share(good, begun);
}

static void show_counts(struct result *r, const struct tally *t, const enum tally_count *list,
			uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		result_count(r, tally_name(list[i]), t->n[list[i]]);
}

static void show_replies(struct result *r, const struct outcome *o)
{
	static const enum tally_count kinds[] = {TALLY_synack, TALLY_rst, TALLY_ack, TALLY_icmp,
						 TALLY_other};

	result_number(r, "replies_per_s", per_second(replies(&o->run), o->seconds), 0);
	result_number(r, "reply_share", share(replies(&o->total), o->total.n[TALLY_started]), 6);
	show_counts(r, &o->total, kinds, ARRAY_SIZE(kinds));
}

static void show_connections(struct result *r, const struct outcome *o, const struct plan *plan)
{
	static const enum tally_count all[] = {TALLY_resets, TALLY_unexpected};
	static const enum tally_count stateful[] = {TALLY_timeouts, TALLY_cut, TALLY_retransmits,
						    TALLY_requests};
	static const enum tally_count others[] = {TALLY_icmp, TALLY_other};

	result_number(r, "done_per_s", per_second(o->run.n[TALLY_done], o->seconds), 0);
	result_count(r, "done", o->total.n[TALLY_done]);
	result_number(r, "loss", outcome_loss(o, plan), 6);
	show_counts(r, &o->total, all, ARRAY_SIZE(all));
	if (plan->mode == PLAN_CLIENT)
		show_counts(r, &o->total, stateful, ARRAY_SIZE(stateful));
	if (plan->mode == PLAN_CLIENT || plan->mode == PLAN_WAKE)
		result_number(r, "requests_per_s", per_second(o->run.n[TALLY_requests], o->seconds),
			      0);
	if (plan->mode != PLAN_OPEN)
		result_count(r, "bytes", o->total.n[TALLY_bytes]);
	show_counts(r, &o->total, others, ARRAY_SIZE(others));
}

static void show_port(struct result *r, const struct outcome *o, const struct plan *plan)
{
	static const enum tally_count list[] = {TALLY_rx_frames, TALLY_tx_frames, TALLY_tx_full,
						TALLY_no_buffer};

	show_counts(r, &o->total, list, ARRAY_SIZE(list));
	result_count(r, "rx_missed", o->rx_missed);
	if (plan->verify)
		result_count(r, tally_name(TALLY_bad_sums), o->total.n[TALLY_bad_sums]);
	result_number(r, "busy", share(o->run.n[TALLY_busy_cycles], o->run.n[TALLY_cycles]), 4);
}

static void show_latency(struct result *r, const char *name, const struct hist *h)
{
	static const struct {
		const char *suffix;
		double share;
	} quantiles[] = {{"p50", 0.5},     {"p90", 0.9},       {"p99", 0.99},
			 {"p99_9", 0.999}, {"p99_99", 0.9999}, {"max", 1}};
	char key[64];

	if (hist_count(h) == 0)
		return;
	for (uint32_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		snprintf(key, sizeof(key), "%s_us_%s", name, quantiles[i].suffix);
		result_count(r, key, hist_quantile(h, quantiles[i].share));
	}
}

void show_outcome(const struct outcome *o, const struct plan *plan, bool json)
{
	struct result r;

	result_begin(&r, json, NAME);
	result_word(&r, "mode", plan_mode_name(plan->mode));
	result_count(&r, "step", o->step);
	if (o->rate != PLAN_RATE_MAX)
		result_count(&r, "rate", o->rate);
	result_number(&r, "seconds", o->seconds, 3);
	result_number(&r, "offered_per_s", outcome_offered(o), 0);
	result_count(&r, "started", o->total.n[TALLY_started]);
	if (plan_is_flood(plan->mode))
		show_replies(&r, o);
	else
		show_connections(&r, o, plan);
	show_port(&r, o, plan);
	show_latency(&r, "connect", &o->total.hists[TALLY_CONNECT]);
	show_latency(&r, "request", &o->total.hists[TALLY_REQUEST]);
	show_latency(&r, "connection", &o->total.hists[TALLY_CONNECTION]);
	result_end(&r);
}

void show_found(uint64_t rate, const struct plan *plan, bool json)
{
	struct result r;

	result_begin(&r, json, NAME);
	result_word(&r, "mode", plan_mode_name(plan->mode));
	result_word(&r, "step", "found");
	result_count(&r, "rate", rate);
	result_end(&r);
}

void show_progress(const struct tally *before, const struct tally *now, double seconds,
		   const struct plan *plan)
{
	uint64_t d[TALLY_COUNTS];

	for (int i = 0; i < TALLY_COUNTS; i++)
		d[i] = now->n[i] - before->n[i];
	fprintf(stderr, "tgen: %s: %.0f/s started, %.0f/s done, %.0f/s received, %.0f/s sent, ",
		plan_mode_name(plan->mode), per_second(d[TALLY_started], seconds),
		per_second(d[TALLY_done], seconds), per_second(d[TALLY_rx_frames], seconds),
		per_second(d[TALLY_tx_frames], seconds));
	fprintf(stderr, "busy %.0f %%\n", 100 * share(d[TALLY_busy_cycles], d[TALLY_cycles]));
}
