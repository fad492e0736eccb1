/* SPDX-License-Identifier: BSD-3-Clause */
/* The reading of the plan's keys, on the engine's reader. Private to plan*.c. */
#pragma once

#include "bench/tgen/plan.h"
#include "engine/run/config_reader.h"

/* What the loader makes of a file. */
struct plan_file {
	struct config_file file;
	struct plan plan;
	int load_line; /* of the section, for messages */
	bool has_duration, has_concurrency, has_request, has_response, has_rate;
};

/* The keys of the section `load`, into struct plan_file. */
bool plan_read_load(struct config_reader *r, yaml_node_t *node, void *file);

/* Sets what the keys leave alone to their defaults. */
void plan_set_defaults(struct config_file *file);
