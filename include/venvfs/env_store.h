/*
 * The store of one environment: the directory that keeps what was written into it.
 *
 *   upper/      the tree of writes, mirroring the environment
 *   work/       temporaries; emptied at each mount
 *   lock        held by the one mount that may write; says where that is, and the daemon's pid
 *   mountpoints where it was mounted: scripts of these places may be in the upper
 *   log         what the daemon had to say
 *   ahead       what was looked up and read: a hint for the next mount, which may go at any time
 */
#pragma once

#include "venvfs/error.h"

struct env_store {
	char *path;
	int fd; /* the store itself */
	int lock_fd;
	int log_fd; /* -1: opened read-only */
};

/*
 * Opens the store, making it if need be, takes its lock and cleans up after a crash. @mountpoint is
 * what others are told who find it locked. The lock is inherited by fork and ends with the last
 * process that holds lock_fd. -EBUSY: mounted elsewhere; -EACCES, -EROFS …: cannot be used; -EPERM:
 * it belongs to somebody else, or others may write to it.
 */
int env_store_open(const char *path, const char *mountpoint, struct env_store **out,
		   struct error *error);
void env_store_free(struct env_store *store);

/* Opens a store to be looked at: nothing is made or written, and no log is kept. It may be root's as
 * well. -EBUSY while it is mounted to be written to. */
int env_store_open_read_only(const char *path, struct env_store **out, struct error *error);

/* Whether the store could be opened, as far as can be told without making or locking anything. */
int env_store_check(const char *path, struct error *error);

/* New descriptors of upper and work, owned by the caller. */
int env_store_open_upper(const struct env_store *store);
int env_store_open_work(const struct env_store *store);

/* Gives the scripts in upper/bin that were made for another mount point the shebang of
 * @mountpoint, and remembers it. */
int env_store_relocate(const struct env_store *store, const char *mountpoint);
