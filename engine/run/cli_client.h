/* SPDX-License-Identifier: BSD-3-Clause */
/* terminusctl's side of the control socket: DPDK telemetry, version 2. */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "engine/base/compiler.h"

#define CLIENT_ERROR_MAX 1280 /* as long as what is wrong with a configuration */
#define CLIENT_NAME_MAX  64

struct cli_client {
	int fd;
	bool silent; /* somebody listens there who did not answer in time */
	char instance[CLIENT_NAME_MAX];
	char *buf; /* one answer */
	size_t buf_size;
};

/* Writes a message; returns false, for callers to return. */
bool cli_fail(char err[CLIENT_ERROR_MAX], const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Connects to the instance, or with NULL to the only one that runs. False with
 * one line in err[]; call cli_client_close() only after true. */
bool cli_client_open(struct cli_client *c, const char *instance, char err[CLIENT_ERROR_MAX]);

/* From now on answers may take this long; 5 s unless told. */
void cli_client_patience(struct cli_client *c, uint32_t seconds);

/* The answer to a command, NULL with one line in err[]. The caller frees it. */
json_t *cli_client_ask(struct cli_client *c, const char *command, char err[CLIENT_ERROR_MAX]);

/* The user that the instance runs as; (uid_t)-1: the kernel does not say. */
uid_t cli_client_peer(const struct cli_client *c);

void cli_client_close(struct cli_client *c);
