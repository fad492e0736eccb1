/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cli_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/run/cli_json.h"
#include "engine/run/instance.h"

#define KEEP_MS     1000 /* between two renewals */
#define FIFO_BYTES  (1 << 20)
#define CHUNK_BYTES (1 << 18)
#define COMMAND_MAX 1000 /* DPDK's telemetry takes 1,023 bytes */
#define END_POLLS   300
#define END_POLL_NS 10000000

struct cli_capture {
	struct cli_client *client;
	const char *name; /* of the file, for messages */
	char *err;
	int fifo, out, signals;
	bool is_stdout;
	bool is_file; /* else something that may not take all at once */
	bool made;    /* the file was not there before */
	bool stopping;
	uint64_t id;
	uint64_t keep_at_ms;
	size_t used, at; /* in chunk: bytes in it, and of these written already */
	uint8_t chunk[CHUNK_BYTES];
};

/* What has come of one look. */
enum step { GOES_ON, ENDED, READER_GONE, FAILED };

static uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A file that is there is opened as it is, and emptied when it is certain that
 * there will be a capture. */
static bool open_out(struct cli_capture *c, const struct capture_request *q)
{
	const int flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
	struct stat st;

	c->is_stdout = strcmp(q->file, "-") == 0;
	c->name = c->is_stdout ? "standard output" : q->file;
	/* Not readable by others: it holds what users of the service said. */
	c->out = c->is_stdout ? STDOUT_FILENO : open(q->file, flags | O_CREAT | O_EXCL, 0600);
	c->made = !c->is_stdout && c->out >= 0;
	if (c->out < 0 && errno == EEXIST)
		c->out = open(q->file, flags);
	if (c->out < 0 || fstat(c->out, &st) != 0)
		return cli_fail(c->err, "cannot write to %s: %s", c->name, strerror(errno));
	c->is_file = S_ISREG(st.st_mode);
	if (c->is_file && !c->is_stdout && !c->made && !q->force)
		return cli_fail(c->err,
				"%s exists: name another file, or overwrite it with --force",
				c->name);
	if (isatty(c->out))
		return cli_fail(c->err, "a terminal can't show a capture: name a file, or pipe it "
				"into tcpdump -r -");
	return true;
}

/* Makes the FIFO, which has no name any more when the capture runs. */
static bool open_fifo(struct cli_capture *c, char *path, size_t size)
{
	char root[INSTANCE_PATH_MAX];
	uid_t peer = cli_client_peer(c->client);
	int n;

	instance_root(root, sizeof(root));
	n = snprintf(path, size, "%s/%s/capture-%ld", root, c->client->instance, (long)getpid());
	if (n < 0 || (size_t)n >= size)
		return cli_fail(c->err, "the path of instance \"%s\" is too long",
				c->client->instance);
	unlink(path); /* of an earlier process of this number */
	if (mkfifo(path, 0600) != 0)
		return cli_fail(c->err, "cannot make the FIFO %s: %s", path, strerror(errno));
	c->fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (c->fifo < 0 ||
	    (peer != (uid_t)-1 && peer != geteuid() && fchown(c->fifo, peer, (gid_t)-1) != 0)) {
		cli_fail(c->err, "cannot open the FIFO %s: %s", path, strerror(errno));
		unlink(path);
		return false;
	}
	/* More room means fewer frames missed; less of it is no error. */
	fcntl(c->fifo, F_SETPIPE_SZ, FIFO_BYTES);
	return true;
}

static bool start(struct cli_capture *c, const struct capture_request *q)
{
	char command[COMMAND_MAX] = "/terminus/capture/start,";
	size_t at = strlen(command);
	struct capture_request to_fifo = *q;
	json_t *answer;

	to_fifo.force = 0;
	if (!open_fifo(c, to_fifo.file, sizeof(to_fifo.file)))
		return false;
	answer = capture_request_print(&to_fifo, command + at, sizeof(command) - at)
		     ? cli_client_ask(c->client, command, c->err)
		     : (cli_fail(c->err, "filter: too long"), NULL);
	unlink(to_fifo.file);
	if (!answer)
		return false;
	c->id = number_of(answer, "id");
	c->keep_at_ms = monotonic_ms() + KEEP_MS;
	json_decref(answer);
	return true;
}

/* Asks about our capture; NULL with one line in err[]. */
static json_t *ask(struct cli_capture *c, const char *what)
{
	char command[COMMAND_MAX];

	snprintf(command, sizeof(command), "/terminus/capture/%s,id=%" PRIu64, what, c->id);
	return cli_client_ask(c->client, command, c->err);
}

static bool tell(struct cli_capture *c, const char *what)
{
	json_t *answer = ask(c, what);

	json_decref(answer);
	return answer != NULL;
}

/* Takes what the FIFO has, when all from before is written. */
static enum step take(struct cli_capture *c)
{
	ssize_t n = read(c->fifo, c->chunk, sizeof(c->chunk));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? GOES_ON : ENDED;
	c->at = 0;
	c->used = (size_t)n;
	return GOES_ON;
}

