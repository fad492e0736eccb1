/* SPDX-License-Identifier: BSD-3-Clause */
/* See epoll_options.h. */
#include "bench/peers/epoll_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (1u << 20)

static void help(void)
{
	puts("epoll_server: answers every HTTP request alike, to compare with\n\n"
	     "  --address=ADDRESS  where to listen, IPv4 or IPv6 (default 0.0.0.0)\n"
	     "  --port=N           its port (default 80)\n"
	     "  --body=N           bytes of the body (0 to 1048576, default 64)\n"
	     "  --cpu=N            runs on that CPU only\n\n"
	     "With \"Connection: close\" in a request it closes behind the response.");
	exit(0);
}

__attribute__((noreturn)) static void misuse(const char *option, const char *text,
					     const char *remedy)
{
	fprintf(stderr, "epoll_server: --%s: \"%.60s\" won't do: %s\n", option, text, remedy);
	exit(2);
}

static uint32_t number(const char *option, const char *text, uint32_t max)
{
	char *end, remedy[64];
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v > max) {
		snprintf(remedy, sizeof(remedy), "give a number from 0 to %u", max);
		misuse(option, text, remedy);
	}
	return v;
}

static void take_address(struct epoll_options *o, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&o->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&o->address;

	memset(&o->address, 0, sizeof(o->address));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		o->address_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		o->address_len = sizeof(*v6);
	} else {
		misuse("address", text, "give an IPv4 or IPv6 address");
	}
}

static void pin(const char *text)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number("cpu", text, CPU_SETSIZE - 1), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		misuse("cpu", text, "give a CPU that the process may use");
}

void epoll_options_parse(struct epoll_options *o, int argc, char **argv)
{
	static const struct option known[] = {
	    {"address", required_argument, NULL, 'a'}, {"port", required_argument, NULL, 'p'},
	    {"body", required_argument, NULL, 'b'},    {"cpu", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},          {0},
	};
	const char *address = "0.0.0.0";
	uint16_t port = 80;
	int option;

	o->body = 64;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'a')
			address = optarg;
		else if (option == 'p')
			port = number("port", optarg, UINT16_MAX);
		else if (option == 'b')
			o->body = number("body", optarg, BODY_MAX);
		else if (option == 'c')
			pin(optarg);
		else if (option == 'h')
			help();
		else
			exit(2); /* getopt has said why */
	}
	if (optind < argc) {
		fprintf(stderr, "epoll_server: \"%.60s\" is no option: --help lists them\n",
			argv[optind]);
		exit(2);
	}
	take_address(o, address, port);
}
