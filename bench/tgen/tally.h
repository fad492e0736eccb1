/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker counts. One writer; others get copies, see worker.h. */
#pragma once

#include "bench/tgen/hist.h"

/* name, what it counts. Results print them under these names. */
#define TALLY_LIST(X)                                                                              \
	X(started, "connections begun, or flood packets sent")                                     \
	X(done, "of these, ended as they should")                                                  \
	X(resets, "RSTs that came for one of them")                                                \
	X(timeouts, "given up after all retries")                                                  \
	X(cut, "closed by the server before all was answered")                                     \
	X(retransmits, "segments sent again")                                                      \
	X(unexpected, "segments that fit nothing that was sent")                                   \
	X(requests, "responses complete")                                                          \
	X(bytes, "bytes of payload received in order")                                             \
	X(bad_sums, "frames with a wrong checksum")                                                \
	X(rx_frames, "frames received")                                                            \
	X(tx_frames, "frames sent")                                                                \
	X(tx_full, "frames lost because the port took none")                                       \
	X(no_buffer, "starts put off because no buffer was left")                                  \
	X(synack, "replies: SYN and ACK")                                                          \
	X(rst, "replies: RST")                                                                     \
	X(ack, "replies: ACK, neither SYN nor RST")                                                \
	X(icmp, "replies: ICMP")                                                                   \
	X(other, "other frames")                                                                   \
	X(cycles, "of the time-stamp counter")                                                     \
	X(busy_cycles, "of these, in turns with work")

enum tally_count {
#define X(name, what) TALLY_##name,
	TALLY_LIST(X)
#undef X
	    TALLY_COUNTS
};

enum tally_hist { TALLY_CONNECT, TALLY_REQUEST, TALLY_CONNECTION, TALLY_HISTS };

struct tally {
	uint64_t n[TALLY_COUNTS];
	struct hist hists[TALLY_HISTS];
};

/* The name of a counter. */
const char *tally_name(enum tally_count i);

/* Adds all of `from`. */
void tally_merge(struct tally *t, const struct tally *from);
