#include "venvfs/image_writer.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "tree/image_check.h"
#include "tree/upper.h"
#include "venvfs/cleanup.h"

#define WRITE_BUFFER (256u << 10)

_Static_assert(IMAGE_WRITER_DIGEST_SIZE == IMAGE_DIGEST_SIZE, "one kind of digest");

struct item {
	char *path;
	size_t depth; /* parts of the path; 0: the root */
	mode_t mode;
	bool implied; /* a directory that nobody added by itself */
	int64_t mtime;
	uint64_t size, data;
	bool external;
	uint8_t digest[IMAGE_DIGEST_SIZE];
	uint32_t parent, first_child, child_count;
};

struct image_writer {
	FILE *stream;
	char *buffer; /* the stream's */
	int64_t mtime;
	uint64_t position; /* in the stream */
	uint32_t flags;
	struct item *items;
	size_t count, capacity;
};

/* The number of parts of @path, or 0 when it is not one that an image may hold. */
static size_t count_parts(const char *path)
{
	for (size_t parts = 1;; parts++) {
		size_t length = strcspn(path, "/");

		if (length == 0 || length > NAME_MAX || parts > IMAGE_DEPTH_MAX ||
		    (length == 1 && path[0] == '.') ||
		    (length == 2 && strncmp(path, "..", 2) == 0) || upper_is_reserved(path))
			return 0;
		if (path[length] == '\0')
			return parts;
		path += length + 1;
	}
}

static int put(struct image_writer *writer, const void *bytes, size_t size)
{
	if (size > 0 && fwrite(bytes, size, 1, writer->stream) != 1)
		return errno ? -errno : -EIO;
	writer->position += size;
	return 0;
}

void image_writer_mark_qt_plugins(struct image_writer *writer)
{
	writer->flags |= IMAGE_QT_PLUGINS;
}

/* A new item for @path, in *out; valid until the next one. */
static int add(struct image_writer *writer, const char *path, mode_t mode, int64_t mtime,
	       struct item **out)
{
	size_t depth = path[0] ? count_parts(path) : 0;
	struct item *item;

	if ((path[0] && depth == 0) || (mode & 07777 & ~0777u))
		return -EINVAL;
	if (writer->count == writer->capacity) {
		size_t capacity = writer->capacity ? writer->capacity * 2 : 256;
		struct item *items = reallocarray(writer->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		writer->items = items;
		writer->capacity = capacity;
	}
	item = &writer->items[writer->count];
	*item = (struct item){
		.path = strdup(path),
		.depth = depth,
		.mode = mode,
		.mtime = mtime,
	};
	if (!item->path)
		return -ENOMEM;
	writer->count++;
	*out = item;
	return 0;
}

int image_writer_new(int directory, int64_t mtime, struct image_writer **out)
{
	_cleanup_image_writer_ struct image_writer *writer = calloc(1, sizeof(*writer));
	const struct image_header empty = {0};
	_cleanup_close_ int fd = -1;
	struct item *root;
	int r;

	if (!writer)
		return -ENOMEM;
	writer->mtime = mtime;
	writer->buffer = malloc(WRITE_BUFFER);
	if (!writer->buffer)
		return -ENOMEM;
	fd = openat(directory, IMAGE_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	writer->stream = fdopen(fd, "w+");
	if (!writer->stream)
		return -ENOMEM;
	fd = -1;
	setvbuf(writer->stream, writer->buffer, _IOFBF, WRITE_BUFFER);
	r = put(writer, &empty, sizeof(empty));
	if (r == 0)
		r = add(writer, "", S_IFDIR | 0755, mtime, &root);
	if (r < 0)
		return r;
	*out = TAKE_PTR(writer);
	return 0;
}

void image_writer_free(struct image_writer *writer)
{
	if (!writer)
		return;
	cleanup_fclose(&writer->stream);
	free(writer->buffer);
	for (size_t i = 0; i < writer->count; i++)
		free(writer->items[i].path);
	free(writer->items);
	free(writer);
}

int image_writer_add_directory(struct image_writer *writer, const char *path, mode_t mode,
			       int64_t mtime)
{
	struct item *item;

	return path[0] ? add(writer, path, S_IFDIR | mode, mtime, &item) : -EINVAL;
}

/* Adds what has bytes in the image. */
static int add_bytes(struct image_writer *writer, const char *path, mode_t mode, int64_t mtime,
		     const void *bytes, size_t size)
{
	struct item *item;
	int r = path[0] ? add(writer, path, mode, mtime, &item) : -EINVAL;

	if (r < 0)
		return r;
	item->size = size;
	item->data = writer->position;
	return put(writer, bytes, size);
}

int image_writer_add_link(struct image_writer *writer, const char *path, const char *target,
			  int64_t mtime)
{
	size_t length = strlen(target);

	if (length == 0 || length >= PATH_MAX)
		return -EINVAL;
	return add_bytes(writer, path, S_IFLNK | 0777, mtime, target, length);
}

int image_writer_add_file(struct image_writer *writer, const char *path, mode_t mode, int64_t mtime,
			  const void *data, size_t size)
{
	return add_bytes(writer, path, S_IFREG | mode, mtime, data, size);
}

int image_writer_add_external(struct image_writer *writer, const char *path, mode_t mode,
			      int64_t mtime, uint64_t size,
			      const uint8_t digest[IMAGE_WRITER_DIGEST_SIZE])
{
	struct item *item;
	int r = path[0] ? add(writer, path, S_IFREG | mode, mtime, &item) : -EINVAL;

	if (r < 0)
		return r;
	item->size = size;
	item->external = true;
	memcpy(item->digest, digest, IMAGE_DIGEST_SIZE);
	return 0;
}

/* The end comes first, then the slash, so that the children of one directory stand together. */
static int rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 1;
}

static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return rank(*a) - rank(*b);
}

