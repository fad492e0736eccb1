/* SPDX-License-Identifier: BSD-3-Clause */
/* Standard input, output and error, as whoever started the program left them. */
#pragma once

#include <stdbool.h>

/* Call it before anything is opened: what is closed of the three is from then on open in a way
 * that fails as well, so that no file or socket gets its number, and what is printed. */
void std_streams_claim(void);

/* Writes out what was printed: what nobody gets to see has not been done. False: not all of it is
 * there, and standard error says why, as the program of that name. */
bool std_streams_flush(const char *program);
