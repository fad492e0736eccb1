/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/inquiry.h"

void inquiry_answer(struct inquiry *q, struct shard *sh)
{
	uint32_t first = (uint32_t)q->cursor;

	q->next = 0;
	q->count = 0;
	switch (q->kind) {
	case INQUIRY_CONNECTIONS:
		q->count = info_connections(sh, q->cursor, &q->filter, q->conns,
					    MIN(q->max, (uint32_t)INQUIRY_CONNS), &q->next);
		break;
	case INQUIRY_LISTENER_STATES:
		q->count = info_listeners(sh, first, q->listeners,
					  MIN(q->max, (uint32_t)INQUIRY_LISTENERS));
		break;
	case INQUIRY_BACKEND_STATES:
		q->count =
		    info_backends(sh, first, q->backends, MIN(q->max, (uint32_t)INQUIRY_BACKENDS));
		break;
	case INQUIRY_SOURCE_STATES:
		q->count = info_sources(sh, q->cursor, q->sources,
					MIN(q->max, (uint32_t)INQUIRY_SOURCES), &q->next);
		break;
	case INQUIRY_OBJECTS:
		info_objects(sh, &q->objects);
		break;
	case INQUIRY_SET_PREFIXES:
		shard_set_prefixes(sh, q->prefixes);
		break;
	}
}
