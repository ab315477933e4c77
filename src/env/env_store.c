#include "venvfs/env_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/mountinfo.h"
#include "venvfs/path.h"

#define LOCK_ATTEMPTS   100
#define LOCK_PAUSE_MS   20
#define LOCK_TEXT_LIMIT 8192
#define LOG_SIZE_LIMIT  (1 << 20)
#define UNUSABLE        "the store %s cannot be used"

/* Others must not be able to put code into an environment, nor to swap its directories. */
static int check_owner(const struct stat *st, const char *path, struct error *error)
{
	if (st->st_uid != geteuid()) {
		error_set(error, -EPERM, "the store %s belongs to user %u, not to you (%u)", path,
			  (unsigned)st->st_uid, (unsigned)geteuid());
		error_hint(error, "name a directory of your own under [store] path");
		return -EPERM;
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		error_set(error, -EPERM, "the store %s can be written to by others", path);
		error_hint(error, "chmod go-w %s", path);
		return -EPERM;
	}
	return 0;
}

static int note_foreign(void *arg, int directory, const char *name, mode_t kind)
{
	static const char *const ours[] = {"ahead", "lock", "log", "mountpoints", "upper", "work"};

	(void)arg;
	(void)directory;
	(void)kind;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(name, ours[i]) == 0)
			return 0;
	return 1;
}

/* A directory that is no store, and holds something, was not meant. */
static int check_content(int fd, const char *path, struct error *error)
{
	int r;

	if (faccessat(fd, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = io_each_entry(io_open_directory(fd, "."), note_foreign, NULL);
	if (r <= 0)
		return r < 0 ? error_set_errno(error, r, UNUSABLE, path) : 0;
	error_set(error, -ENOTEMPTY, "%s is no store, and it is not empty", path);
	error_hint(error,
		   "name an empty directory, or one that is not there yet, under [store] path");
	return -ENOTEMPTY;
}

static int open_root(const char *path, struct error *error)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = io_make_directories(path, 0700);

	if (r < 0)
		return error_set_errno(error, r, UNUSABLE, path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, UNUSABLE, path);
	r = check_owner(&st, path, error);
	if (r == 0)
		r = check_content(fd, path, error);
	return r < 0 ? r : TAKE_FD(fd);
}

/* Whether an environment is mounted at @path. When nobody can tell, it is taken to be so. */
static bool is_mounted(const char *path)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	_cleanup_free_ char *real = realpath(path, NULL);
	const struct mountinfo_entry *entry;

	if (mountinfo_read(&mounts) < 0)
		return true;
	entry = mountinfo_find(&mounts, real ? real : path);
	return entry && mountinfo_is_venvfs(entry);
}

/* Who holds the lock, as an error. */
static int locked_elsewhere(const struct env_store *store, struct error *error)
{
	_cleanup_buffer_ struct buffer holder = {0};
	char *end;

	if (io_read_fd(store->lock_fd, LOCK_TEXT_LIMIT, &holder) < 0 || holder.length == 0)
		return error_set(error, -EBUSY, "the store %s is in use by another mount",
				 store->path);
	end = strchr(holder.data, '\n');
	if (end)
		*end++ = '\0';
	error_set(error, -EBUSY, "the store %s is already mounted at %s", store->path, holder.data);
	if (is_mounted(holder.data))
		error_hint(error,
			   "venvfs umount '%s', or give this environment another [store] path",
			   holder.data);
	else
		error_hint(error,
			   "it is not to be seen there (any more): its daemon, pid %.*s, goes on "
			   "until no program uses a file in it",
			   end ? (int)strcspn(end, "\n") : 0, end ? end : "");
	return -EBUSY;
}

/* A daemon whose mount is gone lets go of its lock within moments: that is waited for. */
static int wait_for_lock(int fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || i == LOCK_ATTEMPTS)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Locks the file, which tells who has it, and the directory itself: somebody may have removed the
 * file as a leftover. Where only files can be locked (NFS), the file must do. */
