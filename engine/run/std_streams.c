/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/std_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void std_streams_claim(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			/* The lowest number that is free, which is this one. */
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

bool std_streams_flush(const char *program)
{
	const char *why = NULL;

	if (fflush(stdout) != 0)
		why = strerror(errno);
	else if (ferror(stdout))
		why = "some of it was lost";
	if (why)
		fprintf(stderr, "%s: cannot write to standard output: %s\n", program, why);
	return !why;
}
