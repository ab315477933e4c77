/*
 * The two processes that fetch ahead. Each is forked while we have one thread, does its work, and
 * leaves what it has done in memory that it shares with us.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ahead_list.h"
#include "venvfs/tree.h"

/* Shared by all three processes. */
struct ahead_progress {
	_Atomic uint64_t device; /* of the mounted file system; set before the walker may go */

	_Atomic uint32_t entries; /* that the walker asked for */
	_Atomic uint32_t walk_ms;
	atomic_bool walk_refused; /* it could not get in without keeping the mount busy */

	_Atomic uint32_t files; /* that the reader had brought into the page cache, */
	_Atomic uint64_t bytes; /* as far as they were not there */
	_Atomic uint32_t read_ms;
};

/* Milliseconds of the monotonic clock. */
uint64_t ahead_now_ms(void);

/*
 * Reads ahead the files of @list, found in @tree: on sixteen threads, as a disk is only busy when
 * it has many requests. Runs in the reader, whose tree is a copy of ours that nobody else uses.
 */
void ahead_read(const struct ahead_list *list, struct tree *tree, struct ahead_progress *progress);

/*
 * Asks for the names of @list in what is mounted at @place, once a byte comes through @go. Runs in
 * the walker, which has one thread.
 */
void ahead_walk(const struct ahead_list *list, const char *place, int go,
		struct ahead_progress *progress);
