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
#include "venvfs/path.h"

#define LOCK_ATTEMPTS	 100
#define LOCK_PAUSE_MS	 20
#define LOCK_TEXT_LIMIT	 8192
#define LOG_SIZE_LIMIT	 (1 << 20)
#define UNUSABLE	 "the store %s cannot be used"

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
	return r < 0 ? r : TAKE_FD(fd);
}

/* Who holds the lock, as an error. */
static int locked_elsewhere(const struct env_store *store, struct error *error)
{
	_cleanup_buffer_ struct buffer holder = {0};
	char *end;

	if (io_read_file(store->fd, "lock", LOCK_TEXT_LIMIT, &holder) < 0 || holder.length == 0)
		return error_set(error, -EBUSY, "the store %s is in use by another mount",
				 store->path);
	end = strchr(holder.data, '\n');
	if (end)
		*end = '\0';
	error_set(error, -EBUSY, "the store %s is already mounted at %s", store->path,
		  holder.data);
	error_hint(error, "venvfs umount '%s', or give this environment another [store] path",
		   holder.data);
	return -EBUSY;
}

/* Takes the lock. A daemon whose mount is gone lets go of it within moments: that is waited for. */
static int take_lock(struct env_store *store, const char *mountpoint, struct error *error)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
	_cleanup_buffer_ struct buffer holder = {0};

	store->lock_fd = openat(store->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return error_set_errno(error, -errno, UNUSABLE, store->path);
	for (int i = 0; flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error, -errno, "the store %s cannot be locked",
					       store->path);
		if (i == LOCK_ATTEMPTS)
			return locked_elsewhere(store, error);
		nanosleep(&pause, NULL);
	}
	buffer_printf(&holder, "%s\n", mountpoint);
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

	store->log_fd = openat(store->fd, "log",
			       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->log_fd < 0)
		return error_set_errno(error, -errno, UNUSABLE, store->path);
	if (fstat(store->log_fd, &st) == 0 && st.st_size > LOG_SIZE_LIMIT)
		(void)!ftruncate(store->log_fd, 0);
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
	_cleanup_free_ char *nearest = strdup(path);
	struct stat st;
	int r;

	if (!nearest)
		return -ENOMEM;
	/* The nearest ancestor that exists must let us make the rest. */
	while (stat(nearest, &st) < 0) {
		char *slash = strrchr(nearest, '/');

		if (errno != ENOENT || !slash)
			return error_set_errno(error, -errno, UNUSABLE, path);
		slash[slash == nearest] = '\0';
	}
	if (!S_ISDIR(st.st_mode))
		return error_set_errno(error, -ENOTDIR, UNUSABLE, path);
	if (strcmp(nearest, path) == 0) {
		r = check_owner(&st, path, error);
		if (r < 0)
			return r;
	}
	if (faccessat(AT_FDCWD, nearest, W_OK | X_OK, AT_EACCESS) < 0)
		return error_set_errno(error, -errno, UNUSABLE, path);
	return 0;
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
