/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RING_BYTES   (8u << 20)
#define PERIOD_MS    1
#define PAUSE_NS     50000
#define LAST_WORD_US 1000000 /* what a slow reader gets to take the rest */

/* What the others captured is held back at most this long for a worker that takes
 * no turn, so that all of it is in order. */
#define HOLD_BACK_US 100000

static usec_t now_of(const struct capture_session *s)
{
	return s->args->now();
}

/* The worker with the oldest record, if it is not younger than `until`; -1: none. */
static int find_oldest(struct capture_session *s, usec_t until)
{
	usec_t best_us = 0;
	int best = -1;

	for (int w = 0; w < s->args->nb_workers; w++) {
		const struct capture_record *r;

		r = s->taps[w] ? capture_ring_first(&s->taps[w]->ring) : NULL;
		if (r && r->time_us <= until && (best < 0 || r->time_us < best_us)) {
			best_us = r->time_us;
			best = w;
		}
	}
	return best;
}

/* The time up to which no worker has anything more to say. */
static usec_t known_until(struct capture_session *s)
{
	usec_t until = UINT64_MAX;

	for (uint16_t w = 0; w < s->args->nb_workers; w++)
		if (s->taps[w]) {
			usec_t turn_us =
			    atomic_load_explicit(&s->taps[w]->turn_us, memory_order_acquire);

			until = MIN(until, turn_us);
		}
	return MAX(until - (until > 0), now_of(s) - HOLD_BACK_US);
}

static bool count_reached(const struct capture_session *s)
{
	return s->request.count && s->frames >= s->request.count;
}

/* Puts what the rings hold, up to time `until`, into the file. False: all that
 * can be done for now is done; the file takes no more, or nothing is left. */
static bool drain(struct capture_session *s, usec_t until)
{
	int w;

	while (!count_reached(s) && (w = find_oldest(s, until)) >= 0) {
		struct capture_ring *ring = &s->taps[w]->ring;
		struct capture_record *r = capture_ring_first(ring);

		if (!capture_out_has_room(&s->out, r->kept))
			return capture_out_flush(&s->out) == CAPTURE_WRITTEN;
		capture_out_frame(&s->out, r, (uint32_t)w, s->wall_ns);
		capture_ring_take(ring);
		s->frames++;
	}
	capture_out_flush(&s->out);
	return false;
}

static enum capture_end why_over(const struct capture_session *s)
{
	usec_t now = now_of(s);

	if (s->out.error)
		return s->out.error == EPIPE ? CAPTURE_READER_GONE : CAPTURE_WRITE_FAILED;
	if (count_reached(s))
		return CAPTURE_COUNT_REACHED;
	if (s->stop)
		return CAPTURE_STOPPED;
	if (s->request.seconds && now - s->start_us >= s->request.seconds * (usec_t)1000000)
		return CAPTURE_TIME_IS_UP;
	return now >= s->lease_end_us ? CAPTURE_NOT_RENEWED : CAPTURE_RUNS;
}

static void give_taps(struct capture_session *s)
{
	for (uint16_t w = 0; w < s->args->nb_workers; w++)
		capture_slot_set(s->args->slots[w], s->taps[w]);
}

/* Returns when no worker touches its tap any more. */
static void take_taps_back(struct capture_session *s)
{
	for (uint16_t w = 0; w < s->args->nb_workers; w++)
		capture_slot_set(s->args->slots[w], NULL);
	for (uint16_t w = 0; w < s->args->nb_workers; w++)
		while (!capture_slot_is_seen(s->args->slots[w]))
			nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

/* What the workers captured last goes to the file, as far as its reader takes it
 * in time; the rest is counted. */
static void finish_file(struct capture_session *s)
{
	usec_t end = now_of(s) + LAST_WORD_US;
	uint64_t unwritten;
	int w;

	while (!s->out.error && now_of(s) < end) {
		bool more = drain(s, UINT64_MAX);

		if (!more && capture_out_flush(&s->out) == CAPTURE_WRITTEN)
			break;
		if (!more)
			capture_out_wait(&s->out, PERIOD_MS);
	}
	unwritten = capture_out_unwritten(&s->out);
	s->frames -= unwritten;
	while (!count_reached(s) && (w = find_oldest(s, UINT64_MAX)) >= 0) {
		capture_ring_take(&s->taps[w]->ring);
		unwritten++;
	}
	s->lost = unwritten;
}

static void *run(void *arg)
{
	struct capture_session *s = arg;
	enum capture_end end;

	pthread_setname_np(pthread_self(), "capture");
	give_taps(s);
	while ((end = why_over(s)) == CAPTURE_RUNS)
		if (!drain(s, known_until(s)))
			capture_out_wait(&s->out, PERIOD_MS);
	s->end_us = now_of(s);
	take_taps_back(s);
	finish_file(s);
	s->error = s->out.error;
	for (uint16_t w = 0; w < s->args->nb_workers; w++)
		if (s->taps[w])
			capture_tap_fini(s->taps[w]);
	/* Whoever reads the FIFO to its end finds the capture ended. */
	atomic_store(&s->end, end);
	capture_out_close(&s->out);
	return NULL;
}

static bool find_port(const struct capture_args *args, const char *name, uint32_t *ports, char *err)
{
	char known[CAPTURE_ERROR_MAX] = "";
	size_t at = 0;

	for (uint16_t i = 0; i < args->nb_ports; i++) {
		if (strcmp(name, args->port_names[i]) == 0) {
			*ports = 1u << i;
			return true;
		}
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "",
				       args->port_names[i]);
		at = MIN(at, sizeof(known) - 1);
	}
	return capture_fail(err, "capture: there is no port \"%s\": use %.60s", name, known);
}

