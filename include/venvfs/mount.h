/*
 * Mounting an environment: from options to a running daemon. Shared by `venvfs mount` and the
 * mount(8) helper.
 */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"
#include "venvfs/share.h"
#include "venvfs/string_list.h"

struct mount_options {
	const char *spec;      /* path of the spec, as given */
	const char *directory; /* the mount point, as given */
	bool foreground;       /* -f: serve in this process, log to stderr */
	bool debug;            /* -d: foreground, and every request is logged */
	bool single_threaded;  /* -s */
	bool read_only;        /* -o ro: no store is needed */
	bool nonempty;         /* -o nonempty */
	bool allow_other;      /* -o allow_other */
	enum share_mode share; /* -o share= */
	bool no_ahead;         /* -o ahead=no: nothing is fetched ahead, nor remembered */
	bool nosuid, nodev;    /* implied, */
	bool noexec, noatime;  /* and as all four handed to the kernel */
};

/* What mount_environment() returns in the daemon. */
#define MOUNT_DAEMON_ENDED 1

/*
 * Mounts. Returns 0 once the environment can be used (the daemon goes on in the background), or,
 * with `foreground`, after it was unmounted. On failure a negative errno, everything that is known
 * to be wrong in @errors, and the directory as it was before.
 *
 * As fork(2) does, it returns twice: MOUNT_DAEMON_ENDED in the process that was the daemon, which
 * has nothing left to say and is to end.
 */
int mount_environment(const struct mount_options *options, struct error_list *errors);

/*
 * Everything that would keep the spec from being mounted, all at once: the spec's text, the
 * interpreter, its version, pip, the store, the layers, the lock, the wheel stores, and what the
 * requirements come to as far as nobody has to be asked. What this spec needs and was not looked at
 * goes to @unseen, in words. Changes nothing on disk except caches.
 */
int mount_check(const char *spec, struct string_list *unseen, struct error_list *errors);

/* The version of the libfuse that is in use, "3.14.0". Static. */
const char *mount_fuse_version(void);
