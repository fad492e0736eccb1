/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole connections with a service that closes first, http or a proxied backend (backend.h):
 * SYN, SYN-ACK, ACK with a request, response with FIN, FIN-ACK, last ACK. Three segments in,
 * three out.
 */
#pragma once

#include "bench/peer.h"

#define VISIT_BATCH 32

/* Clients [first, first + VISIT_BATCH) come and go. The turns that get a client's SYN, request and
 * FIN are phases of these names; what comes later, with a backend, is of the last one. */
void visit(struct bench *b, uint32_t first);

/* The same for any VISIT_BATCH clients. */
void visit_by(struct bench *b, const uint32_t *clients);

/* Lets so much virtual time pass, for what waits for a timer. */
void visit_settle(struct bench *b, usec_t usec);
