/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories of a test's own, gone with all that is in them when it ends. */
#pragma once

#include <ftw.h>
#include <stdio.h>

#include "engine/base/compiler.h"

static inline int scratch_remove_one(const char *path, const struct stat *st UNUSED,
				     int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

/* 0, or what nftw() returns. */
static inline int scratch_remove(const char *dir)
{
	return nftw(dir, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
