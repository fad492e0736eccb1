/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prefix lists in force, and how others take their place while traffic goes on. A set of
 * tables is never changed: a new one is made of the configuration's file, every worker is told
 * through its mailbox, and the old one is freed when all of them have answered. Whatever is wrong
 * with the file or its lists is found before any worker hears of it.
 */
#pragma once

#include <pthread.h>

#include "engine/run/config.h"
#include "engine/run/mailbox.h"

struct lists_generation;

struct lists {
	pthread_mutex_t busy;    /* one reload at a time */
	const struct conf *conf; /* that runs */
	struct mailbox *mailboxes[CONF_MAX_WORKERS];
	struct lists_generation
	    *newest; /* and behind it those that a silent worker may still use */
};

/* `set` is the one in force, and owned by *l from now on; `conf` outlives *l. Mailboxes are the
 * caller's to fill in, one for each of conf's workers. False: no memory, and the set is freed. */
bool lists_init(struct lists *l, const struct conf *conf, struct prefix_set *set);

/* The set in force. */
const struct prefix_set *lists_current(const struct lists *l);

/* How much was read. */
struct lists_sum {
	uint32_t lists, prefixes;
};

/*
 * Reads the configuration's file again, and the lists that it names, and puts them in force.
 * False: err->text says what is wrong, and the lists before are in force; only where a worker
 * does not answer in time some of them may have the new ones already. Any control thread.
 */
bool lists_reload(struct lists *l, struct lists_sum *sum, struct config_error *err);

/* After the workers have ended. An all-zero *l is fine. */
void lists_fini(struct lists *l);
