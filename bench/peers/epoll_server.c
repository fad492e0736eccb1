/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Terminus is measured against: HTTP on Linux's TCP, done with as little as it takes. One
 * thread, one epoll, no allocation and no log for a request, and four system calls for a
 * connection. Requests have no body; what one asks for does not matter.
 *
 * Each choice was measured against its opposite, in turns, on a veth link with the core saturated:
 *   - The last response is sent with MSG_MORE, so that its FIN rides on it: a fifth more
 *     connections a second.
 *   - A new connection is read at once, since its request is mostly there, and epoll never hears
 *     of it: 4 % more than with epoll_ctl() first.
 *   - The listener is level-triggered and taken from in batches. Edge-triggered, and with
 *     TCP_DEFER_ACCEPT, it does no better.
 */
#include "bench/peers/epoll_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/compiler.h"

#define EVENTS       512
#define ACCEPT_BATCH 256
#define REQUEST_MAX  2048
#define VISITORS_MAX (1u << 24)
#define BACKLOG      65535 /* the kernel takes no more than net.core.somaxconn */

struct response {
	char *bytes;
	size_t len;
};

/* A connection, found by its descriptor. */
struct visitor {
	uint32_t unsent;  /* bytes of the response that the socket has not taken yet */
	uint16_t held;    /* bytes of an incomplete request, in server.requests */
	bool closing;     /* closed once the response is out */
	uint32_t watched; /* the events that epoll reports of it */
};

struct server {
	int listener, epoll;
	rlim_t visitors_max;
	struct visitor *visitors;
	char (*requests)[REQUEST_MAX]; /* memory is used only by requests that come in pieces */
	struct response responses[2];  /* the last of a connection, after one that is not */
	char room[65536];              /* what is being read */
};

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("epoll_server: no memory");
		exit(1);
	}
	return p;
}

/* Opens as many descriptors as the system lets it, and has room for what each is for. */
static void make_room(struct server *s)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	s->visitors_max = MIN(limit.rlim_max, VISITORS_MAX);
	s->visitors = map(s->visitors_max * sizeof(*s->visitors));
	s->requests = map(s->visitors_max * sizeof(*s->requests));
}

static void make_response(struct response *r, const char *header, uint32_t body)
{
	char head[128];
	int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n%s\r\n",
			   body, header);

	r->len = len + body;
	r->bytes = map(r->len);
	memcpy(r->bytes, head, len);
	memset(r->bytes + len, 'x', body);
}

static void leave(struct server *s, int fd)
{
	s->visitors[fd] = (struct visitor){0};
	close(fd);
}

static void watch(struct server *s, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLET, .data.fd = fd};
	struct visitor *v = &s->visitors[fd];
	int how = v->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if ((v->watched & events) == events)
		return;
	v->watched = events;
	if (epoll_ctl(s->epoll, how, fd, &event) < 0)
		leave(s, fd);
}

/* Sends what is left of a response. False: the connection is gone, or has to wait. */
static bool respond(struct server *s, int fd)
{
	struct visitor *v = &s->visitors[fd];
	const struct response *r = &s->responses[v->closing];
	const char *rest = r->bytes + r->len - v->unsent;
	ssize_t n = send(fd, rest, v->unsent, MSG_NOSIGNAL | (v->closing ? MSG_MORE : 0));

	if (n < 0 && errno != EAGAIN) {
		leave(s, fd);
		return false;
	}
	v->unsent -= n > 0 ? n : 0;
	if (v->unsent) {
		watch(s, fd, EPOLLIN | EPOLLOUT);
		return false;
	}
	if (v->closing) {
		leave(s, fd);
		return false;
	}
	return true;
}

static bool asks_to_close(const char *request, size_t len)
{
	static const char *const forms[] = {"Connection: close", "connection: close"};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (memmem(request, len, forms[i], strlen(forms[i])))
			return true;
	return false;
}

/* Keeps what has come beyond the request under way. False: that is more than one may be. */
static bool hold(struct server *s, int fd, const char *at, size_t len)
{
	if (len > REQUEST_MAX) {
		leave(s, fd);
		return false;
	}
	if (len)
		memcpy(s->requests[fd], at, len);
	s->visitors[fd].held = len;
	return true;
}

/* Answers the requests among what was held and the n bytes that follow it in s->room.
 * False: as respond(). */
static bool serve(struct server *s, int fd, size_t n)
{
	struct visitor *v = &s->visitors[fd];
	size_t len = v->held + n;
	const char *at = s->room, *end;

	while (len && (end = memmem(at, len, "\r\n\r\n", 4))) {
		v->closing = asks_to_close(at, end - at);
		v->unsent = s->responses[v->closing].len;
		len -= end + 4 - at;
		at = end + 4;
		/* Before the response: that may have to wait, or be the last. */
		if (!hold(s, fd, at, len) || !respond(s, fd))
			return false;
	}
	return hold(s, fd, at, len);
}

/* Puts what is held of an incomplete request where the rest of it is read to. */
static size_t recall(struct server *s, int fd)
{
	size_t held = s->visitors[fd].held;

	if (held)
		memcpy(s->room, s->requests[fd], held);
	return held;
}

/* Goes on where the connection has stopped, until there is nothing left to read. */
static void talk(struct server *s, int fd)
{
	ssize_t n = 0;

	if (s->visitors[fd].unsent && !respond(s, fd))
		return;
	recall(s, fd);
	do {
		size_t held;

		if (!serve(s, fd, n))
			return;
		held = recall(s, fd);
		n = recv(fd, s->room + held, sizeof(s->room) - held, 0);
	} while (n > 0);
	if (n < 0 && errno == EAGAIN)
		watch(s, fd, EPOLLIN);
	else
		leave(s, fd);
}

static void welcome(struct server *s)
{
	for (uint32_t i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if ((rlim_t)fd >= s->visitors_max)
			close(fd);
		else
			talk(s, fd);
	}
}

static int listen_on(const struct epoll_options *o)
{
	int on = 1, off = 0;
	int fd = socket(o->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0 && o->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&o->address, o->address_len) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		perror("epoll_server: cannot listen there");
		exit(1);
	}
	return fd;
}

static void open_epoll(struct server *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = s->listener};

	s->epoll = epoll_create1(0);
	if (s->epoll < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) < 0) {
		perror("epoll_server: no epoll");
		exit(1);
	}
}

static void run(struct server *s)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(s->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == s->listener)
				welcome(s);
			else
				talk(s, events[i].data.fd);
		}
	}
}

int main(int argc, char **argv)
{
	static struct server s;
	struct epoll_options options;

	epoll_options_parse(&options, argc, argv);
	make_room(&s);
	make_response(&s.responses[false], "", options.body);
	make_response(&s.responses[true], "Connection: close\r\n", options.body);
	s.listener = listen_on(&options);
	open_epoll(&s);
	puts("epoll_server: ready");
	fflush(stdout);
	run(&s);
}
