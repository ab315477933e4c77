#include "venvfs/materialize.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/store.h"

/* Whether @target is where links of packages lead: STORE/layers/DIGEST/…/PATH, without detours. */
static bool leads_to_layer(const char *target)
{
	const char *layer = strstr(target, "/layers/");
	char digest[STORE_DIGEST_SIZE];

	if (target[0] != '/' || !layer || strlen(layer + 8) < STORE_DIGEST_SIZE)
		return false;
	memcpy(digest, layer + 8, STORE_DIGEST_SIZE - 1);
	digest[STORE_DIGEST_SIZE - 1] = '\0';
	return store_is_digest(digest) && layer[8 + STORE_DIGEST_SIZE - 1] == '/' &&
	       !strstr(layer, "/../");
}

/* The file that the link @name leads to, open; or a negative errno. */
static int open_target(int directory, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(directory, name, target, sizeof(target));

	if (length < 0)
		return -errno;
	if ((size_t)length == sizeof(target))
		return -ENAMETOOLONG;
	target[length] = '\0';
	return leads_to_layer(target) ? io_open_regular(AT_FDCWD, target, O_RDONLY, 0) : -ENOLINK;
}

/* Gives @to all that is in @from. A layer's files are read-only; this one is to be changed. */
static int copy_file(int from, int to)
{
	struct stat st;
	int r;

	if (fstat(from, &st) < 0)
		return -errno;
	r = io_copy(from, to, st.st_size);
	if (r < 0)
		return r;
	if (fchmod(to, (st.st_mode & 0777) | S_IWUSR) < 0 ||
	    futimens(to, (const struct timespec[]){st.st_mtim, st.st_mtim}) < 0 || fsync(to) < 0)
		return -errno;
	return 0;
}

int materialize_file(int directory, const char *name)
{
	_cleanup_close_ int from = open_target(directory, name), to = -1;
	char temporary[IO_TEMPORARY_SIZE];
	int r;

	if (from < 0)
		return from;
	to = io_create_temporary(directory, temporary);
	if (to < 0)
		return to;
	r = copy_file(from, to);
	if (r == 0 && renameat(directory, temporary, directory, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(directory, temporary, 0);
		return r;
	}
	return fsync(directory) < 0 ? -errno : 0;
}

struct walk {
	dev_t device;
	size_t *count;
};

static int visit(void *arg, int directory, const char *name, mode_t kind)
{
	const struct walk *walk = arg;
	struct stat st;
	int r;

	(void)kind;
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return st.st_dev != walk->device
			       ? 0
			       : io_each_entry(io_open_directory(directory, name), visit, arg);
	if (!S_ISLNK(st.st_mode))
		return 0;
	r = materialize_file(directory, name);
	*walk->count += r == 0;
	return r == -ENOLINK ? 0 : r;
}

int materialize_tree(int fd, size_t *count)
{
	struct walk walk = {.count = count};
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		walk.device = st.st_dev;
	return io_each_entry(fd, visit, &walk);
}
