/* The walker. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ahead_helper.h"
#include "venvfs/cleanup.h"

/* Python has asked by itself by then. */
#define WALK_MS 1000

/* So many names of one directory are worth a listing, which brings all of them at once. */
#define LIST_FROM 6

/* So much of a file is read. */
#define READ_MAX (256 << 10)

/* open_tree(2), which older C libraries do not have. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

static int open_copy(const char *place)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * Enters the file system by a mount of our own. Whoever unmounts the environment would find it
 * busy otherwise, as long as one of our look-ups is under way. Root can copy the mount alone,
 * others a namespace of mounts, with a user namespace if they may have one.
 */
static int enter(const char *place, dev_t device)
{
	_cleanup_close_ int fd = open_copy(place);
	struct stat st;

	if (fd == -EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* other credentials undo it */
		fd = open_copy(place);
	}
	if (fd < 0)
		return fd;
	if (fchdir(fd) < 0 || stat(".", &st) < 0)
		return -errno;
	return st.st_dev == device ? 0 : -ESTALE;
}

static void list(const char *path)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char names[16384];
	struct stat st;

	if (fd < 0)
		return;
	while (getdents64(fd, names, sizeof(names)) > 0)
		;
	/* Listing makes the kernel distrust the time of access, and Python looks at the directory.
	 */
	(void)fstat(fd, &st);
}

/*
 * Reads what was read last time, if that is little: of much the kernel reads ahead by itself. As
 * after a listing, the time of access is asked for at once.
 */
static void read_bytes(const struct ahead_entry *entry)
{
	_cleanup_close_ int fd = -1;
	char bytes[READ_MAX];
	struct stat st;

	if (entry->end - entry->start > sizeof(bytes))
		return;
	fd = open(entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    pread(fd, bytes, entry->end - entry->start, (off_t)entry->start) > 0)
		(void)fstat(fd, &st);
}

static void ask(const struct ahead_entry *entry, uint8_t what)
{
	const char *path = entry->path[0] ? entry->path : ".";
	char target[PATH_MAX];
	struct stat st;

	if (what & AHEAD_LISTED)
		list(path);
	if (what & AHEAD_LINK)
		(void)!readlink(path, target, sizeof(target));
	else if (what & AHEAD_READ)
		read_bytes(entry);
	else if (what & (AHEAD_FOUND | AHEAD_ABSENT))
		(void)!lstat(path, &st);
}

void ahead_walk(const struct ahead_list *list_of, const char *place, int go,
		struct ahead_progress *progress)
{
	_cleanup_free_ bool *listed = calloc(list_of->count, sizeof(*listed));
	uint64_t begin;
	char byte;

	if (!listed || read(go, &byte, 1) != 1)
		return;
	begin = ahead_now_ms();
	if (enter(place, (dev_t)progress->device) < 0) {
		progress->walk_refused = true;
		return;
	}
	for (uint32_t i = 0; i < list_of->count && ahead_now_ms() - begin < WALK_MS; i++) {
		const struct ahead_entry *entry = &list_of->entries[i];
		uint32_t directory = entry->directory;

		if (entry->before == 0 || ahead_list_is_left_out(list_of, entry))
			continue;
		if (entry->before & AHEAD_FOUND && directory != AHEAD_NONE && !listed[directory] &&
		    list_of->entries[directory].found >= LIST_FROM) {
			list(list_of->entries[directory].path);
			listed[directory] = true;
		}
		ask(entry, entry->before);
		listed[i] = listed[i] || entry->before & AHEAD_LISTED;
		progress->entries++;
	}
	progress->walk_ms = (uint32_t)(ahead_now_ms() - begin);
}
