/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a shard does when packet buffers or transfer blocks run short, so that who hoards
 * them is not who keeps them. In three steps:
 *
 * lean: connections hold little, unread, unsent or out of order, and are offered small
 * windows; what is there already stays.
 *
 * reclaim: data that came out of order is forgotten, and of the connections whose peers
 * take nothing the one that has stood still longest is reset, one a tick, until there is
 * enough again. Who takes data, however slowly, is not touched: that is min_rate's.
 *
 * full: the last buffers are for what lives from hand to mouth, ACKs, handshakes and the answers of
 * neighbours. Text is dropped, and acknowledged up to where it was before; its sender has it.
 */
#pragma once

#include "engine/tcp/internal.h"

/* Bytes that pressure_init() needs. */
size_t pressure_bytes(const struct conf *conf);

/* Profiles are set up; `mem` is zeroed. */
void pressure_init(struct shard *sh, void *mem);

/* Looks how much is left, and acts: once in some ticks, in each one while it is short. */
void pressure_look(struct shard *sh);

/* When it must look again, if nothing else happens; false: there is enough. */
bool pressure_next(const struct shard *sh, tick_t *at);
