/*
 * Fetching ahead: what was looked up and read in an environment is remembered in its store, and at
 * the next mount it is fetched before anybody asks.
 *
 * Two helper processes do that, so that none of our threads ever waits for an answer of our own:
 * the reader brings the bytes of files from the disk into the page cache, the walker looks names up
 * through the mount, so that the kernel knows them. Both end on their own, soon, and at the latest
 * with the mount. They change nothing, and whatever goes wrong with them has no other effect than
 * that the kernel has to ask.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "venvfs/buffer.h"
#include "venvfs/environment.h"

enum ahead_what {
	AHEAD_FOUND = 1 << 0,  /* it was looked up, and was there */
	AHEAD_ABSENT = 1 << 1, /* it was looked up, and was not */
	AHEAD_LISTED = 1 << 2, /* a directory's names were read */
	AHEAD_LINK = 1 << 3,   /* a link's target was read: its file will be */
	AHEAD_READ = 1 << 4,   /* a file's bytes were read */
};

struct ahead;

/*
 * Reads what the store of @environment remembers, and starts the reader. The environment outlives
 * the result, and there is no other thread yet. NULL, which all functions take: there is no store,
 * or no memory.
 */
struct ahead *ahead_start(struct environment *environment);

/* Prepares the walker of what was mounted at @place (free of links). There is no other thread yet.
 */
void ahead_mounted(struct ahead *ahead, const char *place);

/* Requests are answered from now on, by a file system on @device. */
void ahead_serving(struct ahead *ahead, dev_t device);

/*
 * Notes that @what was asked by process @pid: of node @id if @name is NULL, else of the entry @name
 * in it. Any thread, without locks.
 */
void ahead_note(struct ahead *ahead, uint64_t id, const char *name, enum ahead_what what,
		pid_t pid);
void ahead_note_read(struct ahead *ahead, uint64_t id, uint64_t offset, uint64_t size, pid_t pid);

/* @name was made in directory @parent: whoever makes a file looks for its name first, and that it
 * was absent is of no interest any more. */
void ahead_made(struct ahead *ahead, uint64_t parent, const char *name);

/* Appends to .venvfs/status what was fetched. Any thread. */
void ahead_report(const struct ahead *ahead, struct buffer *out);

/* Ends the helpers, and writes down what was noted. Nobody notes any more. */
void ahead_stop(struct ahead *ahead);
