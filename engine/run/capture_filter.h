/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames to capture: an expression in the language of tcpdump
 * (pcap-filter(7)), compiled by libpcap to a program that runs on a frame's
 * bytes. The compiler may ask the name service for the names in it; running
 * the program does nothing of the kind, and never fails.
 */
#pragma once

#include "engine/base/compiler.h"

#define CAPTURE_FILTER_MAX       640 /* bytes of an expression: a control command takes 1,000 */
#define CAPTURE_FILTER_ERROR_MAX 256

struct bpf_insn;

/* All zero lets every frame pass. */
struct capture_filter {
	struct bpf_insn *program; /* NULL: every frame passes */
};

/* "" lets every frame pass. False with one line in err[]; *f is all zero then. */
bool capture_filter_compile(struct capture_filter *f, const char *text,
			    char err[CAPTURE_FILTER_ERROR_MAX]);

void capture_filter_free(struct capture_filter *f);

/* Any thread. */
bool capture_filter_matches(const struct capture_filter *f, const uint8_t *frame, uint32_t len);
