/* SPDX-License-Identifier: BSD-3-Clause */
/* See cores.h. */
#include <pthread.h>
#include <sched.h>

#include "bench/cores.h"
#include "bench/harness.h"

#define LOOPS     20000000
#define TWO_CORES 1.85 /* that much is done by two loops on cores of their own, at least */

struct spinner {
	pthread_t thread;
	pthread_barrier_t *begin;
	uint64_t cycles; /* out */
	int cpu;
};

bool cores_find(int cpus[CORES])
{
	uint32_t n = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < CORES; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			cpus[n++] = cpu;
	return n == CORES;
}

void cores_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Additions that depend on nothing but themselves: as many at a time as a core can do. */
static void *spin(void *arg)
{
	struct spinner *w = arg;
	uint64_t a[6] = {1, 2, 3, 4, 5, 6}, start;

	cores_pin(w->cpu);
	pthread_barrier_wait(w->begin);
	start = bench_tsc();
	for (uint64_t i = 0; i < LOOPS; i++) {
		for (uint32_t k = 0; k < ARRAY_SIZE(a); k++)
			a[k] += i ^ a[k];
		__asm__ volatile(""
				 : "+r"(a[0]), "+r"(a[1]), "+r"(a[2]), "+r"(a[3]), "+r"(a[4]),
				   "+r"(a[5]));
	}
	w->cycles = bench_tsc() - start;
	return NULL;
}

/* Cycles that the slower of nb loops takes. */
static uint64_t run(uint32_t nb, const int *cpus)
{
	struct spinner spinners[CORES];
	pthread_barrier_t begin;
	uint64_t slower = 0;

	pthread_barrier_init(&begin, NULL, nb);
	for (uint32_t i = 0; i < nb; i++) {
		spinners[i] = (struct spinner){.begin = &begin, .cpu = cpus[i]};
		if (pthread_create(&spinners[i].thread, NULL, spin, &spinners[i]) != 0)
			bench_die("no thread for a loop");
	}
	for (uint32_t i = 0; i < nb; i++) {
		pthread_join(spinners[i].thread, NULL);
		slower = MAX(slower, spinners[i].cycles);
	}
	pthread_barrier_destroy(&begin);
	return slower;
}

bool cores_are_two(const int cpus[CORES])
{
	double alone = (double)run(1, cpus);

	return CORES * alone / (double)run(CORES, cpus) >= TWO_CORES;
}
