/* SPDX-License-Identifier: BSD-3-Clause */
/* The stranger's connections, their timers and their user. See alien.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "tests/sim/alien_tcp.h"

#define OUT_SIZE   65536   /* bytes of send buffer */
#define FIELD_MAX  0xffffu /* the window field */
#define TRIES_MAX  1000    /* of anything: then nobody is there */
#define KEEP_TRIES 30
#define KEEP_US    2000000  /* between two */
#define ASK_MAX_US 60000000 /* between two questions for a closed window */

void alien_complain(struct alien *a, const char *fmt, ...)
{
	va_list ap;

	if (a->complaint[0])
		return;
	va_start(ap, fmt);
	vsnprintf(a->complaint, sizeof(a->complaint), fmt, ap);
	va_end(ap);
}

const char *alien_complaint(const struct alien *a)
{
	return a->complaint;
}

struct alien_conn *alien_conn_find(struct alien *a, const struct ipaddr *raddr, uint16_t lport,
				   uint16_t rport)
{
	for (uint32_t i = 0; i < a->top; i++) {
		struct alien_conn *c = &a->conns[i];

		if (c->state != ALIEN_FREE && !c->ended && c->lport == lport && c->rport == rport &&
		    ipaddr_equal(&c->raddr, raddr))
			return c;
	}
	return NULL;
}

/* Anything, or near the wrap; but beyond the connection before, whose tuple it may get
 * (RFC 9293 §3.4.1). */
static uint32_t initial_number(struct alien *a)
{
	const struct habits *h = a->conf.habits;

	if (a->has_ended)
		return a->last_seq + dice_between(&a->dice, 1, 100000);
	return h->iss_before_wrap ? 0u - dice_between(&a->dice, 1, h->iss_before_wrap)
				  : (uint32_t)dice_roll(&a->dice);
}

static bool take_buffers(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;

	/* A window is told in units: rounding it up needs room for almost one more. */
	c->in_size = h->rcvbuf + (1u << h->shift);
	c->out_size = OUT_SIZE;
	c->in = malloc(c->in_size);
	c->out = malloc(c->out_size);
	return c->in && c->out;
}

struct alien_conn *alien_conn_new(struct alien *a, const struct ipaddr *raddr, uint16_t lport,
				  uint16_t rport)
{
	struct alien_conn *c = NULL;

	for (uint32_t i = 0; i < ALIEN_CONNS && !c; i++)
		if (a->conns[i].state == ALIEN_FREE)
			c = &a->conns[i];
	if (!c)
		return NULL;
	a->top = MAX(a->top, (uint32_t)(c - a->conns) + 1);
	*c = (struct alien_conn){.host = a,
				 .raddr = *raddr,
				 .lport = lport,
				 .rport = rport,
				 .iss = initial_number(a),
				 .rto_at = ALIEN_NEVER,
				 .keep_at = ALIEN_NEVER,
				 .wait_at = ALIEN_NEVER,
				 .ack_at = ALIEN_NEVER};
	c->mss = raddr->family == IP_V4 ? 536 : 1220;
	c->offered = MIN(a->conf.habits->rcvbuf, FIELD_MAX);
	if (!take_buffers(c)) {
		free(c->in);
		free(c->out);
		return NULL;
	}
	return c;
}

static void conn_free(struct alien_conn *c)
{
	struct alien *a = c->host;
	uint32_t last = alien_seq(c, c->max);

	if (!a->has_ended || (int32_t)(last - a->last_seq) > 0)
		a->last_seq = last;
	a->has_ended = true;
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	c->state = ALIEN_FREE;
}

static void stop_timers(struct alien_conn *c)
{
	c->rto_at = c->keep_at = c->ack_at = c->wait_at = ALIEN_NEVER;
}

void alien_conn_end(struct alien_conn *c, enum tcp_close_reason reason)
{
	stop_timers(c);
	c->ended = true;
	c->reason = reason;
}

