/* The directory that an environment is mounted at, before and after. */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"

struct mount_point {
	char *path;       /* absolute, as the user named it */
	size_t made_from; /* of path: how long the part is that was there before; 0: all of it was
			   */
};

#define _cleanup_mount_point_ __attribute__((cleanup(mount_point_clear)))

/*
 * Makes @directory ready to be mounted at: it is created, with its parents, when it is absent.
 * Refused are what is no directory, one with entries (unless @nonempty), one where an environment
 * is mounted already, and a path that cannot be on PATH or in a script. On failure nothing was
 * made.
 */
int mount_point_prepare(const char *directory, bool nonempty, struct mount_point *out,
			struct error *error);

/* Removes what was created. */
void mount_point_restore(const struct mount_point *point);
void mount_point_clear(struct mount_point *point);
