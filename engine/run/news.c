/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/news.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run/signals.h"

#define LOOK_MS  100
#define TEXT_MAX (REPORT_MAX + 16)

static_assert(TEXT_MAX <= PIPE_BUF, "a pipe takes a line as a whole or not at all");

/* Pipes and terminals are opened once more: to make what others write to as well wait for nobody
 * would be theirs to suffer. What cannot be opened is asked whether it has room. */
void news_open(struct news *n, int fd)
{
	char path[32];
	struct stat st;

	*n = (struct news){.fd = fd, .patient = true};
	if (fstat(fd, &st) != 0 || !(S_ISFIFO(st.st_mode) || isatty(fd)))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (n->fd < 0)
		n->fd = fd;
}

static bool put(const struct news *n, const char *text, size_t len)
{
	struct pollfd out = {.fd = n->fd, .events = POLLOUT};
	ssize_t done;

	do {
		if (poll(&out, 1, n->patient ? LOOK_MS : 0) <= 0)
			continue;
		done = write(n->fd, text, len);
		if (done >= 0 || errno != EAGAIN)
			return done == (ssize_t)len;
	} while (n->patient && !signals_heard());
	return false;
}

static bool put_line(const struct news *n, const char *line)
{
	char text[TEXT_MAX];
	int len = snprintf(text, sizeof(text), "terminus: %s\n", line);

	return put(n, text, MIN((size_t)len, sizeof(text) - 1));
}

void news_say(struct news *n, const char *line)
{
	char lost[64];

	snprintf(lost, sizeof(lost), "%u line%s lost: nobody read what is written here", n->lost,
		 n->lost == 1 ? " was" : "s were");
	if (n->lost > 0 && put_line(n, lost))
		n->lost = 0;
	if (n->lost > 0 || !put_line(n, line))
		n->lost++;
}

void news_say_notices(struct news *n, struct report *r)
{
	char *rest = r->notice, *line;

	while (rest && *rest && (line = strsep(&rest, "\n")))
		news_say(n, line);
	r->notice[0] = '\0';
}
