/* SPDX-License-Identifier: BSD-3-Clause */
/* Standard input, output and error, as whoever started the program left them. */
#pragma once

/* Call it before anything is opened: what is closed of the three is from then on open in a way
 * that fails as well, so that no file or socket gets its number, and what is printed. */
void std_streams_claim(void);

/* Writes out what was printed. NULL: all of it is there, else why not. */
const char *std_streams_flush(void);
