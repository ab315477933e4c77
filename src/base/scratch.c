#include "venvfs/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"

#define SCRATCH_TRIES 16
#define ONE_DAY       (24 * 60 * 60)

/* Removes the temporary @name, if nobody works on it any more. A directory is held until it is gone:
 * who has just made it, and does not hold it yet, then takes another. */
static void remove_abandoned(int directory, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		/* Held, for however long: a layer that was replaced may still be mounted. */
		if (fd >= 0 && errno == EWOULDBLOCK)
			return;
		if (st.st_mtim.tv_sec >= time(NULL) - ONE_DAY)
			return;
	}
	(void)io_remove_tree(directory, name);
}

void scratch_clean(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)) == 0)
			remove_abandoned(directory, entry->d_name);
}

/* Whether the directory that we hold is still the one of that name: until it was locked, another
 * process may have cleaned it up. */
static bool is_still_there(int directory, const struct scratch *scratch)
{
	struct stat held, there;

	return fstat(scratch->fd, &held) == 0 &&
	       fstatat(directory, scratch->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

int scratch_new(int directory, struct scratch *out)
{
	uint64_t random;

	for (int tries = 0; tries < SCRATCH_TRIES; tries++) {
		struct scratch scratch;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		snprintf(scratch.name, sizeof(scratch.name), SCRATCH_PREFIX "%016llx",
			 (unsigned long long)random);
		if (mkdirat(directory, scratch.name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return -errno;
		}
		scratch.fd =
			openat(directory, scratch.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (scratch.fd < 0)
			continue;
		/* On file systems without locks, age alone tells what is abandoned. */
		if ((flock(scratch.fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
		    is_still_there(directory, &scratch)) {
			*out = scratch;
			return 0;
		}
		close(scratch.fd);
	}
	return -EAGAIN;
}