/* Writes when the file is said to take something. What is no file gets pieces that
 * it takes whole then, so that nothing here ever waits. */
static enum step put(struct cli_capture *c)
{
	size_t left = c->used - c->at;
	ssize_t n = write(c->out, c->chunk + c->at, c->is_file ? left : MIN(left, PIPE_BUF));

	if (n >= 0 || errno == EAGAIN || errno == EINTR) {
		c->at += (size_t)MAX(n, 0);
		return GOES_ON;
	}
	if (errno == EPIPE)
		return READER_GONE;
	cli_fail(c->err, "cannot write to %s: %s: it has only the beginning of the capture",
		 c->name, strerror(errno));
	return FAILED;
}

/* The first signal ends the capture, whose rest is still to come; the second one
 * ends us. */
static enum step take_signal(struct cli_capture *c)
{
	struct signalfd_siginfo info;

	if (read(c->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return GOES_ON;
	if (c->stopping)
		return READER_GONE;
	c->stopping = true;
	return tell(c, "stop") ? GOES_ON : FAILED;
}

/* Waits for whatever happens next and deals with it. */
static enum step look(struct cli_capture *c)
{
	bool pending = c->at < c->used;
	uint64_t now = monotonic_ms();
	struct pollfd fds[] = {
	    {.fd = c->signals, .events = POLLIN},
	    {.fd = c->out, .events = pending ? POLLOUT : 0},
	    {.fd = pending ? -1 : c->fifo, .events = POLLIN},
	};

	if (now >= c->keep_at_ms) {
		c->keep_at_ms = now + KEEP_MS;
		if (!tell(c, "keep"))
			return FAILED;
	}
	if (poll(fds, ARRAY_SIZE(fds), (int)(c->keep_at_ms - now)) <= 0)
		return GOES_ON;
	if (fds[0].revents)
		return take_signal(c);
	if (fds[1].revents & POLLERR)
		return READER_GONE;
	if (fds[1].revents)
		return put(c);
	return fds[2].revents ? take(c) : GOES_ON;
}

/* The engine's last word on a capture that has ended, or will in a moment. */
static bool conclude(struct cli_capture *c)
{
	for (int i = 0; i < END_POLLS; i++) {
		json_t *answer = ask(c, "status");
		bool running, renewed;
		uint64_t frames;

		if (!answer)
			return cli_fail(c->err,
					"instance \"%s\" has ended: %s has what was captured "
					"until then",
					c->client->instance, c->name);
		running = number_of(answer, "running");
		renewed = strcmp(text_of(answer, "ended"), CAPTURE_NOT_RENEWED_WORD) != 0;
		frames = number_of(answer, "frames");
		if (!running)
			fprintf(stderr, "%" PRIu64 " frame%s captured, %" PRIu64 " missed\n",
				frames, frames == 1 ? "" : "s", number_of(answer, "missed"));
		json_decref(answer);
		if (!running)
			return renewed ||
			       cli_fail(c->err, "the capture ended early: nobody renewed it");
		nanosleep(&(struct timespec){.tv_nsec = END_POLL_NS}, NULL);
	}
	return cli_fail(c->err, "instance \"%s\" does not end the capture", c->client->instance);
}

static bool run(struct cli_capture *c)
{
	enum step step;

	fprintf(stderr, "terminusctl: capturing to %s; Ctrl-C ends it\n", c->name);
	while ((step = look(c)) == GOES_ON)
		;
	/* An engine whose capture is read no more ends it. */
	close(c->fifo);
	c->fifo = -1;
	if (step == FAILED)
		return false;
	if (!c->is_stdout && close(c->out) != 0)
		return cli_fail(c->err, "cannot write to %s: %s", c->name, strerror(errno));
	c->out = -1;
	return conclude(c);
}

/* From here on SIGINT and SIGTERM are read, and a pipe that nobody reads any more
 * is an error of write(). */
static bool hold_signals(struct cli_capture *c)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return c->signals >= 0 || cli_fail(c->err, "signals can't be read: %s", strerror(errno));
}

static bool capture(struct cli_capture *c, const struct capture_request *q)
{
	if (!open_out(c, q))
		return false;
	if (!hold_signals(c) || !start(c, q)) {
		if (c->made)
			unlink(q->file);
		return false;
	}
	if (c->is_file && !c->is_stdout && ftruncate(c->out, 0) != 0)
		return cli_fail(c->err, "cannot write to %s: %s", c->name, strerror(errno));
	return run(c);
}

bool cli_capture(struct cli_client *client, const struct capture_request *q,
		 char err[CLIENT_ERROR_MAX])
{
	struct cli_capture *c = calloc(1, sizeof(*c));
	bool ok;

	if (!c)
		return cli_fail(err, "no memory");
	c->client = client;
	c->err = err;
	c->fifo = c->out = c->signals = -1;
	ok = capture(c, q);
	if (c->fifo >= 0)
		close(c->fifo);
	if (c->out >= 0 && !c->is_stdout)
		close(c->out);
	if (c->signals >= 0)
		close(c->signals);
	free(c);
	return ok;
}
