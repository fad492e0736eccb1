/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminusctl capture: has the engine write to a FIFO in the instance's directory
 * and writes what comes out of it to the file, so that the file is made by and
 * belongs to whoever asked for it, wherever the engine runs.
 */
#pragma once

#include "engine/run/cli_client.h"
#include "engine/run/capture_request.h"

/*
 * Captures until SIGINT, SIGTERM, or what the request limits it to, and prints on
 * standard error how much it was. q->file is as it was given, "-" for standard
 * output. False with one line in err[].
 */
bool cli_capture(struct cli_client *c, const struct capture_request *q, char err[CLIENT_ERROR_MAX]);
