/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's own words; see dpdk_quiet.h. */
#include "drivers/dpdk_quiet.h"

#include <sys/mman.h>
#include <unistd.h>

#define LABEL	      "terminus: dpdk: "
#define COLLECTED_MAX 4096

void dpdk_quiet_begin(struct dpdk_quiet *q)
{
	fflush(stderr);
	q->stderr_fd = dup(STDERR_FILENO);
	q->buffer_fd = memfd_create("dpdk-messages", MFD_CLOEXEC);
	if (q->stderr_fd >= 0 && q->buffer_fd >= 0 && dup2(q->buffer_fd, STDERR_FILENO) >= 0)
		return;
	if (q->stderr_fd >= 0)
		close(q->stderr_fd);
	if (q->buffer_fd >= 0)
		close(q->buffer_fd);
	q->stderr_fd = -1;
}

void dpdk_quiet_restart(struct dpdk_quiet *q)
{
	if (q->stderr_fd < 0)
		return;
	fflush(stderr);
	/* Standard error shares this offset. */
	if (ftruncate(q->buffer_fd, 0) == 0)
		lseek(q->buffer_fd, 0, SEEK_SET);
}

/* "some_function(): it went wrong." becomes "it went wrong". */
static void tidy_line(const char *line, size_t len, char *to, size_t size)
{
	size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789"), n = 0;

	if (name + 4 <= len && memcmp(line + name, "(): ", 4) == 0) {
		line += name + 4;
		len -= name + 4;
	}
	for (size_t i = 0; i < len && n + 1 < size; i++)
		to[n++] = line[i] >= ' ' && line[i] <= '~' ? line[i] : ' ';
	while (n > 0 && (to[n - 1] == ' ' || to[n - 1] == '.'))
		n--;
	to[n] = '\0';
}

/* The line that best says what went wrong; NULL: there is none. */
static const char *telling_line(const char *text)
{
	const char *labelled = strstr(text, LABEL);

	if (labelled)
		return labelled + strlen(LABEL);
	return *text != '\0' ? text : NULL;
}

void dpdk_quiet_end(struct dpdk_quiet *q, char *cause, size_t size)
{
	char text[COLLECTED_MAX + 1];
	const char *line;
	ssize_t n = 0;

	if (q->stderr_fd >= 0) {
		fflush(stderr);
		dup2(q->stderr_fd, STDERR_FILENO);
		close(q->stderr_fd);
		n = pread(q->buffer_fd, text, COLLECTED_MAX, 0);
		close(q->buffer_fd);
	}
	if (!cause)
		return;
	text[n > 0 ? n : 0] = '\0';
	cause[0] = '\0';
	line = telling_line(text);
	if (line)
		tidy_line(line, strcspn(line, "\n"), cause, size);
}

static ssize_t write_labelled(void *cookie, const char *text, size_t size)
{
	(void)cookie;
	fprintf(stderr, LABEL "%.*s%s", (int)MIN(size, COLLECTED_MAX), text,
		size > 0 && text[size - 1] == '\n' ? "" : "\n");
	return (ssize_t)size;
}

FILE *dpdk_quiet_log(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_labelled});

	if (f)
		setvbuf(f, NULL, _IOLBF, BUFSIZ);
	return f;
}
