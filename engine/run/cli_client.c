/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cli_client.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/run/instance.h"

#define SOCKET_NAME      "dpdk_telemetry.v2"
#define GREETING_MAX     1024
#define ANSWER_MAX       (1u << 20) /* more than any DPDK announces */
#define ANSWER_TIMEOUT_S 5
#define NAMES_MAX        16

bool cli_fail(char err[CLIENT_ERROR_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CLIENT_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* Whoever is stopped accepts nobody, and soon not even who would wait for that. */
static int connect_to(const char *instance, char path[sizeof(((struct sockaddr_un *)0)->sun_path)])
{
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char dir[sizeof(addr.sun_path)];
	int fd, n;

	instance_root(dir, sizeof(dir));
	n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s/%s", dir, instance, SOCKET_NAME);
	memcpy(path, addr.sun_path, sizeof(addr.sun_path));
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* Why there is no good greeting of n bytes. */
static const char *greeting_fault(ssize_t n)
{
	if (n < 0)
		return errno == EAGAIN ? "it is stopped or hangs" : strerror(errno);
	return n == 0 ? "it hangs up at once, as DPDK does with an eleventh client: end another one"
		      : "what it says is no greeting of DPDK's telemetry";
}

/* Telemetry begins by saying how long its answers may be. */
static bool read_greeting(struct cli_client *c, const char **why)
{
	char text[GREETING_MAX];
	ssize_t n = recv(c->fd, text, sizeof(text), 0);
	json_t *greeting;
	json_int_t size;

	*why = greeting_fault(n);
	greeting = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	size = json_integer_value(json_object_get(greeting, "max_output_len"));
	json_decref(greeting);
	if (size <= 0 || size > ANSWER_MAX)
		return false;
	*why = "there is no memory for its answers";
	c->buf_size = (size_t)size;
	c->buf = malloc(c->buf_size);
	return c->buf != NULL;
}

static bool no_connection(struct cli_client *c, const char *path, char *err)
{
	if (errno == EACCES || errno == EPERM)
		return cli_fail(err,
				"no permission to ask instance \"%s\": run terminusctl as the user "
				"that terminus runs as (root)",
				c->instance);
	if (errno != EAGAIN)
		return cli_fail(err, "no terminus \"%s\" is running: nobody listens at %s",
				c->instance, path);
	c->silent = true;
	return cli_fail(err, "instance \"%s\" does not answer at %s: it is stopped or hangs",
			c->instance, path);
}

static bool open_named(struct cli_client *c, const char *instance, char *err)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *why;

	*c = (struct cli_client){0};
	snprintf(c->instance, sizeof(c->instance), "%s", instance);
	c->fd = connect_to(instance, path);
	if (c->fd < 0)
		return no_connection(c, path, err);
	if (read_greeting(c, &why))
		return true;
	close(c->fd);
	c->silent = true;
	return cli_fail(err, "instance \"%s\" does not answer at %s: %s", instance, path, why);
}

/* True when the program behind the socket is a terminus; *silent: there is one that says nothing,
 * and may be. */
static bool is_terminus(const char *instance, bool *silent)
{
	char err[CLIENT_ERROR_MAX];
	struct cli_client c;
	json_t *info = NULL;

	if (open_named(&c, instance, err)) {
		info = cli_client_ask(&c, "/terminus/info", err);
		cli_client_close(&c);
	}
	*silent = c.silent;
	json_decref(info);
	return info != NULL;
}

/* Fills in the names of those that run; returns how many, at most NAMES_MAX. `silent` is one that
 * does not answer, "": there is none. */
static int find_running(char names[NAMES_MAX][CLIENT_NAME_MAX], char silent[CLIENT_NAME_MAX])
{
	char path[PATH_MAX];
	bool says_nothing;
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	instance_root(path, sizeof(path));
	dir = opendir(path);
	while (dir && n < NAMES_MAX && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || len >= CLIENT_NAME_MAX)
			continue;
		if (is_terminus(entry->d_name, &says_nothing))
			memcpy(names[n++], entry->d_name, len + 1);
		else if (says_nothing)
			memcpy(silent, entry->d_name, len + 1);
	}
	if (dir)
		closedir(dir);
	return n;
}

bool cli_client_open(struct cli_client *c, const char *instance, char err[CLIENT_ERROR_MAX])
{
	char names[NAMES_MAX][CLIENT_NAME_MAX], silent[CLIENT_NAME_MAX] = "";
	char list[256] = "";
	size_t at = 0;
	int n;

	if (instance)
		return open_named(c, instance, err);
	n = find_running(names, silent);
	if (n == 1)
		return open_named(c, names[0], err);
	if (n == 0 && silent[0])
		return cli_fail(err,
				"no terminus answers, but \"%s\" listens and says nothing: it is "
				"stopped, hangs, has too many clients or is another DPDK program; "
				"ask it with -i",
				silent);
	if (n == 0)
		return cli_fail(err,
				"no terminus is running, or none of this user's: start one, or "
				"name it with -i");
	for (int i = 0; i < n && at < sizeof(list); i++)
		at +=
		    (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", names[i]);
	return cli_fail(err, "several are running: say which with -i: %s", list);
}

/* Takes the answer out of {"/command": answer}, and {"error": text}, or a text alone, apart. */
static json_t *unwrap(const struct cli_client *c, const char *command, json_t *whole, char *err)
{
	void *first = json_object_iter(whole);
	json_t *answer = first ? json_object_iter_value(first) : NULL;
	json_t *error = json_is_string(answer) ? answer : json_object_get(answer, "error");

	if (json_is_string(error))
		cli_fail(err, "instance \"%s\": %s", c->instance, json_string_value(error));
	else if (!json_is_object(answer))
		cli_fail(err, "instance \"%s\" does not know %s: it is no terminus of this version",
			 c->instance, command);
	else
		return json_incref(answer);
	return NULL;
}

void cli_client_patience(struct cli_client *c, uint32_t seconds)
{
	struct timeval timeout = {.tv_sec = seconds};

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

json_t *cli_client_ask(struct cli_client *c, const char *command, char err[CLIENT_ERROR_MAX])
{
	json_t *whole, *answer;
	ssize_t n = send(c->fd, command, strlen(command), MSG_NOSIGNAL);

	if (n >= 0)
		n = recv(c->fd, c->buf, c->buf_size, 0);
	if (n <= 0) {
		c->silent = n < 0 && errno == EAGAIN;
		cli_fail(err, "instance \"%s\" %s", c->instance,
			 n == 0            ? "has ended"
			 : errno == EAGAIN ? "does not answer"
			 : strerror(errno));
		return NULL;
	}
	whole = json_loadb(c->buf, (size_t)n, 0, NULL);
	answer = unwrap(c, command, whole, err);
	json_decref(whole);
	return answer;
}

uid_t cli_client_peer(const struct cli_client *c)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);

	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	return peer.uid;
}

void cli_client_close(struct cli_client *c)
{
	close(c->fd);
	free(c->buf);
}
