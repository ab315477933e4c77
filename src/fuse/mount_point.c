#include "mount_point.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/generated.h"
#include "venvfs/log.h"
#include "venvfs/mountinfo.h"
#include "venvfs/path.h"

#define LOCK_TRIES    20
#define LOCK_PAUSE_MS 50

/* -EBUSY when an environment is mounted at @path. */
static int check_not_mounted(const char *path, struct error *error)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	_cleanup_free_ char *real = realpath(path, NULL);
	const struct mountinfo_entry *entry;

	if (mountinfo_read(&mounts) < 0)
		return 0; /* nobody can tell */
	entry = mountinfo_find(&mounts, real ? real : path);
	if (!entry || !mountinfo_is_venvfs(entry))
		return 0;
	error_set(error, -EBUSY, "an environment is already mounted at %s: that of %s", path,
		  entry->source);
	error_hint(error, "venvfs umount '%s'", path);
	return -EBUSY;
}

static int check_empty(const char *path, struct error *error)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return error_set_errno(error, -errno, "the mount point %s", path);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		error_set(error, -ENOTEMPTY, "the mount point %s is not empty", path);
		error_hint(error,
			   "its entries could not be reached while the environment is mounted; "
			   "-o nonempty does it nevertheless");
		return -ENOTEMPTY;
	}
	return 0;
}

static int check_existing(const char *path, const struct stat *st, bool nonempty,
			  struct error *error)
{
	int r;

	if (!S_ISDIR(st->st_mode))
		return error_set(error, -ENOTDIR, "the mount point %s is not a directory", path);
	if (nonempty)
		return 0;
	r = check_not_mounted(path, error);
	return r < 0 ? r : check_empty(path, error);
}

static int fail(struct error *error, int code, const char *path)
{
	error_set_errno(error, code, "the mount point %s", path);
	if (code == -ENOTCONN)
		error_hint(error, "its daemon is dead; this ends it: venvfs umount '%s'", path);
	return code;
}

/* mkdir -p, which remembers where it began. */
static int make(struct mount_point *point, struct error *error)
{
	size_t length = strlen(point->path), end = 1;

	while (end <= length) {
		int r = 0;

		end += strcspn(point->path + end, "/");
		point->path[end] = '\0';
		if (mkdir(point->path, 0777) < 0)
			r = -errno;
		else if (point->made_from == 0)
			point->made_from = end;
		/* What is there is found out by looking: mkdir may complain of other things first.
		 */
		if (r < 0 && access(point->path, F_OK) == 0)
			r = 0;
		if (r < 0) {
			mount_point_restore(point);
			point->made_from = 0;
			return fail(error, r, point->path);
		}
		if (end < length)
			point->path[end] = '/';
		end++;
	}
	return 0;
}

/* Whether @path leads to the directory that @fd is: nobody has mounted there, nor removed it. */
static bool is_still_there(int fd, const char *path)
{
	struct stat held, found;

	return fstat(fd, &held) == 0 && stat(path, &found) == 0 && held.st_dev == found.st_dev &&
	       held.st_ino == found.st_ino;
}

/* Takes the lock within a second, which is far more than mounting takes, or says that it waits for
 * somebody who keeps it, and takes it then. */
static bool lock_exclusively(int fd, const char *path)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK)
			return false;
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
	log_warning("another program holds %s locked: waiting for it", path);
	return flock(fd, LOCK_EX) == 0;
}

/* Waits until nobody else is about to mount here. False: they did, so all is to be looked at
 * again. A file system that knows no locks cannot help. */
static bool take_lock(struct mount_point *point)
{
	point->lock = open(point->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (point->lock < 0 || !lock_exclusively(point->lock, point->path))
		return true;
	return is_still_there(point->lock, point->path);
}

static int prepare(const char *directory, bool nonempty, struct mount_point *out,
		   struct error *error)
{
	struct stat st;
	int r;

	r = path_absolute(directory, NULL, &out->path);
	if (r < 0)
		return error_set_errno(error, r, "the mount point %s", directory);
	r = generated_check_mountpoint(out->path, error);
	if (r < 0)
		return r;
	if (stat(out->path, &st) == 0)
		return check_existing(out->path, &st, nonempty, error);
	return errno == ENOENT ? make(out, error) : fail(error, -errno, out->path);
}

int mount_point_prepare(const char *directory, bool nonempty, struct mount_point *out,
			struct error *error)
{
	int r;

	for (;;) {
		*out = MOUNT_POINT_INIT;
		r = prepare(directory, nonempty, out, error);
		if (r < 0 || nonempty || take_lock(out))
			return r;
		mount_point_clear(out);
	}
}

void mount_point_release(struct mount_point *point)
{
	cleanup_close(&point->lock);
	point->lock = -1;
}

void mount_point_restore(const struct mount_point *point)
{
	_cleanup_free_ char *path = point->path ? strdup(point->path) : NULL;

	if (!path || point->made_from == 0)
		return;
	while (strlen(path) >= point->made_from && rmdir(path) == 0)
		*strrchr(path, '/') = '\0';
}

void mount_point_clear(struct mount_point *point)
{
	mount_point_release(point);
	free(point->path);
	point->path = NULL;
}
