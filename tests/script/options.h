/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP options in a script's notation and in a segment's bytes:
 * <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>, <sack 1:101>, <eol>,
 * <hex fd04abcd>, <*> (any). Numbers of timestamps and SACK blocks are relative,
 * see struct relation.
 */
#pragma once

#include <stdio.h>

#include "tests/script/scan.h"

#define OPTIONS_MAX 16

/* Where one connection's relative numbers begin. */
struct relation {
	uint32_t theirs;  /* peer's initial sequence number */
	uint32_t ours;    /* the engine's; 0 until known */
	uint32_t ts_ours; /* the first timestamp the engine sent; 0 until known */
	bool ours_known, ts_known;
};

struct option {
	uint8_t kind;
	bool hex;          /* raw bytes, `kind` included */
	bool any_a, any_b; /* written * */
	uint32_t a, b;     /* mss, shift, or timestamp value and echo */
	uint8_t nb_sack;
	uint32_t sack[8]; /* edges, relative */
	uint8_t raw_len;
	uint8_t raw[40];
};

struct options {
	bool any; /* <*> */
	uint8_t count;
	struct option list[OPTIONS_MAX];
};

/* Reads the list behind `<`, the closing `>` included. */
bool options_scan(struct scan *s, struct options *o);

/* A segment from the peer: returns the bytes used, UINT32_MAX: more than 40. */
uint32_t options_emit(const struct options *o, const struct relation *rel, uint8_t out[40]);

/* A segment from the engine, whose options frame_parse() found well-formed. */
void options_decode(const uint8_t *bytes, uint32_t len, const struct relation *rel,
		    struct options *o);

/* True when both hold the same options in whatever order; padding is ignored. */
bool options_match(const struct options *want, const struct options *got);

/* Prints the list with its brackets; nothing when it is empty. */
void options_print(FILE *out, const struct options *o);
