/* SPDX-License-Identifier: BSD-3-Clause */
/* See instructions.h. */
#include "bench/instructions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the environment of a counted run: the phase, or ALL. bench/kit/callgrind.py sets it, too. */
#define MARK     "TERMINUS_BENCH_COUNTED"
#define ALL      "all"
#define ARGS_MAX 16

bool instructions_are_counted(void)
{
	return getenv(MARK) != NULL;
}

bool instructions_count_only(const char *phase)
{
	const char *mark = getenv(MARK);

	return mark && strcmp(mark, phase) == 0;
}

bool instructions_count(const char *phase)
{
	return !instructions_are_counted() || instructions_count_only(ALL) ||
	       instructions_count_only(phase);
}

__attribute__((noreturn)) static void run_counted(char **argv, const char *phase, int out)
{
	setenv(MARK, phase ? phase : ALL, 1);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

/* "==123== Collected : 4567" */
static bool read_count(FILE *f, uint64_t *count)
{
	char line[256];
	bool found = false;

	while (fgets(line, sizeof(line), f)) {
		const char *p = strstr(line, "Collected : ");

		if (p)
			found = sscanf(p + 12, "%" SCNu64, count) == 1;
	}
	return found;
}

static bool count(char **argv, const char *phase, uint64_t *collected)
{
	int fds[2], status;
	bool found = false;
	pid_t child;
	FILE *f;

	if (pipe(fds) != 0)
		return false;
	child = fork();
	if (child == 0)
		run_counted(argv, phase, fds[1]);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	if (f) {
		found = read_count(f, collected);
		fclose(f);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 && found;
}

static bool count_units(const struct counted_run *run, uint64_t units, uint64_t *collected)
{
	char option[64], self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *argv[ARGS_MAX] = {(char *)"valgrind",
				(char *)"--tool=callgrind",
				(char *)"--callgrind-out-file=/dev/null",
				(char *)"--collect-atstart=no",
				(char *)"--toggle-collect=counted_turn*",
				self,
				option};
	const char *const *args = run->args;
	uint32_t at = 7;

	if (n < 0)
		return false;
	self[n] = '\0';
	snprintf(option, sizeof(option), "--%s=%" PRIu64, run->option, units);
	while (args && *args && at + 1 < ARGS_MAX)
		argv[at++] = (char *)(uintptr_t)*args++;
	return count(argv, run->phase, collected);
}

bool instructions_of(const struct counted_run *run, double *each)
{
	uint64_t once, twice;

	if (!count_units(run, run->units, &once) || !count_units(run, 2 * run->units, &twice) ||
	    twice <= once)
		return false;
	*each = (double)(twice - once) / (double)run->units;
	return true;
}

void instructions_result(struct result *r, const char *key, const struct counted_run *run)
{
	double each;

	if (instructions_of(run, &each))
		result_number(r, key, each, 0);
	else
		result_missing(r, key, INSTRUCTIONS_MISSING);
}
