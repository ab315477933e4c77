/* A layer that is a plain directory. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "inode.h"
#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "venvfs/io.h"
#include "venvfs/layer.h"
#include "venvfs/path.h"

#define CACHED_DIRECTORIES 256

struct layer_dir {
	struct layer layer;
	int root; /* O_PATH */
	dev_t device;
	uint64_t serial; /* of all layers that ever were */
};

/* O_PATH descriptors of directories, by the hash of their layer and path. All layers share them: an
 * environment may have hundreds, and a process may not have that many times as many open files. */
static struct {
	pthread_mutex_t lock;
	struct content_cache *cache; /* NULL while there is no layer */
	size_t layers;
	uint64_t serials;
} opened = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The serial of a new layer, or 0 without memory. */
static uint64_t share_directories(void)
{
	uint64_t serial = 0;

	pthread_mutex_lock(&opened.lock);
	if (!opened.cache)
		opened.cache = content_cache_new(CACHED_DIRECTORIES);
	if (opened.cache) {
		opened.layers++;
		serial = ++opened.serials;
	}
	pthread_mutex_unlock(&opened.lock);
	return serial;
}

static void unshare_directories(void)
{
	pthread_mutex_lock(&opened.lock);
	if (--opened.layers == 0) {
		content_cache_free(opened.cache);
		opened.cache = NULL;
	}
	pthread_mutex_unlock(&opened.lock);
}

static struct layer_dir *layer_dir_of(struct layer *layer)
{
	return (struct layer_dir *)layer;
}

/* An O_PATH descriptor of the directory whose path is the first @length bytes of @path. */
static int open_directory(struct layer_dir *self, const char *path, size_t length,
			  struct content **out)
{
	uint64_t key = hash_bytes(path, length, hash_bytes(&self->serial, sizeof(self->serial),
							   HASH_SEED));
	_cleanup_free_ char *copy = NULL;
	int fd;

