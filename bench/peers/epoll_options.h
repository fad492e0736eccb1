/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of epoll_server.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

struct epoll_options {
	struct sockaddr_storage address; /* where to listen, port included */
	socklen_t address_len;
	uint32_t body; /* bytes of it in a response */
};

/* Takes the command line apart, and pins the process if --cpu says where. Ends the program:
 * after --help with 0, after anything that it does not understand with 2 and a message. */
void epoll_options_parse(struct epoll_options *o, int argc, char **argv);
