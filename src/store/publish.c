#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"

/* One call for all files of a layer, many of which may be large; but a file system that others
 * write to as well may have much to bring to disk, so a layer that is one file is synced alone. */
static int sync_layer(int fd)
{
	_cleanup_close_ int files = openat(fd, "files", O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* The image itself was synced when it was finished. */
	return (files < 0 ? fsync(fd) : syncfs(fd)) < 0 ? -errno : 0;
}

/* A layer that was published, and perhaps not sealed: its importer may have died in between. */
static int complete_seal(const struct store *store, const char *digest)
{
	struct stat st;

	if (fstatat(store->layers, digest, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return st.st_mode & S_IWUSR ? seal_tree(store->layers, digest) : 0;
}

static int publish(const struct store *store, const struct scratch *scratch, const char *digest)
{
	int r = 0;

	if (fchmod(scratch->fd, 0755) < 0)
		return -errno;
	r = sync_layer(scratch->fd);
	/* A layer is never empty, so it is not replaced by another; a sealed one says EPERM. */
	if (r == 0 && renameat(store->scratch, scratch->name, store->layers, digest) < 0) {
		r = -errno;
		if (faccessat(store->layers, digest, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			r = 0;
	}
	if (r == 0 && fsync(store->layers) < 0)
		r = -errno;
	return r < 0 ? r : complete_seal(store, digest);
}

int store_publish_layer(const struct store *store, struct scratch *scratch, const char *digest,
			struct error *error)
{
	int r = publish(store, scratch, digest);

	if (r < 0)
		error_set_errno(error, r, "the layer %s cannot be written to %s", digest,
				store->path);
	/* Nothing is left of that name when it became the layer. */
	(void)io_remove_tree(store->scratch, scratch->name);
	close(TAKE_FD(scratch->fd));
	return r;
}

int store_publish_wheel(const struct store *store, const char *file, const char *wheel,
			const char *layer, struct error *error)
{
	char name[NAME_MAX + 1], target[STORE_DIGEST_SIZE + 16];
	int n = snprintf(name, sizeof(name), "%s@%s", file, wheel);

	if (n < 0 || (size_t)n >= sizeof(name))
		return error_set_errno(error, -ENAMETOOLONG, "%s", file);
	snprintf(target, sizeof(target), "../layers/%s", layer);
	if (symlinkat(target, store->wheels, name) < 0 && errno != EEXIST)
		return error_set_errno(error, -errno, "%s cannot be written to %s", file,
				       store->path);
	return fsync(store->wheels) < 0 ? error_set_errno(error, -errno, "%s", store->path) : 0;
}
