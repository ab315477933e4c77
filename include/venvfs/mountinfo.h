/*
 * The mounts that this process sees, from /proc/self/mountinfo (proc_pid_mountinfo(5)). Reading it
 * asks no file system anything, so it works when the daemon of a mount hangs or is dead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What the kernel calls a mounted environment. */
#define MOUNTINFO_TYPE "fuse.venvfs"

/* One mount. The strings belong to the struct mountinfo. */
struct mountinfo_entry {
	unsigned major, minor; /* st_dev of what is mounted; the minor names a FUSE connection */
	const char *root;      /* what part of the file system is shown; "/" unless it is a bind */
	const char *mountpoint;
	const char *options;       /* of this mount: "rw,nosuid,nodev,relatime" */
	const char *type;          /* "ext4", "fuse.venvfs" */
	const char *source;        /* of a venvfs mount: the spec */
	const char *super_options; /* of the file system: "rw,user_id=0,group_id=0,allow_other" */
};

/* All mounts, in the order of mounting: of two at one place, the later one hides the earlier. */
struct mountinfo {
	struct mountinfo_entry *entries;
	size_t count;
	char *text;
};

#define _cleanup_mountinfo_ __attribute__((cleanup(mountinfo_free)))

/* Reads the mounts of this process. 0 or a negative errno. */
int mountinfo_read(struct mountinfo *out);

/* As mountinfo_read(), from a text in the same format. Lines that are not in it are left out. */
int mountinfo_parse(const char *text, struct mountinfo *out);

void mountinfo_free(struct mountinfo *mounts);

/* The mount that is visible at exactly @path (absolute, without links); NULL: it is no mount point.
 */
const struct mountinfo_entry *mountinfo_find(const struct mountinfo *mounts, const char *path);

/* The mount that @path (absolute, without links, existing or not) lies on. NULL only when there is
 * not even a root. */
const struct mountinfo_entry *mountinfo_containing(const struct mountinfo *mounts,
						   const char *path);

bool mountinfo_is_venvfs(const struct mountinfo_entry *entry);

/* The user who mounted a FUSE file system ("user_id="); false when the mount does not say. */
bool mountinfo_owner(const struct mountinfo_entry *entry, unsigned *uid);
