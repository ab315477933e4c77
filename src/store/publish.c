#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal.h"
#include "tree/layer_image_format.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

/* One call for all files of a layer, many of which may be large; but a file system that others
 * write to as well may have much to bring to disk, so a layer that is one file is synced alone. */
static int sync_layer(int fd)
{
	_cleanup_close_ int files = openat(fd, IMAGE_FILES, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* The image itself was synced when it was finished. */
	return (files < 0 ? fsync(fd) : syncfs(fd)) < 0 ? -errno : 0;
}

static int publish(const struct store *store, const struct scratch *scratch, int parent,
		   const char *name)
{
	int r = 0;

	if (fchmod(scratch->fd, 0755) < 0)
		return -errno;
	r = sync_layer(scratch->fd);
	/* A layer is never empty, so it is not replaced by another; a sealed one says EPERM. */
	if (r == 0 && renameat(store->scratch, scratch->name, parent, name) < 0) {
		r = -errno;
		if (faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			r = 0;
	}
	if (r == 0 && fsync(parent) < 0)
		r = -errno;
	/* One that was there, too: who imported it, or was about to remove it, may have died. */
	return r < 0 ? r : seal_tree(parent, name);
}

/* Nothing is left of that name when it became a layer. */
static void give_up(const struct store *store, struct scratch *scratch)
{
	(void)io_remove_tree(store->scratch, scratch->name);
	close(TAKE_FD(scratch->fd));
}

int store_publish_layer(const struct store *store, struct scratch *scratch, const char *digest,
			struct error *error)
{
	int r = publish(store, scratch, store->layers, digest);

	if (r < 0)
		error_set_errno(error, r, "the layer %s cannot be written to %s", digest,
				store->path);
	give_up(store, scratch);
	return r;
}

/* The directory of all bytecode of a layer. */
static int open_bytecode_room(const struct store *store, const char *digest)
{
	if (mkdirat(store->bytecode, digest, 0755) < 0)
		return errno == EEXIST ? io_open_directory(store->bytecode, digest) : -errno;
	return fsync(store->bytecode) < 0 ? -errno : io_open_directory(store->bytecode, digest);
}

int store_publish_bytecode(const struct store *store, struct scratch *scratch, const char *digest,
			   const char *tag, struct error *error)
{
	_cleanup_close_ int room = -1;
	int r = 0;

	if (faccessat(store->layers, digest, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = -errno;
	} else {
		r = room = open_bytecode_room(store, digest);
		if (r >= 0)
			r = publish(store, scratch, room, tag);
		if (r < 0)
			error_set_errno(error, r, "the bytecode of %s cannot be written to %s",
					digest, store->path);
	}
	give_up(store, scratch);
	return r;
}

static int create_file(int directory, const char *path, mode_t mode)
{
	int fd = openat(directory, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			mode & 0111 ? 0555 : 0444);

	return fd < 0 ? -errno : fd;
}

int publish_create_file(int directory, const char *path, mode_t mode)
{
	_cleanup_free_ char *full = NULL, *part = NULL;
	int fd, r = path_join(IMAGE_FILES, path, &full);

	if (r < 0)
		return r;
	fd = create_file(directory, full, mode);
	if (fd != -ENOENT)
		return fd;
	for (const char *slash = strchr(full, '/'); slash; slash = strchr(slash + 1, '/')) {
		part = strndup(full, (size_t)(slash - full));
		if (!part)
			return -ENOMEM;
		if (mkdirat(directory, part, 0755) < 0 && errno != EEXIST)
			return -errno;
		free(TAKE_PTR(part));
	}
	return create_file(directory, full, mode);
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
