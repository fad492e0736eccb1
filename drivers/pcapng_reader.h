/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the Ethernet frames of a capture file, pcapng or classic pcap, of
 * either byte order, one at a time and with bounded memory. The file is not
 * trusted: every length is checked, a bad packet is counted and skipped, and a
 * block whose length makes no sense ends the file.
 */
#pragma once

#include <stdio.h>

#include "drivers/pcapng.h"
#include "drivers/report.h"

struct pcapng_packet {
	const uint8_t *data; /* until the next call on the reader */
	uint32_t len;	     /* bytes in the file */
	uint32_t orig_len;   /* bytes on the wire, as the file says */
	uint64_t time_ns;    /* since 1970; meaningless without has_time */
	bool has_time;	     /* simple packet blocks have none */
	enum pcapng_direction direction;
	uint8_t mac[6]; /* of the capturing interface, if has_mac */
	bool has_mac;
};

struct pcapng_reader;

/*
 * Starts reading at the file's current position. NULL, with report->error set
 * (no file name in it), when it is no capture file or memory is short; `f` is
 * the caller's to close either way, after pcapng_reader_close().
 */
struct pcapng_reader *pcapng_reader_open(FILE *f, struct report *report);

/* The next frame; false at the end of the file and after an error, which
 * pcapng_reader_error() tells apart. Packets of interfaces other than Ethernet
 * are skipped and counted. */
bool pcapng_reader_next(struct pcapng_reader *r, struct pcapng_packet *out);

/* Why the file could not be read to its end; NULL: it was, or may yet be. */
const char *pcapng_reader_error(const struct pcapng_reader *r);

/* Packets skipped so far: inconsistent ones, and those that are not Ethernet. */
uint64_t pcapng_reader_bad(const struct pcapng_reader *r);

/* Frees the reader; NULL is fine. */
void pcapng_reader_close(struct pcapng_reader *r);
