/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of connections, from workers that are made up here, and what it allocates: DPDK frees
 * the containers of an answer, but only those that hang on it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/run/ctl_commands.h"

#define NB_WORKERS 3
#define ROWS_EACH  2

static uint16_t nb_answering;
static struct rte_tel_data *held[64];
static uint32_t nb_made, nb_held;

struct rte_tel_data *__real_rte_tel_data_alloc(void);
struct rte_tel_data *__wrap_rte_tel_data_alloc(void);
void __real_rte_tel_data_free(struct rte_tel_data *d);
void __wrap_rte_tel_data_free(struct rte_tel_data *d);

struct rte_tel_data *__wrap_rte_tel_data_alloc(void)
{
	assert_true(nb_held < ARRAY_SIZE(held));
	nb_made++;
	return held[nb_held++] = __real_rte_tel_data_alloc();
}

void __wrap_rte_tel_data_free(struct rte_tel_data *d)
{
	for (uint32_t i = 0; i < nb_held; i++) {
		if (held[i] != d)
			continue;
		held[i] = held[--nb_held];
		__real_rte_tel_data_free(d);
		return;
	}
	fail();
}

bool ctl_ask(struct engine *e, uint16_t i, struct inquiry *q, struct rte_tel_data *d)
{
	(void)e;
	if (i >= nb_answering) {
		reply_error(d, "worker %u does not answer", i);
		return false;
	}
	assert_int_equal(q->kind, INQUIRY_CONNECTIONS);
	assert_true(q->max >= ROWS_EACH);
	q->count = ROWS_EACH;
	q->next = 0;
	for (uint32_t k = 0; k < q->count; k++)
		q->conns[k] = (struct conn_info){.local.family = IP_V4, .remote.family = IP_V4,
						 .listener = CONF_NONE, .pool = CONF_NONE};
	return true;
}

static void ask_for_connections(void)
{
	struct conf conf = {.nb_workers = NB_WORKERS};
	struct engine e = {.conf = &conf};
	struct rte_tel_data *top = __real_rte_tel_data_alloc();

	nb_made = nb_held = 0;
	ctl_connections(&e, "", top);
	__real_rte_tel_data_free(top);
}

static void test_rows_of_all_workers(void **state)
{
	(void)state;
	nb_answering = NB_WORKERS;
	ask_for_connections();
	assert_int_equal(nb_made, 1 + NB_WORKERS * ROWS_EACH);
	assert_int_equal(nb_held, nb_made);
	while (nb_held)
		__wrap_rte_tel_data_free(held[0]);
}

/* An error takes the place of the answer: nothing may have been made for it. */
static void test_silent_worker_leaks_nothing(void **state)
{
	(void)state;
	for (nb_answering = 0; nb_answering < NB_WORKERS; nb_answering++) {
		ask_for_connections();
		assert_int_equal(nb_held, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_of_all_workers),
	    cmocka_unit_test(test_silent_worker_leaks_nothing),
	};

	return cmocka_run_group_tests_name("ctl_list", tests, NULL, NULL);
}
