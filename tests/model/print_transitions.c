/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the transitions that tcp_set_state() allows, one a line: "FROM TO". */
#include "engine/tcp/internal.h"

#include <stdio.h>

int main(void)
{
	for (enum tcp_state from = TCP_CLOSED; from < TCP_NB_STATES; from++)
		for (enum tcp_state to = TCP_CLOSED; to < TCP_NB_STATES; to++)
			if (tcp_state_may_follow(from, to))
				printf("%s %s\n", tcp_state_name(from), tcp_state_name(to));
	return 0;
}
