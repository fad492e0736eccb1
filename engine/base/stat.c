/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/base/stat.h"

static const char *const names[] = {
#define STAT_NAME(name, text) #name,
    STAT_LIST(STAT_NAME)
#undef STAT_NAME
};

static const char *const texts[] = {
#define STAT_TEXT(name, text) text,
    STAT_LIST(STAT_TEXT)
#undef STAT_TEXT
};

const char *stat_name(enum stat i)
{
	return names[i];
}

const char *stat_text(enum stat i)
{
	return texts[i];
}
