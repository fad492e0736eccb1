/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/ctl.h"

#include <pthread.h>
#include <string.h>

#include "engine/run/ctl_commands.h"

struct command {
	const char *name;
	ctl_fn fn;
	const char *help;
};

static const struct command commands[] = {
    {"/terminus/info", ctl_info, "Version, process and workers. No parameter"},
    {"/terminus/counters", ctl_counters, "All counters. Parameter: a worker's number, or none"},
    {"/terminus/objects", ctl_objects, "Objects of limited number, used and limit. No parameter"},
    {"/terminus/ports", ctl_ports, "Ports and their counters. No parameter"},
    {"/terminus/listeners", ctl_listeners, "Listeners. Parameter: row to begin with"},
    {"/terminus/pools", ctl_pools, "Backends of all pools. Parameter: row to begin with"},
    {"/terminus/connections", ctl_connections,
     "Connections. Parameters: cursor (0, then \"next\" of the answer), filter"},
};

/*
 * Where handlers find the engine: DPDK before 24.11 passes them no argument and
 * knows no way to take a command back. Handlers hold the lock for reading while
 * they work, so that ctl_stop() knows when the last one has gone.
 */
static struct {
	pthread_rwlock_t lock;
	struct engine *engine;
} served = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static int on_command(const char *name, const char *params, struct rte_tel_data *d)
{
	pthread_rwlock_rdlock(&served.lock);
	if (!served.engine)
		reply_error(d, "terminus is starting or stopping: try again");
	for (size_t i = 0; served.engine && i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			commands[i].fn(served.engine, params ? params : "", d);
	pthread_rwlock_unlock(&served.lock);
	return 0;
}

static void serve(struct engine *e)
{
	pthread_rwlock_wrlock(&served.lock);
	served.engine = e;
	pthread_rwlock_unlock(&served.lock);
}

bool ctl_start(struct engine *e, struct report *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int rc = rte_telemetry_register_cmd(commands[i].name, on_command, commands[i].help);

		if (rc != 0)
			return report_error(r, "no memory for the control command %s",
					    commands[i].name);
	}
	serve(e);
	return true;
}

void ctl_stop(void)
{
	serve(NULL);
}
