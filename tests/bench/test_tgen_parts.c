/* SPDX-License-Identifier: BSD-3-Clause */
/* The generator's parts, each on its own: histogram, clients, pace, window, steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/tgen/hist.h"
#include "bench/tgen/pace.h"
#include "bench/tgen/population.h"
#include "bench/tgen/step.h"
#include "bench/tgen/window.h"

static void test_hist_values(void **state)
{
	static struct hist h;

	(void)state;
	/* Every value on its own comes back within 1.6 %, and never too small. */
	for (uint64_t us = 0; us < 134000000; us += 1 + us / 500) {
		uint32_t slot = hist_slot((uint32_t)us), q;

		assert_true(slot < HIST_SLOTS);
		memset(&h, 0, sizeof(h));
		hist_add(&h, (uint32_t)us);
		h.max_us = UINT32_MAX;
		q = hist_quantile(&h, 0.5);
		assert_true(q >= us && q <= us + us / 63);
	}
}

static void test_hist_quantiles(void **state)
{
	static struct hist h, other;

	(void)state;
	memset(&h, 0, sizeof(h));
	memset(&other, 0, sizeof(other));
	assert_int_equal(hist_quantile(&h, 0.5), 0);
	for (uint32_t us = 1; us <= 1000; us++)
		hist_add(us % 2 ? &h : &other, us);
	hist_merge(&h, &other);
	assert_int_equal(hist_count(&h), 1000);
	assert_in_range(hist_quantile(&h, 0.5), 500, 508);
	assert_in_range(hist_quantile(&h, 0.99), 990, 1000);
	assert_int_equal(hist_quantile(&h, 1), 1000);
	assert_int_equal(hist_quantile(&h, 0), 1);
	hist_add(&h, UINT32_MAX);
	assert_int_equal(hist_quantile(&h, 1), (1u << HIST_BITS) - 1);
	assert_int_equal(h.max_us, UINT32_MAX);
}

static struct plan *plan_for(const char *clients, const char *ports, unsigned workers,
			     unsigned seed)
{
	bool six = strchr(clients, ':');
	struct config_error err;
	struct plan *plan;
	char text[1024];

	snprintf(text, sizeof(text),
		 "workers: {count: %u}\nmemory: {buffers: 1000000}\n"
		 "ports: [{name: p, device: net_null0, addresses: ['%s']}]\n"
		 "load: {mode: visit, target: '%s', clients: [%s], client_ports: {%s}, seed: %u}\n",
		 workers, six ? "2001:db8::2/32" : "198.18.0.2/15",
		 six ? "[2001:db8::1]:80" : "198.18.0.1:80", clients, ports, seed);
	plan = plan_parse("parts", text, strlen(text), &err);
	if (!plan)
		fail_msg("%s", err.text);
	return plan;
}

/* All numbers of all workers together give each client once, and lead back. */
static void walk(const char *clients, const char *ports, unsigned workers, unsigned expected)
{
	struct plan *plan = plan_for(clients, ports, workers, 7);
	struct population p;
	uint64_t seen = 0, sum = 0, in_order = 0;

	for (uint16_t w = 0; w < workers; w++) {
		struct end e, last = {0};
		uint64_t back;

		population_init(&p, plan, w);
		assert_int_equal(population_count(&p), expected);
		for (uint64_t i = 0; i <= p.mask; i++) {
			if (!population_client(&p, i, &e))
				continue;
			assert_true(population_number(&p, &e, &back));
			assert_int_equal(back, i);
			assert_true(population_has(&p, &e));
			assert_true(population_is_mine(&p, &e));
			in_order += e.addr[0] == last.addr[0] && e.addr[1] == last.addr[1];
			last = e;
			seen++;
			sum += __builtin_bswap16(e.port_be);
		}
	}
	/* That the numbers lead back shows that no client comes twice. */
	assert_int_equal(seen, expected);
	assert_int_equal(sum % (plan->port_min + plan->port_max), expected == 1 ? sum : 0);
	assert_true(expected < 1000 || in_order < expected / 4);
	plan_free(plan);
}

static void test_population(void **state)
{
	(void)state;
	walk("198.19.0.1", "min: 7, max: 7", 1, 1);
	walk("198.19.0.0/30", "min: 7, max: 8", 1, 4);
	walk("198.19.0.0/24", "min: 1000, max: 1999", 1, 254000);
	walk("198.19.0.0/24", "min: 1000, max: 1999", 3, 254000);
	walk("198.19.0.0/28, 198.19.1.7, 198.19.8.0/31", "min: 1, max: 100", 2, 1700);
	walk("'2001:db8:1::/120', '2001:db8:2::5'", "min: 1, max: 64", 2, 256 * 64);
}

static void test_population_strangers(void **state)
{
	struct plan *plan = plan_for("198.19.0.0/24", "min: 10, max: 20", 1, 1);
	struct ipaddr out = ipaddr_v4(__builtin_bswap32(0xc6130100)), all = out;
	struct population p;
	struct end e;
	uint64_t n;

	(void)state;
	population_init(&p, plan, 0);
	assert_true(population_client(&p, 0, &e) || population_client(&p, 1, &e) ||
		    population_client(&p, 2, &e) || population_client(&p, 3, &e));
	e.port_be = __builtin_bswap16(9);
	assert_false(population_number(&p, &e, &n));
	e.port_be = __builtin_bswap16(21);
	assert_false(population_number(&p, &e, &n));
	e = end_of(&out);
	assert_false(population_has(&p, &e));
	all.v4_be = __builtin_bswap32(0xc61300ff); /* broadcast */
	e = end_of(&all);
	assert_false(population_has(&p, &e));
	all.v4_be = __builtin_bswap32(0xc61300fe);
	e = end_of(&all);
	assert_true(population_has(&p, &e));
	plan_free(plan);
}

