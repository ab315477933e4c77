/* Whether a layer still is what was imported. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "publish.h"
#include "tree/layer_image_format.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/layer_image.h"
#include "venvfs/path.h"
#include "venvfs/store.h"

struct verification {
	const char *name; /* of the layer, for messages */
	int files;        /* -1: the layer has none */
	size_t count;     /* of files in files/ that the image tells of */
	struct error *error;
};

static int check_image(int layer, const char *digest, struct error *error)
{
	_cleanup_close_ int fd = io_open_regular(layer, IMAGE_FILE, O_RDONLY, 0);
	uint8_t found[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	int r;

	if (fd < 0)
		return error_set_errno(error, fd, "the image of %s", digest);
	r = digest_fd(fd, found);
	if (r < 0)
		return error_set_errno(error, r, "the image of %s", digest);
	digest_to_hex(found, hex);
	return strcmp(hex, digest) == 0
		       ? 0
		       : error_set(error, -EUCLEAN, "the image of %s was changed", digest);
}

static int check_file(void *arg, const char *path, const struct stat *st, const uint8_t *digest)
{
	struct verification *self = arg;
	_cleanup_close_ int fd = -1;
	uint8_t found[DIGEST_SIZE];
	struct stat now;
	int r;

	if (!digest)
		return 0;
	self->count++;
	fd = path_open_beneath(self->files, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(self->error, fd, "%s of %s", path, self->name);
	if (fstat(fd, &now) < 0 || !S_ISREG(now.st_mode) || now.st_size != st->st_size)
		return error_set(self->error, -EUCLEAN, "%s of %s was changed", path, self->name);
	if (now.st_uid != 0 && now.st_uid != geteuid())
		return error_set(self->error, -EUCLEAN, "%s of %s belongs to another user", path,
				 self->name);
	r = digest_fd(fd, found);
	if (r < 0)
		return error_set_errno(self->error, r, "%s of %s", path, self->name);
	return memcmp(found, digest, sizeof(found)) == 0
		       ? 0
		       : error_set(self->error, -EUCLEAN, "%s of %s was changed", path, self->name);
}

/* Counts what is in a directory and below that is no directory. */
static int count_entry(void *arg, int directory, const char *name, mode_t kind)
{
	size_t *count = arg;
	int below = io_open_directory(directory, name);

	(void)kind;
	if (below >= 0 || store_is_unchecked(below))
		return io_each_entry(below, count_entry, count);
	++*count;
	return 0;
}

static int check_files(int layer, const char *name, struct error *error)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_close_ int files =
		openat(layer, IMAGE_FILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct verification self = {.name = name, .files = files, .error = error};
	size_t there = 0;
	int r = files < 0 && errno != ENOENT
			? error_set_errno(error, -errno, "the files of %s", name)
			: layer_image_open(layer, name, &image, error);

	if (r == 0)
		r = layer_image_each(image, check_file, &self);
	if (r < 0)
		return r;
	if (files >= 0)
		r = io_each_entry(io_open_directory(files, "."), count_entry, &there);
	if (r < 0)
		return error_set_errno(error, r, "the files of %s", name);
	return there == self.count ? 0
				   : error_set(error, -EUCLEAN,
					       "there are files in %s that it did not have", name);
}

/* The bytecode of a layer, tag by tag. */
struct bytecode {
	const struct store *store;
	const char *digest;
	struct error *error;
};

static int check_bytecode(void *arg, int directory, const char *tag, mode_t kind)
{
	const struct bytecode *self = arg;
	_cleanup_close_ int fd = store_open_bytecode(self->store, self->digest, tag, self->error);
	_cleanup_free_ char *name = NULL;
	int r;

	(void)directory;
	(void)kind;
	if (fd < 0)
		return fd;
	if (asprintf(&name, "bytecode/%s/%s", self->digest, tag) < 0)
		return -ENOMEM;
	r = check_files(fd, name, self->error);
	if (r < 0)
		error_hint(self->error,
			   "remove the layer or its bytecode: what is needed is made again");
	return r;
}

static int check_all_bytecode(const struct store *store, const char *digest, struct error *error)
{
	struct bytecode bytecode = {.store = store, .digest = digest, .error = error};
	int room = store->bytecode < 0 ? -ENOENT : io_open_directory(store->bytecode, digest);

	if (room == -ENOENT)
		return 0;
	return room < 0 ? error_set_errno(error, room, "the bytecode of %s", digest)
			: io_each_entry(room, check_bytecode, &bytecode);
}

int store_verify_directory(int directory, const char *digest, struct error *error)
{
	int r = check_image(directory, digest, error);

	return r < 0 ? r : check_files(directory, digest, error);
}

bool store_is_unchecked(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE || code == -EACCES;
}

int store_verify_layer(const struct store *store, const char *digest, struct error *error)
{
	_cleanup_close_ int layer = -1;
	int r;

	if (store_layer_is_link(store, digest)) {
		error_set(error, -EUCLEAN, "%s/layers/%s is a symbolic link, and no layer",
			  store->path, digest);
		error_hint(error, "'venvfs store gc' removes the link, and nothing else");
		return -EUCLEAN;
	}
	layer = store_open_layer(store, digest, error);
	if (layer < 0)
		return layer;
	r = store_verify_directory(layer, digest, error);
	return r < 0 ? r : check_all_bytecode(store, digest, error);
}
