/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port that replays a capture file: its frames are received, what is sent is
 * accepted and dropped. One queue, so one thread. To keep what is sent, wrap it
 * in a record port.
 */
#pragma once

#include "drivers/port.h"
#include "drivers/report.h"

enum pcapng_pace {
	PCAPNG_RECORDED, /* at the recorded times, the first frame at the first `now` */
	PCAPNG_FAST,	 /* as fast as rx_burst is called */
};

/*
 * Opens the pcapng or pcap file for replay; `bufs` is copied. The port's address
 * is the capturing interface's when the file tells it, else the destination of
 * the first frame. Frames that the file marks as outbound are left out, so a
 * recording of ours replays what came in. NULL with report->error set: no such
 * file, or not a capture of Ethernet frames.
 *
 * A bad packet, one longer than a buf, or the rest of a file that breaks off is
 * skipped and counted in rx_errors. While no buf is left the replay waits.
 */
struct port *pcapng_port_open(const char *path, enum pcapng_pace pace, uint16_t mtu,
			      const struct buf_ops *bufs, struct report *report);

/* True when the whole file has been delivered. */
bool pcapng_port_is_done(const struct port *p);
