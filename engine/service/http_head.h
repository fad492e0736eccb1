/* SPDX-License-Identifier: BSD-3-Clause */
/* What the http service wants to know of a request's head (RFC 9112 §2 to §6). */
#pragma once

#include "engine/base/compiler.h"

struct http_head {
	uint32_t len;	   /* bytes up to and including the empty line */
	uint32_t body_len; /* bytes that follow it, by Content-Length */
	bool is_head;	   /* the method is HEAD: the answer has no body */
	bool close;	   /* answer, then close: asked for, or HTTP/1.0, which has no word of ours
			    * that the connection is kept */
	bool bad;	   /* no request: answer so, and take nothing behind it for one */
	bool host, sized;  /* a Host, a Content-Length has been there */
};

/* Reads the head that begins at p, of which `len` bytes are there; false: it goes on behind them,
 * and *h is to be forgotten. Any bytes are safe. */
bool http_head_parse(struct http_head *h, const char *p, uint32_t len);
