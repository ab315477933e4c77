/*
 * A session: one environment, mounted and served, from mount(2) to the last request.
 */
#pragma once

#include "venvfs/environment.h"
#include "venvfs/mount.h"

/*
 * Mounts @environment at its mount point, serves it with threads of its own, and returns when it
 * was unmounted, or when SIGINT, SIGTERM or SIGHUP came and it was unmounted for that.
 *
 * @ready is called once the kernel and we have agreed on everything: from then on whoever looks is
 * answered. When it fails, so does the whole. On failure nothing is mounted, and @error says why.
 */
int session_run(struct environment *environment, const struct mount_options *options,
		int (*ready)(void *arg), void *arg, struct error *error);