void alien_conn_wait(struct alien_conn *c)
{
	stop_timers(c);
	c->state = ALIEN_TIME_WAIT;
	c->wait_at = c->host->now + c->host->conf.habits->wait_us;
}

struct alien *alien_create(const struct alien_conf *conf)
{
	struct alien *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->conf = *conf;
	a->has_ended = conf->has_lived;
	a->last_seq = conf->last_seq;
	a->dice.state = conf->seed;
	a->ip_id = (uint16_t)dice_roll(&a->dice);
	a->frags = alien_frags_create();
	if (!a->frags) {
		free(a);
		return NULL;
	}
	return a;
}

uint32_t alien_destroy(struct alien *a)
{
	uint32_t last;

	for (uint32_t i = 0; i < a->top; i++)
		if (a->conns[i].state != ALIEN_FREE)
			conn_free(&a->conns[i]);
	last = a->last_seq;
	free(a->frags);
	free(a);
	return last;
}

void alien_set_time(struct alien *a, usec_t now)
{
	if (!a->born)
		a->born = now;
	a->now = now;
}

uint32_t alien_objects(const struct alien *a)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->top; i++)
		n += a->conns[i].state != ALIEN_FREE;
	return n;
}

/* What is in flight, or asks for a window, was not answered. */
static void resend(struct alien_conn *c)
{
	if (++c->tries > TRIES_MAX) {
		alien_conn_end(c, TCP_CLOSE_TIMEOUT);
		return;
	}
	c->nxt = c->una; /* everything again, from the first byte missing */
	c->syn_due = c->state != ALIEN_UP;
	c->ask_now = c->state == ALIEN_UP && c->edge <= c->una;
	alien_arm(c);
}

void alien_arm(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;
	uint64_t wait = h->rto_us;
	bool asks = c->state == ALIEN_UP && c->edge <= c->una;

	if (h->backoff || asks)
		wait <<= MIN(c->tries, 8u);
	if (!asks)
		wait = MIN(wait, 4000000u);
	c->rto_at = c->host->now + MIN(wait, (uint64_t)ASK_MAX_US);
}

/* Silence: one more question, or the end. */
static void keep_alive(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;

	bool idle = c->una == c->max;

	if (idle && ++c->tries > KEEP_TRIES) {
		alien_reset(c);
		alien_conn_end(c, TCP_CLOSE_TIMEOUT);
		return;
	}
	if (idle)
		alien_ask(c);
	c->keep_at = c->host->now + MIN(h->keepalive_us, (uint32_t)KEEP_US);
}

static bool conn_timers(struct alien_conn *c)
{
	usec_t now = c->host->now;
	bool any = false;

	if (c->wait_at <= now) {
		alien_conn_end(c, TCP_CLOSE_DONE);
		return true;
	}
	if (c->ack_at <= now) {
		c->ack_at = ALIEN_NEVER;
		c->ack_now = any = true;
	}
	if (c->rto_at <= now) {
		any = true;
		resend(c);
	}
	if (c->keep_at <= now && !c->ended) {
		any = true;
		keep_alive(c);
	}
	return any;
}

bool alien_timers(struct alien *a)
{
	bool any = false;

	for (uint32_t i = 0; i < a->top; i++)
		if (a->conns[i].state != ALIEN_FREE && !a->conns[i].ended)
			any |= conn_timers(&a->conns[i]);
	return any;
}

usec_t alien_next(const struct alien *a)
{
	usec_t next = ALIEN_NEVER;

	for (uint32_t i = 0; i < a->top; i++) {
		const struct alien_conn *c = &a->conns[i];

		if (c->state == ALIEN_FREE)
			continue;
		next = MIN(next, MIN(MIN(c->rto_at, c->ack_at), MIN(c->keep_at, c->wait_at)));
	}
	return next;
}

