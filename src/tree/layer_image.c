/*
 * Reading images. Entries and names are mapped; what they say was checked when the image was opened
 * (image_check.c), and is used without another look. The bytes of files are read, not mapped: a
 * page that cannot be read is then an error for one program, not the end of the daemon.
 */
#include "venvfs/layer_image.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image_check.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"

struct layer_image {
	atomic_uint references;
	int fd;
	int files; /* O_PATH of files/; -1: there is none */
	char *name;
	char *link_base; /* what the targets of links begin with, without the slash; or NULL */
	unsigned links;  /* IMAGE_LINK_… */
	struct image_map map;
	uid_t uid; /* of the image's file: whose files these are */
	gid_t gid;
};

struct part {
	struct layer layer;
	struct layer_image *image;
	uint32_t root; /* entry that the layer shows as its root */
};

static struct part *part_of(struct layer *layer)
{
	return (struct part *)layer;
}

static const struct image_entry *entry_at(const struct layer_image *image, uint32_t index)
{
	return &image->map.entries[index];
}

/* Compares an entry's name with @name[0..length), by bytes. */
static int compare_name(const struct layer_image *image, const struct image_entry *entry,
			const char *name, size_t length)
{
	size_t own = le16toh(entry->name_length);
	int order =
		memcmp(image->map.names + le32toh(entry->name), name, own < length ? own : length);

	return order ? order : (own > length) - (own < length);
}

