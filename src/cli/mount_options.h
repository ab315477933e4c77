/*
 * The -o of `venvfs mount` and of mount(8): a list of options, each of which we know. Nothing is
 * passed through to libfuse, fusermount3 or the kernel as text.
 */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"
#include "venvfs/mount.h"

/*
 * Applies the comma-separated @list to @options; of two that contradict each other the later one
 * counts. A backslash takes the next character as it is, so "\," does not separate. What mount(8)
 * hands on from fstab for others to read (user, nofail, _netdev, x-* …) is skipped, and, if @sloppy
 * (mount -s), so is what we do not know. -EINVAL and @error otherwise; -ENOMEM.
 */
int mount_options_parse(const char *list, bool sloppy, struct mount_options *options,
			struct error *error);
