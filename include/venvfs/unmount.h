/*
 * Unmounting, as root by umount2(2), else through fusermount3. Asks the mounted file system
 * nothing, so its daemon may be dead or hang.
 */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"

/*
 * Unmounts what is mounted at @mountpoint (absolute, without links); @lazy: out of sight now, in
 * fact when nobody uses it any more. -EBUSY without a message: it is in use. -ENOENT: there is no
 * fusermount3; else what went wrong, with its message.
 */
int unmount_at(const char *mountpoint, bool lazy, struct error *error);

/* The path of fusermount3, to be freed; NULL when there is none. */
char *fusermount_find(void);
