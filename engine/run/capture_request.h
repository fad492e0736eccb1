/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is asked for when a capture is started: the parameter of the control
 * command, KEY=VALUE joined by commas. `file` comes last and takes the rest.
 */
#pragma once

#include "engine/conf.h"
#include "engine/run/capture_filter.h"

#define CAPTURE_ERROR_MAX   256
#define CAPTURE_FILE_MAX    512
#define CAPTURE_SNAPLEN_MAX 262144
#define CAPTURE_SECONDS_MAX 86400
#define CAPTURE_LEASE_S     5 /* a capture that nobody renews ends after it */

/* How a capture is said to have ended that was not renewed. */
#define CAPTURE_NOT_RENEWED_WORD "not renewed"

#define CAPTURE_ALL_WORKERS UINT32_MAX

struct capture_request {
	char file[CAPTURE_FILE_MAX];         /* absolute path */
	char filter[CAPTURE_FILTER_MAX + 1]; /* tcpdump's language, "": everything */
	char port[CONF_NAME_MAX];            /* "": all ports */
	uint32_t worker;                     /* CAPTURE_ALL_WORKERS: all of them */
	uint32_t drops_only;                 /* 1: frames that were dropped */
	uint32_t force;   /* 1: a file that has something in it may be overwritten */
	uint32_t count;   /* frames, 0: any number */
	uint32_t seconds; /* 0: until it is stopped */
	uint32_t snaplen; /* bytes kept of a frame at most */
	uint32_t lease_s; /* how long it lasts without being renewed */
};

/* Writes a message; returns false, for callers to return. */
bool capture_fail(char err[CAPTURE_ERROR_MAX], const char *fmt, ...) PRINTF_LIKE(2, 3);

/* False with one line in err[] when `text` is not a request; workers and names of
 * ports are not looked up. */
bool capture_request_parse(struct capture_request *q, const char *text,
			   char err[CAPTURE_ERROR_MAX]);

/* The text that capture_request_parse() reads back; false: longer than `size`. */
bool capture_request_print(const struct capture_request *q, char *out, size_t size);

/* As a capture is when nothing else is asked for. */
void capture_request_init(struct capture_request *q);