/* The child of directory @index called @name[0..length), or 0. */
static uint32_t find_child(const struct layer_image *image, uint32_t index, const char *name,
			   size_t length)
{
	const struct image_entry *directory = entry_at(image, index);
	uint32_t low = le32toh(directory->first_child);
	uint32_t high = low + le32toh(directory->child_count);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_name(image, entry_at(image, middle), name, length);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* Appends the path of an entry from the image's root. */
static void append_path(const struct layer_image *image, uint32_t index, struct buffer *out)
{
	const struct image_entry *entry = entry_at(image, index);

	if (index == 0)
		return;
	append_path(image, le32toh(entry->parent), out); /* as deep as image_check.c allows */
	if (out->length > 0)
		buffer_putc(out, '/');
	buffer_append(out, image->map.names + le32toh(entry->name), le16toh(entry->name_length));
}

/* The entry at @path below entry @root. -ENOENT, -ENOTDIR. */
static int find(const struct layer_image *image, uint32_t root, const char *path, uint32_t *out)
{
	uint32_t index = root;

	while (*path) {
		size_t length = strcspn(path, "/");

		if (!S_ISDIR(le16toh(entry_at(image, index)->mode)))
			return -ENOTDIR;
		index = find_child(image, index, path, length);
		if (index == 0)
			return -ENOENT;
		path += length;
		path += *path == '/';
	}
	*out = index;
	return 0;
}

static void entry_attributes(const struct layer_image *image, uint32_t index, struct stat *out)
{
	const struct image_entry *entry = entry_at(image, index);
	struct timespec time = {.tv_sec = (time_t)le64toh((uint64_t)entry->mtime)};

	*out = (struct stat){
		.st_ino = index + 1,
		.st_mode = le16toh(entry->mode),
		.st_nlink = 1,
		.st_uid = image->uid,
		.st_gid = image->gid,
		.st_size = (off_t)le64toh(entry->size),
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((le64toh(entry->size) + 511) / 512),
		.st_atim = time,
		.st_mtim = time,
		.st_ctim = time,
	};
}

/* How long the path is that append_path() makes. */
static size_t path_length(const struct layer_image *image, uint32_t index)
{
	size_t length = 0;

	for (; index != 0; index = le32toh(entry_at(image, index)->parent))
		length += le16toh(entry_at(image, index)->name_length) + (size_t)(length > 0);
	return length;
}

/* Whether an entry that is not in the image is of a kind that is shown as links. */
static bool is_linked_kind(const struct layer_image *image, const struct image_entry *entry)
{
	char name[NAME_MAX + 1];
	size_t length = le16toh(entry->name_length);

	memcpy(name, image->map.names + le32toh(entry->name), length);
	name[length] = '\0';
	if (length > 4 && strcmp(name + length - 4, ".pyc") == 0)
		return image->links & IMAGE_LINK_BYTECODE;
	return image->links & IMAGE_LINK_LIBRARIES && path_is_shared_library(name);
}

/* The length of the target that the entry is shown with as a link; 0: it is shown as it is. */
static size_t link_length(const struct layer_image *image, uint32_t index)
{
	const struct image_entry *entry = entry_at(image, index);
	size_t length;

	if (image->links == 0 || le32toh(entry->digest) == 0 || !is_linked_kind(image, entry))
		return 0;
	length = strlen(image->link_base) + 1 + path_length(image, index);
	return length < PATH_MAX ? length : 0;
}

static mode_t shown_kind(const struct layer_image *image, uint32_t index)
{
	return link_length(image, index) > 0 ? S_IFLNK
					     : le16toh(entry_at(image, index)->mode) & S_IFMT;
}

static void shown_attributes(const struct layer_image *image, uint32_t index, struct stat *out)
{
	size_t length = link_length(image, index);

	entry_attributes(image, index, out);
	if (length == 0)
		return;
	out->st_mode = S_IFLNK | 0777;
	out->st_size = (off_t)length;
	out->st_blocks = 0;
}

static int part_getattr(struct layer *layer, const char *path, struct stat *out)
{
	const struct part *self = part_of(layer);
	uint32_t index;
	int r = find(self->image, self->root, path, &index);

	if (r == 0)
		shown_attributes(self->image, index, out);
	return r;
}

static int part_list(struct layer *layer, const char *path, layer_list_fn *fn, void *arg)
{
	const struct layer_image *image = part_of(layer)->image;
	char name[NAME_MAX + 1];
	uint32_t index, first, count;
	int r = find(image, part_of(layer)->root, path, &index);

	if (r == 0 && !S_ISDIR(le16toh(entry_at(image, index)->mode)))
		r = -ENOTDIR;
	if (r < 0)
		return r;
	first = le32toh(entry_at(image, index)->first_child);
	count = le32toh(entry_at(image, index)->child_count);
	for (uint32_t i = first; r == 0 && i < first + count; i++) {
		const struct image_entry *child = entry_at(image, i);
		size_t length = le16toh(child->name_length);

		memcpy(name, image->map.names + le32toh(child->name), length);
		name[length] = '\0';
		r = fn(arg, name, shown_kind(image, i));
	}
	return r;
}

/* The target of what is a file of the layer, and shown as a link to it. */
static int read_shown_link(const struct layer_image *image, uint32_t index, char *buffer,
			   size_t size)
{
	_cleanup_buffer_ struct buffer path = {0};
	int n;

	append_path(image, index, &path);
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	n = snprintf(buffer, size, "%s/%s", image->link_base, path.data);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int part_readlink(struct layer *layer, const char *path, char *buffer, size_t size)
{
	const struct layer_image *image = part_of(layer)->image;
	const struct image_entry *entry;
	uint32_t index;
	size_t length;
	int r = find(image, part_of(layer)->root, path, &index);

	if (r < 0)
		return r;
	if (link_length(image, index) > 0)
		return read_shown_link(image, index, buffer, size);
	entry = entry_at(image, index);
	if (!S_ISLNK(le16toh(entry->mode)))
		return -EINVAL;
	length = le64toh(entry->size);
	if (length >= size)
		return -ENAMETOOLONG;
	if (pread(image->fd, buffer, length, (off_t)le64toh(entry->data)) != (ssize_t)length)
		return -EIO;
	buffer[length] = '\0';
	return 0;
}

static void drop_image(void *image)
{
	layer_image_drop(image);
}

/* The bytes of a file that lies in files/. */
static int open_external(const struct layer_image *image, uint32_t index, struct content **out)
{
	_cleanup_buffer_ struct buffer path = {0};
	struct stat st;
	int fd;

	append_path(image, index, &path);
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	fd = path_open_beneath(image->files, path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fd == -ENOENT ? -EIO : fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != le64toh(entry_at(image, index)->size)) {
		close(fd);
		return -EIO; /* not what was imported */
	}
	*out = content_from_fd(fd);
	return *out ? 0 : -ENOMEM;
}

static int part_open(struct layer *layer, const char *path, struct content **out)
{
	struct layer_image *image = part_of(layer)->image;
	const struct image_entry *entry;
	uint32_t index;
	int r = find(image, part_of(layer)->root, path, &index);

	if (r < 0)
		return r;
	entry = entry_at(image, index);
	if (shown_kind(image, index) != S_IFREG)
		return S_ISDIR(le16toh(entry->mode)) ? -EISDIR : -EINVAL;
	if (le32toh(entry->digest) != 0)
		return open_external(image, index, out);
	*out = content_from_range(image->fd, (off_t)le64toh(entry->data), le64toh(entry->size),
				  drop_image, layer_image_ref(image));
	return *out ? 0 : -ENOMEM;
}

static void part_free(struct layer *layer)
{
	struct part *self = part_of(layer);

	layer_image_drop(self->image);
	free(self);
}

static const struct layer_ops part_ops = {
	.getattr = part_getattr,
	.list = part_list,
	.readlink = part_readlink,
	.open = part_open,
	.free = part_free,
};

int layer_image_set_links(struct layer_image *image, const char *directory, unsigned what)
{
	char *base = NULL;

	if (image->map.flags & IMAGE_QT_PLUGINS)
		what &= ~(unsigned)IMAGE_LINK_LIBRARIES;
	if (what != 0) {
		int r = path_join(directory, IMAGE_FILES, &base);

		if (r < 0)
			return r;
	}
	free(image->link_base);
	image->link_base = base;
	image->links = what;
	return 0;
}

int layer_image_attach(struct layer_image *image, const char *name, const char *attach,
		       struct layer **out)
{
	struct part *part;
	uint32_t root;
	int r = find(image, 0, name, &root);

	if (r < 0 || !S_ISDIR(le16toh(entry_at(image, root)->mode)))
		return -ENOENT;
	part = calloc(1, sizeof(*part));
	if (!part)
		return -ENOMEM;
	part->layer = (struct layer){
		.ops = &part_ops,
		.name = strdup(image->name),
		.attach = strdup(attach),
	};
	part->image = layer_image_ref(image);
	part->root = root;
	if (!part->layer.name || !part->layer.attach) {
		layer_free(&part->layer);
		return -ENOMEM;
	}
	*out = &part->layer;
	return 0;
}

int layer_image_each(struct layer_image *image, layer_image_entry_fn *fn, void *arg)
{
	int r = 0;

	for (uint32_t i = 1; r == 0 && i < image->map.entry_count; i++) {
		_cleanup_buffer_ struct buffer path = {0};
		uint32_t digest = le32toh(entry_at(image, i)->digest);
		struct stat st;

		append_path(image, i, &path);
		if (buffer_status(&path) < 0)
			return -ENOMEM;
		entry_attributes(image, i, &st);
		r = fn(arg, path.data, &st,
		       digest ? image->map.digests + (size_t)(digest - 1) * IMAGE_DIGEST_SIZE
			      : NULL);
	}
	return r;
}

struct layer_image *layer_image_ref(struct layer_image *image)
{
	atomic_fetch_add_explicit(&image->references, 1, memory_order_relaxed);
	return image;
}

void layer_image_drop(struct layer_image *image)
{
	if (!image || atomic_fetch_sub_explicit(&image->references, 1, memory_order_acq_rel) > 1)
		return;
	image_unmap(&image->map);
	cleanup_close(&image->fd);
	cleanup_close(&image->files);
	free(image->link_base);
	free(image->name);
	free(image);
}

static int open_parts(struct layer_image *image, int directory, struct error *error)
{
	struct stat st;

	image->fd = openat(directory, IMAGE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (image->fd < 0 || fstat(image->fd, &st) < 0)
		return error_set_errno(error, -errno, "the image of %s", image->name);
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EUCLEAN, "the image of %s is no regular file",
				 image->name);
	image->uid = st.st_uid;
	image->gid = st.st_gid;
	image->files =
		openat(directory, IMAGE_FILES, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (image->files < 0 && errno != ENOENT)
		return error_set_errno(error, -errno, "the files of %s", image->name);
	return image_map(image->fd, (uint64_t)st.st_size, image->name, &image->map, error);
}

bool layer_image_fetch(int directory)
{
	_cleanup_close_ int fd =
		openat(directory, IMAGE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	(void)fstatat(directory, IMAGE_FILES, &st, AT_SYMLINK_NOFOLLOW);
	return fd >= 0 && image_fetch(fd);
}

int layer_image_open(int directory, const char *name, struct layer_image **out, struct error *error)
{
	struct layer_image *image = calloc(1, sizeof(*image));
	int r;

	if (!image)
		return error_set_errno(error, -ENOMEM, "the image of %s", name);
	*image = (struct layer_image){
		.references = 1,
		.fd = -1,
		.files = -1,
		.name = strdup(name),
	};
	r = image->name ? open_parts(image, directory, error) : -ENOMEM;
	if (r == 0 && image->map.digest_count > 0 && image->files < 0)
		r = error_set(error, -EUCLEAN, "the layer %s has lost its files", name);
	if (r < 0) {
		layer_image_drop(image);
		return r;
	}
	*out = image;
	return 0;
}