/* Another seed gives another order of the same clients. */
static void test_population_seed(void **state)
{
	struct plan *plans[2] = {plan_for("198.19.0.0/24", "min: 1, max: 64", 1, 1),
				 plan_for("198.19.0.0/24", "min: 1, max: 64", 1, 2)};
	struct population p[2];
	uint64_t same = 0;

	(void)state;
	for (int i = 0; i < 2; i++)
		population_init(&p[i], plans[i], 0);
	for (uint64_t i = 0; i <= p[0].mask; i++) {
		struct end a, b;

		if (population_client(&p[0], i, &a) && population_client(&p[1], i, &b))
			same += a.addr[0] == b.addr[0] && a.port_be == b.port_be;
	}
	assert_true(same < 100);
	plan_free(plans[0]);
	plan_free(plans[1]);
}

static void test_pace(void **state)
{
	usec_t now = 34000000000, last = 0;
	struct pace p;
	uint64_t n = 0;

	(void)state;
	pace_begin(&p, 300000, 1, now);
	for (usec_t t = now; t < now + 10000000; t += 7) {
		while (pace_is_due(&p, t)) {
			usec_t at = pace_take(&p, t);

			assert_true(at <= t && at >= last);
			last = at;
			n++;
		}
	}
	assert_in_range(n, 2999900, 3000100);
	/* A third of it for each of three workers. */
	pace_begin(&p, 300000, 3, now);
	for (n = 0; pace_is_due(&p, now + 1000000); n++)
		pace_take(&p, now + 1000000);
	assert_in_range(n, 99995, 100005);
	pace_begin(&p, 0, 1, now);
	assert_true(pace_is_due(&p, now));
	assert_int_equal(pace_take(&p, now + 5), now + 5);
}

static void test_window(void **state)
{
	struct window w = {.limit = 10};
	uint32_t us = 0xffff0000u - 3 * (1u << WINDOW_SHIFT);

	(void)state;
	/* Across the wrap of the 32 bits. */
	window_advance(&w, us);
	for (int i = 0; i < 10; i++) {
		assert_true(window_has_room(&w));
		window_add(&w, us, 1);
	}
	assert_false(window_has_room(&w));
	window_add(&w, us, -1);
	assert_true(window_has_room(&w));
	window_advance(&w, us + 500000);
	window_add(&w, us + 500000, 1);
	assert_int_equal(w.open, 10);
	/* The old ones are given up, and do not count when they are done after all. */
	window_advance(&w, us + 1200000);
	assert_int_equal(w.open, 1);
	window_add(&w, us, -1);
	assert_int_equal(w.open, 1);
	window_advance(&w, us + 1000000000u);
	assert_int_equal(w.open, 0);
}

static void test_ramp(void **state)
{
	struct plan plan = {
	    .ramp = {.on = true, .from = 100, .to = 1000, .steps = 4, .hold_us = 5}};
	static const uint64_t rates[] = {100, 400, 700, 1000};
	struct steps s;
	struct step step;

	(void)state;
	steps_init(&s, &plan);
	for (uint32_t i = 0; i < ARRAY_SIZE(rates); i++) {
		assert_true(steps_next(&s, &step));
		assert_int_equal(step.rate, rates[i]);
		assert_int_equal(step.hold_us, 5);
		steps_judge(&s, &step, 1, 0);
	}
	assert_false(steps_next(&s, &step));
	plan.ramp.from = 1000;
	plan.ramp.to = 100;
	steps_init(&s, &plan);
	for (uint32_t i = 0; i < ARRAY_SIZE(rates); i++) {
		assert_true(steps_next(&s, &step));
		assert_int_equal(step.rate, rates[ARRAY_SIZE(rates) - 1 - i]);
	}
}

/* Searches where every rate up to `good` is good; how many steps it took. */
static uint32_t search(const struct plan *plan, uint64_t good, bool weak, uint64_t *found)
{
	struct steps s;
	struct step step;

	steps_init(&s, plan);
	while (steps_next(&s, &step)) {
		bool fine = step.rate <= good;

		assert_true(s.taken < 100);
		assert_in_range(step.rate, plan->search.from, plan->search.to);
		steps_judge(&s, &step, fine || weak ? 0 : 0.5,
			    fine || !weak ? (double)step.rate : (double)good);
	}
	*found = steps_found(&s);
	return s.taken;
}

static void test_search(void **state)
{
	struct plan plan = {
	    .search = {
		.on = true, .from = 1000, .to = 1000000, .loss_ppm = 1000, .precision_ppm = 20000}};
	uint64_t found;

	(void)state;
	for (int weak = 0; weak < 2; weak++) {
		search(&plan, 123456, weak, &found);
		assert_in_range(found, 123456 * 98 / 100, 123456 * (weak ? 102 : 100) / 100);
		assert_int_equal(search(&plan, 2000000, weak, &found), 2);
		assert_int_equal(found, 1000000);
	}
	assert_int_equal(search(&plan, 10, false, &found), 1);
	assert_int_equal(found, 0);
	plan.search.to = plan.search.from;
	assert_int_equal(search(&plan, 2000, false, &found), 1);
	assert_int_equal(found, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hist_values),     cmocka_unit_test(test_hist_quantiles),
	    cmocka_unit_test(test_population),      cmocka_unit_test(test_population_strangers),
	    cmocka_unit_test(test_population_seed), cmocka_unit_test(test_pace),
	    cmocka_unit_test(test_window),          cmocka_unit_test(test_ramp),
	    cmocka_unit_test(test_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
