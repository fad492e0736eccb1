/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The byte streams that tests send: byte `off` of stream `id` is a function of
 * both, so either end verifies content at any offset without keeping a copy,
 * and a byte of another stream or another offset does not go unnoticed.
 */
#pragma once

#include "engine/base/compiler.h"

#define PATTERN_OK UINT32_MAX

/* Writes bytes [off, off + len) of stream `id` to dst. */
void pattern_fill(uint64_t id, uint64_t off, void *dst, uint32_t len);

/* Compares `len` bytes with the stream from `off` on: index of the first byte
 * that differs, PATTERN_OK when none does. */
uint32_t pattern_check(uint64_t id, uint64_t off, const void *src, uint32_t len);
