/*
 * The lock of a spec, `SPEC.lock` beside it: what its requirements came to, wheel by wheel. It is
 * JSON, meant to be kept with the spec, and made anew only when what it was made from changes. A
 * digest of all that it says shows what was edited, or merged from two of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"

struct lock_package {
	char *name;    /* normalised (PEP 503) */
	char *version; /* as the wheel has it */
	char *file;    /* the wheel's name */
	char *sha256;  /* of the wheel, in hexadecimal */
	char *layer;   /* digest of its layer */
};

struct lockfile {
	char *inputs; /* digest of all that it was made from */
	char *python; /* "3.11": what it was made for */
	struct lock_package *packages;
	size_t count;
	bool bare; /* read from a file of the format before, which had no digest */
};

/* An empty one; NULL without memory. */
struct lockfile *lockfile_new(void);
void lockfile_free(struct lockfile *lock); /* NULL is fine */

static inline void cleanup_lockfile(struct lockfile **lock)
{
	lockfile_free(*lock);
}

#define _cleanup_lockfile_ __attribute__((cleanup(cleanup_lockfile)))

/* Appends a package, whose strings are copied. -ENOMEM. */
int lockfile_add(struct lockfile *lock, const struct lock_package *package);

/* Where the lock of the spec at @spec is; to be freed, NULL without memory. */
char *lockfile_path(const char *spec);

/* Reads the lock at @path. -ENOENT without a message: there is none; -EINVAL: it is not a lock, or
 * of a newer version; -EUCLEAN: it does not say what was written. */
int lockfile_read(const char *path, struct lockfile **out, struct error *error);

/* The file that the lock at @path is or would be, which is another one when that is a link; to be
 * freed. -ENOENT and the like: the link leads nowhere; -EPERM: it is another user's. */
int lockfile_target(const char *path, char **out, struct error *error);

/* Puts the packages in the order of their names. */
void lockfile_sort(struct lockfile *lock);

/* Writes it, in one step, unless the file says the same already; where @path is a link, to what it
 * leads to. The packages are sorted before. */
int lockfile_write(const char *path, struct lockfile *lock, struct error *error);
