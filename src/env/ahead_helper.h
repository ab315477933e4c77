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
#include "venvfs/environment.h"
#include "venvfs/string_list.h"
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
	_Atomic uint32_t base_files; /* the same of the base, without their bytes */
};

/* Milliseconds of the monotonic clock. */
uint64_t ahead_now_ms(void);

/* How many of so many bytes are in the page cache; 0 where the kernel cannot tell. */
uint64_t ahead_resident(int fd, off_t start, uint64_t size);

/*
 * The base's own files are not ours to see: Python finds them without asking us. What it imports of
 * its standard library lies close together, though, and all of it is a few megabytes, so that is
 * read whole where the page cache has lost it. ahead_base.c.
 */
bool ahead_base_is_cold(const struct environment *environment);

/* Adds the paths, in about the order of their use. */
void ahead_base_list(const struct environment *environment, struct string_list *out);

/*
 * Reads ahead the files of the base, if @base says so, and those of @list, found in the tree: on
 * sixteen threads, as a disk is only busy when it has many requests. Runs in the reader, whose tree
 * is a copy of ours that nobody else uses.
 */
void ahead_read(const struct ahead_list *list, const struct environment *environment, bool base,
		struct ahead_progress *progress);

/*
 * Asks for the names of @list in what is mounted at @place, once a byte comes through @go. Runs in
 * the walker, which has one thread.
 */
void ahead_walk(const struct ahead_list *list, const char *place, int go,
		struct ahead_progress *progress);
