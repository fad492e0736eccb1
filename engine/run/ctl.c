/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/ctl.h"

#include <pthread.h>
#include <string.h>

#include "engine/run/ctl_commands.h"

struct command {
	const char *name;
	ctl_fn fn; /* NULL: it is about captures, */
	const char *help;
	ctl_capture_fn capture_fn; /* and this is its function */
};

static const struct command commands[] = {
    {"/terminus/info", ctl_info, "Version, process and workers. No parameter", NULL},
    {"/terminus/counters", ctl_counters, "All counters. Parameter: a worker's number, or none",
     NULL},
    {"/terminus/objects", ctl_objects, "Objects of limited number, used and limit. No parameter",
     NULL},
    {"/terminus/ports", ctl_ports, "Ports and their counters. No parameter", NULL},
    {"/terminus/workers", ctl_workers, "Workers and their turns. Parameter: row to begin with",
     NULL},
    {"/terminus/listeners", ctl_listeners, "Listeners. Parameter: row to begin with", NULL},
    {"/terminus/pools", ctl_pools, "Backends of all pools. Parameter: row to begin with", NULL},
    {"/terminus/sources", ctl_sources, "The heaviest sources of clients. No parameter", NULL},
    {"/terminus/lists/reload", ctl_reload_lists,
     "Reads the prefix lists again and puts them in force. No parameter", NULL},
    {"/terminus/connections", ctl_connections,
     "Connections. Parameters: cursor (0, then \"next\" of the answer), filter", NULL},
    {"/terminus/capture/start", NULL,
     "Starts a packet capture. Parameters: KEY=VALUE,...,file=PATH", ctl_capture_start},
    {"/terminus/capture/keep", NULL, "Renews it. Parameter: id=N, or none", ctl_capture_keep},
    {"/terminus/capture/stop", NULL, "Ends it. Parameter: id=N, or none", ctl_capture_stop},
    {"/terminus/capture/status", NULL, "Shows it. Parameter: id=N, or none", ctl_capture_status},
};

/*
 * Where handlers find the engine: DPDK before 24.11 passes them no argument and
 * knows no way to take a command back. Handlers hold the lock for reading while
 * they use it, so that ctl_stop() knows when the last one has gone.
 */
static struct {
	pthread_rwlock_t lock;
	struct engine *engine;
	struct capture *capture; /* of the engine; NULL when that is */
} served = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static bool hold(struct rte_tel_data *d)
{
	pthread_rwlock_rdlock(&served.lock);
	if (served.engine)
		return true;
	pthread_rwlock_unlock(&served.lock);
	reply_error(d, "terminus is starting or stopping: try again");
	return false;
}

struct capture *ctl_hold_capture(struct rte_tel_data *d)
{
	return hold(d) ? served.capture : NULL;
}

void ctl_let_go(void)
{
	pthread_rwlock_unlock(&served.lock);
}

static void run(const struct command *c, const char *params, struct rte_tel_data *d)
{
	if (c->capture_fn) {
		c->capture_fn(params, d);
	} else if (hold(d)) {
		c->fn(served.engine, params, d);
		ctl_let_go();
	}
}

static int on_command(const char *name, const char *params, struct rte_tel_data *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			run(&commands[i], params ? params : "", d);
	return 0;
}

/* Returns what served captures before. */
static struct capture *serve(struct engine *e, struct capture *c)
{
	struct capture *before;

	pthread_rwlock_wrlock(&served.lock);
	before = served.capture;
	served.engine = e;
	served.capture = c;
	pthread_rwlock_unlock(&served.lock);
	return before;
}

static struct capture *make_capture(const struct engine *e)
{
	struct capture_args args = {
	    .nb_ports = e->conf->nb_ports, .nb_workers = e->conf->nb_workers, .now = engine_now};

	for (uint16_t i = 0; i < args.nb_ports; i++) {
		args.port_names[i] = e->conf->ports[i].name;
		args.port_macs[i] = e->ports[i]->mac;
	}
	for (uint16_t i = 0; i < args.nb_workers; i++)
		args.slots[i] = &e->workers[i]->capture;
	return capture_create(&args);
}

bool ctl_start(struct engine *e, struct report *r)
{
	struct capture *capture = make_capture(e);

	if (!capture)
		return report_error(r, "no memory for the control commands");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int rc = rte_telemetry_register_cmd(commands[i].name, on_command, commands[i].help);

		if (rc != 0) {
			capture_destroy(capture);
			return report_error(r, "no memory for the control command %s",
					    commands[i].name);
		}
	}
	serve(e, capture);
	return true;
}

void ctl_stop(void)
{
	capture_destroy(serve(NULL, NULL));
}
