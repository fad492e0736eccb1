/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/lists.h"

#include <stdlib.h>

#include "engine/run/addr_text.h"
#include "engine/run/config_reader.h"
#include "engine/run/prefix_bag.h"

#define ANSWER_TIMEOUT_US 1000000

struct lists_generation {
	struct prefix_set *set;
	struct lists_generation *older;
};

/* Takes the set over. */
static bool push(struct lists *l, struct prefix_set *set)
{
	struct lists_generation *g = malloc(sizeof(*g));

	if (!g) {
		prefix_set_free(set);
		return false;
	}
	*g = (struct lists_generation){set, l->newest};
	l->newest = g;
	return true;
}

static void free_chain(struct lists_generation *g)
{
	while (g) {
		struct lists_generation *older = g->older;

		prefix_set_free(g->set);
		free(g);
		g = older;
	}
}

bool lists_init(struct lists *l, const struct conf *conf, struct prefix_set *set)
{
	*l = (struct lists){.conf = conf};
	pthread_mutex_init(&l->busy, NULL);
	return push(l, set);
}

const struct prefix_set *lists_current(const struct lists *l)
{
	return l->newest->set;
}

static bool is_same(const struct conf_listener *a, const struct conf_listener *b)
{
	return strcmp(a->name, b->name) == 0 && a->port_be == b->port_be &&
	       ipaddr_equal(&a->addr, &b->addr);
}

static bool complain(struct config_error *err, const struct conf *conf,
		     const struct conf_listener *l, int line, const char *what)
{
	char text[ADDR_TEXT_MAX];

	return config_error_set(err, conf->file, line, "listeners",
				"%s at %s %s: only prefix lists, and deny and allow, are read "
				"again: restart for the rest",
				l->name, endpoint_text(&l->addr, l->port_be, text), what);
}

static const struct conf_listener *find(const struct conf *conf, const struct conf_listener *l)
{
	for (uint16_t i = 0; i < conf->nb_listeners; i++)
		if (is_same(&conf->listeners[i], l))
			return &conf->listeners[i];
	return NULL;
}

/* Each listener that runs is in the file, and no other. */
static bool check_listeners(const struct conf *running, const struct conf *read,
			    struct config_error *err)
{
	for (uint16_t i = 0; i < read->nb_listeners; i++)
		if (!find(running, &read->listeners[i]))
			return complain(err, read, &read->listeners[i], read->listeners[i].line,
					"does not run");
	for (uint16_t i = 0; i < running->nb_listeners; i++)
		if (!find(read, &running->listeners[i]))
			return complain(err, read, &running->listeners[i], 0,
					"runs and is missing");
	return true;
}

/* The tables of what was read, by the indexes of the listeners that run. */
static struct prefix_set *arrange(const struct conf *running, struct conf *read)
{
	struct prefix_set *set = prefix_set_create(running->nb_listeners), *from;

	if (!set)
		return NULL;
	from = config_take_prefixes(read);
	set->nb_lists = from->nb_lists;
	set->nb_prefixes = from->nb_prefixes;
	for (uint16_t i = 0; i < running->nb_listeners; i++)
		set->of_listener[i] =
		    from->of_listener[find(read, &running->listeners[i]) - read->listeners];
	free(from); /* its tables are the new one's */
	return set;
}

static struct prefix_set *read_set(const struct conf *running, struct config_error *err)
{
	struct conf *read = config_load(running->file, err);
	struct prefix_set *set = NULL;

	if (!read)
		return NULL;
	if (check_listeners(running, read, err)) {
		set = arrange(running, read);
		if (!set)
			config_error_set(err, running->file, 0, "", "out of memory");
	}
	config_free(read);
	return set;
}

static bool tell_workers(struct lists *l, struct config_error *err)
{
	int silent = -1;

	for (uint16_t i = 0; i < l->conf->nb_workers; i++) {
		struct inquiry q = {.kind = INQUIRY_SET_PREFIXES, .prefixes = lists_current(l)};

		if (!mailbox_ask(l->mailboxes[i], &q, ANSWER_TIMEOUT_US))
			silent = i;
	}
	if (silent < 0)
		return true;
	return config_error_set(err, l->conf->file, 0, "",
				"worker %d does not answer, and may go on with the lists before: "
				"try again",
				silent);
}

bool lists_reload(struct lists *l, struct lists_sum *sum, struct config_error *err)
{
	struct prefix_set *set;
	bool ok = false;

	pthread_mutex_lock(&l->busy);
	set = read_set(l->conf, err);
	if (set && !push(l, set))
		config_error_set(err, l->conf->file, 0, "", "out of memory");
	else if (set)
		ok = tell_workers(l, err);
	if (ok) {
		*sum = (struct lists_sum){set->nb_lists, set->nb_prefixes};
		free_chain(l->newest->older);
		l->newest->older = NULL;
	}
	pthread_mutex_unlock(&l->busy);
	return ok;
}

void lists_fini(struct lists *l)
{
	if (!l->conf)
		return;
	free_chain(l->newest);
	pthread_mutex_destroy(&l->busy);
	*l = (struct lists){0};
}
