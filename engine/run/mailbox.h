/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One question at a time from a control thread to a worker, without a lock and
 * without memory that could be left dangling: question and answer travel by
 * value through the mailbox. The worker looks once a turn (one load) and answers
 * between turns; one that sleeps is woken. Whoever asks waits a bounded time; an answer
 * that comes too late is thrown away, and the mailbox is usable again.
 */
#pragma once

#include <stdatomic.h>

#include "engine/run/inquiry.h"

struct mailbox {
	_Atomic uint32_t state; /* enum mailbox_state in mailbox.c */
	struct inquiry inquiry; /* owned by whom `state` says */
};

/* All zero is an empty mailbox as well. */
void mailbox_init(struct mailbox *m);

/* Asks and waits for the answer, at most `timeout_us`. Any control thread; a
 * second one waits for its turn. False: no answer, *q is as it was. */
bool mailbox_ask(struct mailbox *m, struct inquiry *q, uint64_t timeout_us);

/* Worker: the question that waits, NULL: none. After filling in the answer
 * call mailbox_answer(). */
struct inquiry *mailbox_take(struct mailbox *m);
void mailbox_answer(struct mailbox *m);

/* Worker: sleeps so long, or until a question waits. */
void mailbox_sleep(struct mailbox *m, uint64_t us);
