/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where captured frames go: a pcapng file or FIFO, through a buffer. Writing to
 * a FIFO never waits for its reader; what it does not take stays in the buffer.
 * One thread at a time.
 */
#pragma once

#include "engine/run/capture_ring.h"
#include "engine/run/capture_request.h"

/* An interface of the file: one for each port of the engine. */
struct capture_iface {
	const char *name;
	const uint8_t *mac; /* 6 bytes */
};

enum capture_write {
	CAPTURE_WRITTEN, /* the buffer is empty */
	CAPTURE_WAITS,   /* the reader of the FIFO is busy */
	CAPTURE_BROKEN,  /* nothing more can be written; see `error` */
};

struct capture_out {
	int fd;          /* -1: closed */
	int error;       /* errno of the write that failed, 0: none */
	uint8_t *buf;    /* whole blocks */
	size_t used, at; /* bytes in it, and of these written already */
};

/*
 * Opens the file of a request, which is created, or empty, or a FIFO that is
 * being read; with `force` what is in it goes. False with one line in err[], and
 * nothing is to be closed then.
 */
bool capture_out_open(struct capture_out *o, const char *path, bool force,
		      char err[CAPTURE_ERROR_MAX]);

/* Puts the file's head. To be called first; it fits. */
void capture_out_head(struct capture_out *o, const struct capture_iface *ifaces, uint16_t n);

/* False: the buffer is too full for another frame. */
bool capture_out_has_room(const struct capture_out *o, uint32_t kept);

/* Puts a frame, for which there must be room. Fills in the sums that its port was
 * to fill in. `wall_ns`: wall-clock time at usec 0. */
void capture_out_frame(struct capture_out *o, struct capture_record *r, uint32_t worker,
		       uint64_t wall_ns);

/* Writes what is in the buffer, as far as possible. */
enum capture_write capture_out_flush(struct capture_out *o);

/* Waits `timeout_ms`, less when the FIFO takes more of the buffer. False: nobody
 * reads it any more, and nothing more can be written. */
bool capture_out_wait(struct capture_out *o, int timeout_ms);

/* Frames in the buffer that are not, or not wholly, written. */
uint64_t capture_out_unwritten(const struct capture_out *o);

/* Closes the file; what is in the buffer is lost. */
void capture_out_close(struct capture_out *o);