static int take_lock(struct env_store *store, const char *mountpoint, struct error *error)
{
	_cleanup_buffer_ struct buffer holder = {0};
	int r;

	store->lock_fd = io_open_regular(store->fd, "lock", O_RDWR | O_CREAT, 0600);
	if (store->lock_fd < 0)
		return error_set_errno(error, store->lock_fd, UNUSABLE, store->path);
	r = wait_for_lock(store->lock_fd);
	if (r == 0 && wait_for_lock(store->fd) == -EWOULDBLOCK)
		r = -EWOULDBLOCK;
	if (r == -EWOULDBLOCK || r == -EINTR)
		return locked_elsewhere(store, error);
	if (r < 0)
		return error_set_errno(error, r, "the store %s cannot be locked", store->path);
	buffer_printf(&holder, "%s\n%d\n", mountpoint, (int)getpid());
	if (buffer_status(&holder) < 0 || ftruncate(store->lock_fd, 0) < 0 ||
	    pwrite(store->lock_fd, holder.data, holder.length, 0) < 0)
		return error_set_errno(error, -errno, UNUSABLE, store->path);
	return 0;
}

static int make_directory(const struct env_store *store, const char *name, mode_t mode,
			  struct error *error)
{
	if (mkdirat(store->fd, name, mode) < 0 && errno != EEXIST)
		return error_set_errno(error, -errno, UNUSABLE, store->path);
	return 0;
}

/* What a crash may have left in work/ is of no use to anyone. */
static int empty_work(const struct env_store *store, struct error *error)
{
	int r = io_remove_tree(store->fd, "work");

	if (r < 0)
		return error_set_errno(error, r, "%s/work cannot be emptied", store->path);
	return make_directory(store, "work", 0700, error);
}

static int open_log(struct env_store *store, struct error *error)
{
	struct stat st;

	store->log_fd = io_open_regular(store->fd, "log", O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (store->log_fd < 0)
		return error_set_errno(error, store->log_fd, UNUSABLE, store->path);
	if (fstat(store->log_fd, &st) == 0 && st.st_size > LOG_SIZE_LIMIT)
		(void)!ftruncate(store->log_fd, 0);
	return 0;
}

/* Locks what is there, so that nobody writes meanwhile, and makes nothing. A store that cannot be
 * locked because it cannot be written to has no writer on this host either. */
static int lock_for_reading(struct env_store *store, struct error *error)
{
	int fd = io_open_regular(store->fd, "lock", O_RDONLY, 0);

	if (fd < 0)
		return 0;
	store->lock_fd = fd;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	return locked_elsewhere(store, error);
}

int env_store_open_read_only(const char *path, struct env_store **out, struct error *error)
{
	struct env_store *store = calloc(1, sizeof(*store));
	struct stat st;
	int r = 0;

	if (!store)
		return -ENOMEM;
	*store = (struct env_store){.path = strdup(path), .fd = -1, .lock_fd = -1, .log_fd = -1};
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!store->path)
		r = -ENOMEM;
	else if (store->fd < 0 || fstat(store->fd, &st) < 0)
		r = error_set_errno(error, -errno, UNUSABLE, path);
	else if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
		r = check_owner(&st, path, error);
	if (r == 0)
		r = lock_for_reading(store, error);
	if (r < 0) {
		env_store_free(store);
		return r;
	}
	*out = store;
	return 0;
}

int env_store_open(const char *path, const char *mountpoint, struct env_store **out,
		   struct error *error)
{
	struct env_store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	*store = (struct env_store){.path = strdup(path), .fd = -1, .lock_fd = -1, .log_fd = -1};
	r = store->path ? store->fd = open_root(path, error) : -ENOMEM;
	if (r >= 0)
		r = take_lock(store, mountpoint, error);
	if (r >= 0)
		r = make_directory(store, "upper", 0755, error);
	if (r >= 0)
		r = empty_work(store, error);
	if (r >= 0)
		r = open_log(store, error);
	if (r < 0) {
		env_store_free(store);
		return r;
	}
	*out = store;
	return 0;
}

void env_store_free(struct env_store *store)
{
	if (!store)
		return;
	cleanup_close(&store->log_fd);
	cleanup_close(&store->lock_fd);
	cleanup_close(&store->fd);
	free(store->path);
	free(store);
}

int env_store_check(const char *path, struct error *error)
{
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = check_owner(&st, path, error);
		if (r == 0 && fd >= 0)
			r = check_content(fd, path, error);
		if (r < 0)
			return r;
	}
	r = io_check_directories(path);
	return r < 0 ? error_set_errno(error, r, UNUSABLE, path) : 0;
}

static int open_part(const struct env_store *store, const char *name)
{
	int fd = openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int env_store_open_upper(const struct env_store *store)
{
	return open_part(store, "upper");
}

int env_store_open_work(const struct env_store *store)
{
	return open_part(store, "work");
}