	*out = content_cache_get(opened.cache, key, CONTENT_DIRECTORY);
	if (*out)
		return 0;
	copy = strndup(path, length);
	if (!copy)
		return -ENOMEM;
	fd = path_open_beneath(self->root, copy, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd == -ELOOP ? -ENOTDIR : fd;
	*out = content_from_fd(fd);
	if (!*out)
		return -ENOMEM;
	content_cache_put(opened.cache, key, CONTENT_DIRECTORY, *out);
	return 0;
}

/* The directory that holds @path, and its name there; "." for the root. */
static int open_parent(struct layer_dir *self, const char *path, struct content **directory,
		       const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path[0] ? path : ".";
	return open_directory(self, path, slash ? (size_t)(slash - path) : 0, directory);
}

static int layer_dir_getattr(struct layer *layer, const char *path, struct stat *out)
{
	struct layer_dir *self = layer_dir_of(layer);
	_cleanup_content_ struct content *directory = NULL;
	const char *name;
	int r = open_parent(self, path, &directory, &name);

	if (r < 0)
		return r;
	if (fstatat(directory->fd, name, out, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	out->st_ino = inode_of_upper(self->device, out->st_dev, out->st_ino);
	/*
	 * Two names of one file are two files here: writing to one must not change the other, and
	 * the dynamic loader would take two modules of equal inode for one.
	 */
	if (!S_ISDIR(out->st_mode) && out->st_nlink > 1) {
		out->st_ino = hash_bytes(path, strlen(path), out->st_ino);
		out->st_nlink = 1;
	}
	return 0;
}

struct lister {
	layer_list_fn *fn;
	void *arg;
};

static int list_entry(void *arg, int directory, const char *name, mode_t kind)
{
	const struct lister *lister = arg;

	(void)directory;
	return lister->fn(lister->arg, name, kind);
}

static int layer_dir_list(struct layer *layer, const char *path, layer_list_fn *fn, void *arg)
{
	_cleanup_content_ struct content *directory = NULL;
	struct lister lister = {.fn = fn, .arg = arg};
	int r = open_directory(layer_dir_of(layer), path, strlen(path), &directory);

	if (r < 0)
		return r;
	return io_each_entry(io_open_directory(directory->fd, "."), list_entry, &lister);
}

static int layer_dir_readlink(struct layer *layer, const char *path, char *buffer, size_t size)
{
	_cleanup_content_ struct content *directory = NULL;
	const char *name;
	ssize_t length;
	int r = open_parent(layer_dir_of(layer), path, &directory, &name);

	if (r < 0)
		return r;
	length = readlinkat(directory->fd, name, buffer, size - 1);
	if (length < 0)
		return -errno;
	buffer[length] = '\0';
	return 0;
}

/* A regular file, for reading; its atime is left alone where we may. */
static int open_file(struct layer *layer, const char *path)
{
	_cleanup_content_ struct content *directory = NULL;
	_cleanup_close_ int fd = -1;
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	const char *name;
	struct stat st;
	int r = open_parent(layer_dir_of(layer), path, &directory, &name);

	if (r < 0)
		return r;
	/* Nothing but a regular file may be opened: a device would act, a FIFO would block. */
	if (fstatat(directory->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = openat(directory->fd, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(directory->fd, name, flags);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

static int layer_dir_content(struct layer *layer, const char *path, struct content **out)
{
	int fd = open_file(layer, path);

	if (fd < 0)
		return fd;
	*out = content_from_fd(fd);
	return *out ? 0 : -ENOMEM;
}

/* Opens a file or directory whose attributes are asked for; nothing else has any. */
static int open_with_attributes(struct layer *layer, const char *path)
{
	_cleanup_content_ struct content *directory = NULL;
	int fd = open_file(layer, path);

	if (fd != -EINVAL)
		return fd;
	fd = open_directory(layer_dir_of(layer), path, strlen(path), &directory);
	if (fd < 0)
		return fd == -ENOTDIR ? -ENODATA : fd;
	fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static ssize_t layer_dir_getxattr(struct layer *layer, const char *path, const char *name,
				  void *value, size_t size)
{
	_cleanup_close_ int fd = open_with_attributes(layer, path);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fgetxattr(fd, name, value, size);
	return n < 0 ? -errno : n;
}

static ssize_t layer_dir_listxattr(struct layer *layer, const char *path, char *list, size_t size)
{
	_cleanup_close_ int fd = open_with_attributes(layer, path);
	ssize_t n;

	if (fd < 0)
		return fd == -ENODATA ? 0 : fd;
	n = flistxattr(fd, list, size);
	return n < 0 ? -errno : n;
}

static void layer_dir_free(struct layer *layer)
{
	struct layer_dir *self = layer_dir_of(layer);

	if (self->serial != 0)
		unshare_directories();
	cleanup_close(&self->root);
	free(self);
}

static const struct layer_ops layer_dir_ops = {
	.getattr = layer_dir_getattr,
	.list = layer_dir_list,
	.readlink = layer_dir_readlink,
	.open = layer_dir_content,
	.getxattr = layer_dir_getxattr,
	.listxattr = layer_dir_listxattr,
	.free = layer_dir_free,
};

/* Opens the root, and makes sure that it can be listed and searched. */
static int open_root(const char *path, struct stat *st, struct error *error)
{
	_cleanup_close_ int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0 || fstat(root, st) < 0 || faccessat(root, ".", X_OK, AT_EACCESS) < 0) {
		r = error_set_errno(error, -errno, "the layer %s cannot be used", path);
		if (r == -ENOTDIR)
			error_hint(error, "a layer is a directory laid out like site-packages");
		return r;
	}
	r = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? error_set_errno(error, -errno, "the layer %s cannot be used", path) : r;
}

int layer_dir_open(const char *name, const char *path, const char *attach, struct layer **out,
		   struct error *error)
{
	struct layer_dir *self = calloc(1, sizeof(*self));
	struct stat st;
	int r = -ENOMEM;

	if (!self)
		return error_set_errno(error, r, "the layer %s", path);
	*self = (struct layer_dir){
		.layer = {.ops = &layer_dir_ops, .name = strdup(name), .attach = strdup(attach)},
		.root = -1,
		.serial = share_directories(),
	};
	if (!self->layer.name || !self->layer.attach || self->serial == 0)
		error_set_errno(error, r, "the layer %s", path);
	else
		r = self->root = open_root(path, &st, error);
	if (r < 0) {
		layer_free(&self->layer);
		return r;
	}
	self->device = st.st_dev;
	*out = &self->layer;
	return 0;
}
