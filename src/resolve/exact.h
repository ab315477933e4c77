/* Wheels that are known before they are had: by name, version and digest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "candidate.h"
#include "venvfs/buffer.h"
#include "venvfs/lockfile.h"
#include "venvfs/string_list.h"

struct exact {
	char *name; /* normalised */
	char *version;
	char *file;                /* the wheel's name */
	char *path;                /* where it should lie; NULL: it is not known */
	struct string_list hashes; /* "sha256:HEX"; a wheel must have all of them */
	struct candidate *found;   /* borrowed; NULL: it is not on this host */
	bool differs;              /* not found, but another one of that name was */
};

struct exacts {
	struct exact *items;
	size_t count;
	const char *source; /* the file that names them; borrowed */
};

#define _cleanup_exacts_ __attribute__((cleanup(exacts_clear)))

void exacts_clear(struct exacts *exacts);

/* Appends one that owns copies of the strings; the hashes are taken over, also on failure. */
int exacts_add(struct exacts *exacts, const char *name, const char *version, const char *file,
	       const char *path, struct string_list *hashes);

/* Those of a lock. */
int exacts_from_lock(struct exacts *exacts, const struct lockfile *lock, const char *path);

/* Looks for each of them. Those that are somewhere else than where they should be, or not what they
 * should be, are in @missing, one error each. -ENOMEM, or what a directory says that cannot be
 * read. */
int exacts_find(struct exacts *exacts, struct candidates *candidates, const struct target *target,
		struct error_list *missing);

/* Appends a requirement for each that was not found: "name==version --hash=…". Returns how many. */
size_t exacts_write_missing(const struct exacts *exacts, struct buffer *out);