static int by_place(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	order = compare_paths(x->path, y->path);
	if (order == 0 && x->implied != y->implied)
		return x->implied ? 1 : -1;
	return order;
}

/* Adds the directories above every entry. They are many times the same: sorting finds that. */
static int add_implied(struct image_writer *writer)
{
	size_t given = writer->count;

	for (size_t i = 0; i < given; i++) {
		_cleanup_free_ char *path = strdup(writer->items[i].path);
		char *slash = path ? strrchr(path, '/') : NULL;

		if (!path)
			return -ENOMEM;
		/* Neighbours mostly share their directory. */
		if (slash && i > 0 &&
		    strncmp(path, writer->items[i - 1].path, (size_t)(slash - path) + 1) == 0)
			continue;
		for (; slash; slash = strrchr(path, '/')) {
			struct item *item;
			int r;

			*slash = '\0';
			r = add(writer, path, S_IFDIR | 0755, writer->mtime, &item);
			if (r < 0)
				return r;
			item->implied = true;
		}
	}
	return 0;
}

/* Of entries with one path, keeps the one that was added by itself. -EEXIST: there are two. */
static int drop_repeated(struct image_writer *writer)
{
	size_t kept = 1;

	for (size_t i = 1; i < writer->count; i++) {
		struct item *item = &writer->items[i], *last = &writer->items[kept - 1];

		if (strcmp(item->path, last->path) != 0) {
			writer->items[kept++] = *item;
			continue;
		}
		if (!item->implied)
			return -EEXIST;
		if (!S_ISDIR(last->mode))
			return -ENOTDIR;
		free(item->path);
		item->path = NULL;
	}
	writer->count = kept;
	return 0;
}

/* Whether @path is directly below @directory. */
static bool is_child(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	if (length > 0 && (strncmp(directory, path, length) != 0 || path[length++] != '/'))
		return false;
	return !strchr(path + length, '/');
}

/* Level by level, both parents and children are in the same order: one walk finds all. */
static int link_children(struct image_writer *writer)
{
	size_t parent = 0;

	for (size_t i = 1; i < writer->count; i++) {
		struct item *item = &writer->items[i];

		while (parent < i && !is_child(writer->items[parent].path, item->path))
			parent++;
		if (parent == i || !S_ISDIR(writer->items[parent].mode))
			return -ENOTDIR;
		item->parent = (uint32_t)parent;
		if (writer->items[parent].child_count++ == 0)
			writer->items[parent].first_child = (uint32_t)i;
	}
	return 0;
}

static int arrange(struct image_writer *writer)
{
	int r = add_implied(writer);

	if (r < 0)
		return r;
	qsort(writer->items, writer->count, sizeof(*writer->items), by_place);
	r = drop_repeated(writer);
	return r < 0 ? r : link_children(writer);
}

static const char *name_of(const struct item *item)
{
	const char *slash = strrchr(item->path, '/');

	return slash ? slash + 1 : item->path;
}

static int write_entries(struct image_writer *writer, struct image_header *header)
{
	static const char padding[8];
	uint64_t names = 0;
	uint32_t digests = 0;
	int r = put(writer, padding, (8 - writer->position % 8) % 8);

	header->entries = htole64(writer->position);
	header->entry_count = htole32((uint32_t)writer->count);
	for (size_t i = 0; r == 0 && i < writer->count; i++) {
		const struct item *item = &writer->items[i];
		size_t length = strlen(name_of(item));
		struct image_entry entry = {
			.name = htole32((uint32_t)names),
			.name_length = htole16((uint16_t)length),
			.mode = htole16((uint16_t)item->mode),
			.parent = htole32(item->parent),
			.first_child = htole32(item->first_child),
			.child_count = htole32(item->child_count),
			.digest = htole32(item->external ? ++digests : 0),
			.size = htole64(item->size),
			.data = htole64(item->data),
			.mtime = (int64_t)htole64((uint64_t)item->mtime),
		};

		names += length;
		r = put(writer, &entry, sizeof(entry));
	}
	header->names_size = htole64(names);
	header->digest_count = htole32(digests);
	return r;
}

static int write_tail(struct image_writer *writer, struct image_header *header)
{
	int r = 0;

	header->names = htole64(writer->position);
	for (size_t i = 0; r == 0 && i < writer->count; i++)
		r = put(writer, name_of(&writer->items[i]), strlen(name_of(&writer->items[i])));
	header->digests = htole64(writer->position);
	for (size_t i = 0; r == 0 && i < writer->count; i++)
		if (writer->items[i].external)
			r = put(writer, writer->items[i].digest, IMAGE_DIGEST_SIZE);
	header->size = htole64(writer->position);
	return r;
}

int image_writer_finish(struct image_writer *writer, uint8_t digest[IMAGE_WRITER_DIGEST_SIZE])
{
	struct image_header header = {.version = htole32(IMAGE_VERSION)};
	int fd = fileno(writer->stream), r = arrange(writer);

	memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
	header.flags = htole32(writer->flags);
	if (r == 0 && writer->count > UINT32_MAX / 2)
		r = -EFBIG;
	if (r == 0)
		r = write_entries(writer, &header);
	if (r == 0)
		r = write_tail(writer, &header);
	if (r < 0)
		return r;
	if (fflush(writer->stream) != 0)
		return -errno;
	if (pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return errno ? -errno : -EIO;
	return digest_fd(fd, digest);
}
