/*
 * What an environment was asked for, so that it can be fetched ahead at the next mount: paths, and
 * what was asked of each. In the order of the first question, which is the order of the next ones.
 *
 * A list is bounded, and belongs to one thread at a time. Its form on disk is no more than a hint:
 * whatever is damaged, or not ours, is refused as a whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venvfs/ahead.h"
#include "venvfs/buffer.h"

/* Of a list, and so of a file: beyond this, nothing is added, and nothing is read. */
#define AHEAD_ENTRIES_MAX 16384
#define AHEAD_TEXT_MAX    (2u << 20) /* bytes of all paths */
#define AHEAD_FILE_MAX    (3u << 20)

/* The share of what was remembered that is left out at each mount; see ahead_list_is_left_out(). */
#define AHEAD_LEFT_OUT 32

struct ahead_entry {
	char *path;          /* from the environment's root, which is "" */
	uint64_t start, end; /* AHEAD_READ: between which bytes */
	uint32_t hash;
	uint32_t directory; /* its entry: an index, or AHEAD_NONE for the root */
	uint32_t found;     /* names below it that AHEAD_FOUND holds of */
	uint8_t before;     /* what was remembered; enum ahead_what */
	uint8_t now;        /* what was asked since the mount */
};

#define AHEAD_NONE UINT32_MAX

struct ahead_list {
	struct ahead_entry *entries;
	uint32_t count, capacity;
	uint32_t *buckets; /* a power of two of indexes, AHEAD_NONE where free */
	uint32_t bucket_count;
	size_t text_size;
	uint32_t generation; /* how many mounts have handed it on */
};

void ahead_list_clear(struct ahead_list *list);

/*
 * Notes that @what was asked of @path now; @start and @end for AHEAD_READ. Tells whether that is
 * new. What does not fit is dropped. Of AHEAD_FOUND and AHEAD_ABSENT the last one holds.
 */
bool ahead_list_note(struct ahead_list *list, const char *path, uint8_t what, uint64_t start,
		     uint64_t end);

/* Forgets that @path was absent. */
void ahead_list_made(struct ahead_list *list, const char *path);

/*
 * What is fetched ahead is never asked for again, so nobody can tell whether it is still of use.
 * That is why a part of the names, another one at each mount, is not fetched: what is asked for
 * then stays, and what is not is forgotten.
 */
bool ahead_list_is_left_out(const struct ahead_list *list, const struct ahead_entry *entry);

/* Appends the file that the next mount is to read. @minor: of the base, as it names directories. */
int ahead_list_encode(const struct ahead_list *list, unsigned minor, struct buffer *out);

/* The list of such a file, as what was remembered. -EBADMSG: it is none, or of another @minor. */
int ahead_list_decode(const char *data, size_t size, unsigned minor, struct ahead_list *out);
