/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyed functions made of AES instructions, for x86 processors that have them. */
#pragma once

#include "engine/base/prf.h"

extern const struct prf prf_aes;
