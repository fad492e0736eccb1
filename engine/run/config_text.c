/* SPDX-License-Identifier: BSD-3-Clause */
/* Files read whole: configurations, and lists that they name. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/config_reader.h"

static void *fail(char *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void *fail(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_ERROR_MAX, fmt, ap);
	va_end(ap);
	return NULL;
}

/* Opens without waiting, so that a FIFO is refused instead of waited for. -1: see why. */
static int open_regular(const char *path, const char *what, struct stat *st, char *why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		fail(why, "can't be opened: %s: check the path and its permissions",
		     strerror(errno));
		return -1;
	}
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	fail(why, "is %s: give the path of %s",
	     S_ISDIR(st->st_mode) ? "a directory" : "not a regular file", what);
	close(fd);
	return -1;
}

/* Reads at most max bytes; -1 with errno set. */
static ssize_t read_all(int fd, char *buf, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(fd, buf + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

char *config_read_file(const char *path, size_t max, const char *what, size_t *len,
		       char why[CONFIG_ERROR_MAX])
{
	struct stat st;
	int fd = open_regular(path, what, &st, why);
	char *text;
	ssize_t n;

	if (fd < 0)
		return NULL;
	/* A file that grows meanwhile is seen to be longer than it was. */
	max = MIN(max, (size_t)st.st_size + 1);
	text = malloc(max);
	n = text ? read_all(fd, text, max) : -1;
	if (n < 0)
		fail(why, "can't be read: %s", strerror(errno));
	close(fd);
	if (n >= 0) {
		*len = (size_t)n;
		return text;
	}
	free(text);
	return NULL;
}
