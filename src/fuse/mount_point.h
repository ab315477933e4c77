/* The directory that an environment is mounted at, before and after. */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"

struct mount_point {
	char *path;       /* absolute, as the user named it */
	size_t made_from; /* of path: how long the part is that was there before; 0: all of it was
			   */
	int lock;         /* on the directory: nobody else mounts there meanwhile; or -1 */
};

#define MOUNT_POINT_INIT ((struct mount_point){.lock = -1})

#define _cleanup_mount_point_ __attribute__((cleanup(mount_point_clear)))

/*
 * Makes @directory ready to be mounted at: it is created, with its parents, when it is absent.
 * Refused are what is no directory, one with entries (unless @nonempty), one where an environment
 * is mounted already, and a path that cannot be on PATH or in a script. On failure nothing was
 * made. On success the directory is ours until mount_point_release(): who wants to mount there at
 * the same moment waits for that, and then finds what we have done.
 */
int mount_point_prepare(const char *directory, bool nonempty, struct mount_point *out,
			struct error *error);

void mount_point_release(struct mount_point *point);

/* Removes what was created. */
void mount_point_restore(const struct mount_point *point);
void mount_point_clear(struct mount_point *point);