static bool make_rules(struct capture_session *s, char *err)
{
	const struct capture_request *q = &s->request;
	struct capture_rules *r = &s->rules;

	r->snaplen = q->snaplen;
	r->drops_only = q->drops_only;
	r->ports = UINT32_MAX;
	capture_rules_init(r);
	return !*q->port || find_port(s->args, q->port, &r->ports, err);
}

static bool make_taps(struct capture_session *s, char *err)
{
	uint32_t only = s->request.worker;

	if (only != CAPTURE_ALL_WORKERS && only >= s->args->nb_workers)
		return capture_fail(err, "capture: %u is not a worker: 0 to %u", only,
				    s->args->nb_workers - 1u);
	for (uint16_t w = 0; w < s->args->nb_workers; w++) {
		if (only != CAPTURE_ALL_WORKERS && only != w)
			continue;
		s->taps[w] = aligned_alloc(CACHE_LINE, sizeof(*s->taps[w]));
		if (!s->taps[w] || !capture_tap_init(s->taps[w], &s->rules, RING_BYTES))
			return capture_fail(err,
					    "capture: no memory: %u MB are needed for each worker",
					    RING_BYTES >> 20);
	}
	return true;
}

/* Wall-clock time is looked at once, so that times in the file have the engine's
 * own distances even when the clock is being set. */
static void start_clocks(struct capture_session *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	s->start_us = now_of(s);
	s->wall_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec - s->start_us * 1000;
	s->lease_end_us = s->start_us + s->request.lease_s * (usec_t)1000000;
}

static bool open_file(struct capture_session *s, char *err)
{
	struct capture_iface ifaces[CONF_MAX_PORTS];

	for (uint16_t i = 0; i < s->args->nb_ports; i++)
		ifaces[i] = (struct capture_iface){s->args->port_names[i], s->args->port_macs[i]};
	if (!capture_out_open(&s->out, s->request.file, s->request.force, err))
		return false;
	capture_out_head(&s->out, ifaces, s->args->nb_ports);
	return true;
}

static void free_session(struct capture_session *s)
{
	for (uint16_t w = 0; w < s->args->nb_workers; w++) {
		if (s->taps[w])
			capture_tap_fini(s->taps[w]);
		free(s->taps[w]);
	}
	capture_out_close(&s->out);
	capture_filter_free(&s->rules.filter);
	free(s);
}

struct capture_session *capture_session_start(const struct capture_args *args, uint32_t id,
					      const struct capture_request *q,
					      struct capture_filter *filter,
					      char err[CAPTURE_ERROR_MAX])
{
	struct capture_session *s = calloc(1, sizeof(*s));

	if (!s) {
		capture_fail(err, "capture: no memory");
		return NULL;
	}
	s->id = id;
	s->args = args;
	s->request = *q;
	s->rules.filter = *filter;
	*filter = (struct capture_filter){0};
	s->out.fd = -1;
	if (!make_rules(s, err) || !make_taps(s, err) || !open_file(s, err)) {
		free_session(s);
		return NULL;
	}
	start_clocks(s);
	if (pthread_create(&s->thread, NULL, run, s) != 0) {
		capture_fail(err, "capture: no thread can be made for it");
		free_session(s);
		return NULL;
	}
	return s;
}

void capture_session_finish(struct capture_session *s)
{
	if (!s)
		return;
	s->stop = true;
	pthread_join(s->thread, NULL);
	free_session(s);
}

void capture_session_info(struct capture_session *s, struct capture_info *info)
{
	enum capture_end end = atomic_load(&s->end);

	*info = (struct capture_info){.id = s->id, .end = end, .error = s->error};
	info->frames = s->frames;
	info->missed = s->lost;
	for (uint16_t w = 0; w < s->args->nb_workers; w++)
		if (s->taps[w])
			info->missed += s->taps[w]->missed;
	info->run_us = (end == CAPTURE_RUNS ? now_of(s) : s->end_us) - s->start_us;
	memcpy(info->file, s->request.file, sizeof(info->file));
	memcpy(info->filter, s->request.filter, sizeof(info->filter));
}
