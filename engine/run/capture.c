/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/run/capture_session.h"

struct capture {
	struct capture_args args;
	pthread_mutex_t lock; /* of what follows */
	uint32_t last_id;
	struct capture_session *session; /* the last one, which may have ended; NULL: none */
};

struct capture *capture_create(const struct capture_args *args)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->args = *args;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void capture_destroy(struct capture *c)
{
	if (!c)
		return;
	capture_session_finish(c->session);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool has_ended(const struct capture_session *s)
{
	return atomic_load(&s->end) != CAPTURE_RUNS;
}

static bool start(struct capture *c, const struct capture_request *q,
		  struct capture_filter *filter, char *err)
{
	if (c->session && !has_ended(c->session))
		return capture_fail(err, "a capture is running: stop it first, its number is %u",
				    c->session->id);
	capture_session_finish(c->session);
	c->session = capture_session_start(&c->args, c->last_id + 1, q, filter, err);
	c->last_id += c->session != NULL;
	return c->session != NULL;
}

bool capture_start(struct capture *c, const struct capture_request *q,
		   struct capture_filter *filter, struct capture_info *info,
		   char err[CAPTURE_ERROR_MAX])
{
	bool ok;

	pthread_mutex_lock(&c->lock);
	ok = start(c, q, filter, err);
	if (ok)
		capture_session_info(c->session, info);
	pthread_mutex_unlock(&c->lock);
	capture_filter_free(filter);
	return ok;
}

static void renew(struct capture_session *s)
{
	s->lease_end_us = s->args->now() + s->request.lease_s * (usec_t)1000000;
}

static void stop(struct capture_session *s)
{
	s->stop = true;
}

/* Does `what`, NULL: nothing, to capture `id` and tells how it stands then. */
static bool with_session(struct capture *c, uint32_t id, void (*what)(struct capture_session *),
			 struct capture_info *info, char *err)
{
	bool known;

	pthread_mutex_lock(&c->lock);
	known = c->session && (id == 0 || id == c->session->id);
	if (known && what)
		what(c->session);
	if (known)
		capture_session_info(c->session, info);
	pthread_mutex_unlock(&c->lock);
	if (known)
		return true;
	return id ? capture_fail(err, "there is no capture %u any more", id)
		  : capture_fail(err, "there has been no capture yet");
}

bool capture_keep(struct capture *c, uint32_t id, struct capture_info *info,
		  char err[CAPTURE_ERROR_MAX])
{
	return with_session(c, id, renew, info, err);
}

bool capture_stop(struct capture *c, uint32_t id, struct capture_info *info,
		  char err[CAPTURE_ERROR_MAX])
{
	return with_session(c, id, stop, info, err);
}

bool capture_status(struct capture *c, uint32_t id, struct capture_info *info,
		    char err[CAPTURE_ERROR_MAX])
{
	return with_session(c, id, NULL, info, err);
}

const char *capture_end_word(enum capture_end end)
{
	static const char *const words[] = {
	    [CAPTURE_RUNS] = "",
	    [CAPTURE_STOPPED] = "stopped",
	    [CAPTURE_COUNT_REACHED] = "count",
	    [CAPTURE_TIME_IS_UP] = "seconds",
	    [CAPTURE_NOT_RENEWED] = CAPTURE_NOT_RENEWED_WORD,
	    [CAPTURE_READER_GONE] = "reader gone",
	    [CAPTURE_WRITE_FAILED] = "write failed",
	};

	return words[end];
}