static void tell(struct alien *a, struct alien_conn *c)
{
	const struct alien_events *ev = a->conf.events;
	bool up = c->state >= ALIEN_UP && (!c->ended || c->reason == TCP_CLOSE_DONE);

	if (c->came_up) {
		c->came_up = false;
		if (c->passive)
			ev->accepted(a->conf.user, a, c);
	}
	if (c->changed && up && !c->forsaken) {
		c->changed = false;
		ev->ready(a->conf.user, a, c);
	}
	if (c->fin_got && up && c->taken == c->got && !c->eof_told && !c->forsaken) {
		c->eof_told = true;
		ev->eof(a->conf.user, a, c);
	}
}

/* What has ended in order is kept until its user has read it all. */
static bool is_over(const struct alien_conn *c)
{
	if (!c->ended && c->state != ALIEN_TIME_WAIT)
		return false;
	return c->reason != TCP_CLOSE_DONE || c->forsaken || c->eof_told;
}

static void finish(struct alien *a, struct alien_conn *c)
{
	tell(a, c);
	if (!c->ended && c->state != ALIEN_TIME_WAIT)
		alien_output(c);
	else if (!c->ended && c->ack_now)
		alien_acknowledge(c); /* the one that begins the wait */
	if (!is_over(c))
		return;
	if (!c->forsaken) {
		c->forsaken = true;
		a->conf.events->closed(a->conf.user, a, c, c->reason);
	}
	if (c->ended)
		conn_free(c);
}

void alien_finish(struct alien *a)
{
	for (uint32_t i = 0; i < a->top; i++)
		if (a->conns[i].state != ALIEN_FREE)
			finish(a, &a->conns[i]);
}

struct alien_conn *alien_connect(struct alien *a, uint16_t lport, const struct ipaddr *raddr,
				 uint16_t rport)
{
	struct alien_conn *c;

	if (alien_conn_find(a, raddr, lport, rport))
		return NULL;
	c = alien_conn_new(a, raddr, lport, rport);
	if (!c)
		return NULL;
	c->state = ALIEN_SYN_SENT;
	c->syn_due = true;
	return c;
}

uint32_t alien_readable(const struct alien_conn *c)
{
	return (uint32_t)(c->got - c->taken);
}

uint32_t alien_writable(const struct alien_conn *c)
{
	return c->fin_queued ? 0 : (uint32_t)(c->una + c->out_size - c->queued);
}

uint32_t alien_peek(const struct alien_conn *c, uint8_t *dst, uint32_t max)
{
	uint32_t n = MIN(max, alien_readable(c));

	for (uint32_t done = 0; done < n;) {
		uint32_t at = (uint32_t)((c->taken + done) % c->in_size);
		uint32_t len = MIN(n - done, c->in_size - at);

		memcpy(dst + done, c->in + at, len);
		done += len;
	}
	return n;
}

uint32_t alien_read(struct alien_conn *c, uint8_t *dst, uint32_t max)
{
	uint32_t n = alien_peek(c, dst, max);

	c->taken += n;
	return n;
}

uint32_t alien_write(struct alien_conn *c, const uint8_t *bytes, uint32_t len)
{
	uint32_t n = MIN(len, alien_writable(c));

	for (uint32_t done = 0; done < n;) {
		uint32_t at = (uint32_t)(c->queued % c->out_size);
		uint32_t part = MIN(n - done, c->out_size - at);

		memcpy(c->out + at, bytes + done, part);
		c->queued += part;
		done += part;
	}
	return n;
}

void alien_shutdown(struct alien_conn *c)
{
	c->fin_queued = true;
}

void alien_close(struct alien_conn *c)
{
	c->fin_queued = c->forsaken = true;
	/* What waits to be read never will be. */
	if (c->taken != c->got) {
		alien_reset(c);
		alien_conn_end(c, TCP_CLOSE_ABORTED);
	}
}

void alien_abort(struct alien_conn *c)
{
	c->forsaken = true;
	if (c->ended || c->state == ALIEN_TIME_WAIT)
		return;
	if (c->state != ALIEN_SYN_SENT)
		alien_reset(c);
	alien_conn_end(c, TCP_CLOSE_ABORTED);
}

uint32_t *alien_tag(struct alien_conn *c)
{
	return &c->tag;
}
