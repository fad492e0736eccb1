/* SPDX-License-Identifier: BSD-3-Clause */
/* Local address and port -> listener: open addressing, built once from the
 * config, so lookups see only our own keys. */
#pragma once

#include "engine/shard.h"

/* Entries of the table for conf: a power of two, at most half full. */
uint32_t listen_table_slots(const struct conf *conf);

/* Enters all of sh->conf's listeners into sh->listen_table. */
void listen_table_build(struct shard *sh);

/* The listener for a segment sent to local address `local` (TUPLE_V6 not in
 * it) of `family`: one on that address first, then one on any; CONF_NONE. */
uint16_t listen_table_find(const struct shard *sh, uint8_t family, uint16_t local,
			   uint16_t port_be);
