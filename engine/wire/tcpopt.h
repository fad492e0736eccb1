/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options: RFC 9293 §3.1 (EOL, NOP, MSS; MUST-4, MUST-68), RFC 7323 (window scale,
 * timestamps), RFC 2018 (SACK-permitted, SACK). */
#pragma once

#include "engine/base/compiler.h"

#define TCPOPT_MAX_WSCALE 14 /* RFC 7323 §2.3 */
#define TCPOPT_MAX_SACK	  4
#define TCPOPT_SYN_LEN 20 /* of MSS, SACK-permitted, timestamps and window scale */
#define TCPOPT_TS_LEN	  12 /* two NOPs and the option */

enum tcpopt_kind {
	TCPOPT_EOL = 0,
	TCPOPT_NOP = 1,
	TCPOPT_MSS = 2,
	TCPOPT_WSCALE = 3,
	TCPOPT_SACK_PERMITTED = 4,
	TCPOPT_SACK = 5,
	TCPOPT_TIMESTAMPS = 8,
};

enum tcpopt_seen {
	TCPOPT_HAS_MSS = 1 << 0,
	TCPOPT_HAS_WSCALE = 1 << 1,
	TCPOPT_HAS_SACK_PERMITTED = 1 << 2,
	TCPOPT_HAS_TS = 1 << 3,
	TCPOPT_HAS_SACK = 1 << 4,
	TCPOPT_MALFORMED = 1 << 5, /* a length that cannot be: the rest was ignored */
};

struct sack_block {
	uint32_t start, end; /* [start, end), host order */
};

/* Parsed options, host order. Fields are valid only when `seen` says so. */
struct tcpopt {
	uint8_t seen; /* enum tcpopt_seen */
	uint8_t wscale;
	uint8_t nb_sack;
	uint16_t mss;
	uint32_t tsval, tsecr;
	const uint8_t *sack; /* the SACK blocks in the frame, nb_sack of them */
};

/*
 * Parses the `len` bytes behind the fixed header. Total: any bytes are safe.
 * Unknown kinds are skipped (MUST-6), any alignment is taken (MUST-64), an
 * impossible length ends parsing with what was good kept (MUST-7).
 * `syn`: MSS, window scale and SACK-permitted count only then (RFC 7323 §2.2).
 */
void tcpopt_parse(struct tcpopt *o, const uint8_t *opts, uint32_t len, bool syn);

/* Block i of o->sack. */
struct sack_block tcpopt_sack_block(const struct tcpopt *o, uint32_t i);

/* What goes into an outgoing segment's options. */
struct tcpopt_out {
	bool has_ts, sack_permitted, has_wscale;
	uint8_t wscale;
	uint16_t mss; /* 0: none (MUST-65: SYN segments only) */
	uint32_t tsval, tsecr;
	uint8_t nb_sack;
	struct sack_block sack[TCPOPT_MAX_SACK];
};

/* Bytes tcpopt_write() will produce: a multiple of 4, at most 40. */
uint32_t tcpopt_size(const struct tcpopt_out *o);

/* Writes the options, padded to 32 bits (MUST-69 by NOPs in front); returns
 * the size. SACK blocks that do not fit 40 bytes are left out. */
uint32_t tcpopt_write(uint8_t *p, const struct tcpopt_out *o);
