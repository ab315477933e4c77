/*
 * Any bytes as the image of a layer: what is taken for good can be looked at whole, and what the
 * operations say of it agrees.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "tree/image_check.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/layer_image.h"

#define PATH_LIMIT (IMAGE_DEPTH_MAX * 256)

static char directory_path[] = "/tmp/venvfs-fuzz-image-XXXXXX";
static int directory = -1; /* of a layer with some files, whose image is each input */

static void remove_directory(void)
{
	io_remove_tree(AT_FDCWD, directory_path);
}

/* The files that make_seeds.py tells of. */
static void make_directory(void)
{
	_cleanup_close_ int file = -1;

	require(mkdtemp(directory_path) != NULL);
	atexit(remove_directory);
	directory = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(directory >= 0 && mkdirat(directory, "files", 0755) == 0 &&
		mkdirat(directory, "files/site", 0755) == 0);
	file = openat(directory, "files/site/big.so", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	require(file >= 0 && io_write_all(file, "12345", 5) == 0);
}

static void write_image(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd =
		openat(directory, IMAGE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	require(fd >= 0 && io_write_all(fd, data, size) == 0);
}

/* What is being looked at. */
struct walk {
	struct layer *layer;
	struct buffer path; /* of a directory, "" or with a slash at its end */
	char before[256];   /* the name that was listed last */
	uint64_t entries;
};

static void require_file(struct layer *layer, const char *path, const struct stat *st)
{
	_cleanup_content_ struct content *content = NULL;
	char bytes[256];
	int r = layer->ops->open(layer, path, &content);

	if (r < 0) {
		/* It lies in files/, where there is another or none. */
		require(r == -EIO || r == -ENOTDIR || r == -ELOOP || r == -ENAMETOOLONG);
		return;
	}
	for (off_t offset = 0; offset < st->st_size;) {
		ssize_t n = content_read(content, bytes, sizeof(bytes), offset);

		require(n > 0 && n <= st->st_size - offset);
		offset += n;
	}
	require(content_read(content, bytes, sizeof(bytes), st->st_size) == 0);
}

static void require_link(struct layer *layer, const char *path, const struct stat *st)
{
	char target[4096];

	require(layer->ops->readlink(layer, path, target, sizeof(target)) == 0);
	require(strlen(target) <= (size_t)st->st_size);
	require(layer->ops->readlink(layer, path, target, 1) == -ENAMETOOLONG);
}

static int visit(void *arg, const char *name, mode_t kind);

static void require_directory(struct walk *walk, const char *path)
{
	struct walk below = {.layer = walk->layer};

	buffer_printf(&below.path, "%s%s", path, path[0] ? "/" : "");
	require(buffer_status(&below.path) == 0 && below.path.length <= PATH_LIMIT);
	require(walk->layer->ops->list(walk->layer, path, visit, &below) == 0);
	walk->entries += below.entries;
	buffer_free(&below.path);
}

static int visit(void *arg, const char *name, mode_t kind)
{
	struct walk *walk = arg;
	_cleanup_buffer_ struct buffer path = {0};
	struct stat st;

	require(name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	require(strncmp(name, ".wh.", 4) != 0 && strcmp(walk->before, name) < 0);
	strcpy(walk->before, name);
	walk->entries++;
	buffer_printf(&path, "%s%s", walk->path.data ? walk->path.data : "", name);
	require(buffer_status(&path) == 0);
	require(walk->layer->ops->getattr(walk->layer, path.data, &st) == 0);
	require((st.st_mode & S_IFMT) == kind && st.st_size >= 0 &&
		(st.st_mode & 07777 & ~0777u) == 0);
	if (S_ISDIR(kind)) {
		require_directory(walk, path.data);
		return 0;
	}
	require(walk->layer->ops->list(walk->layer, path.data, visit, walk) == -ENOTDIR);
	if (S_ISREG(kind))
		require_file(walk->layer, path.data, &st);
	else
		require_link(walk->layer, path.data, &st);
	return 0;
}

static int count_entry(void *arg, const char *path, const struct stat *st, const uint8_t *digest)
{
	uint8_t copy[IMAGE_DIGEST_SIZE];

	require(path[0] && path[0] != '/' && strlen(path) <= PATH_LIMIT);
	require(!digest || S_ISREG(st->st_mode));
	if (digest)
		memcpy(copy, digest, sizeof(copy));
	++*(uint64_t *)arg;
	return 0;
}

/* All of it, from its root and again from one of the parts that environments show. */
static void require_image(struct layer_image *image)
{
	static const char *const parts[] = {"", "site"};
	uint64_t count = 0;

	require(layer_image_each(image, count_entry, &count) == 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct walk walk = {0};
		struct stat st;
		int r = layer_image_attach(image, parts[i], "lib", &walk.layer);

		require(r == 0 || (r == -ENOENT && i > 0));
		if (r < 0)
			continue;
		require(walk.layer->ops->getattr(walk.layer, "", &st) == 0 && S_ISDIR(st.st_mode));
		require(walk.layer->ops->getattr(walk.layer, "not there", &st) == -ENOENT ||
			i == 0);
		require_directory(&walk, "");
		require(i == 0 ? walk.entries == count : walk.entries < count);
		layer_free(walk.layer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_layer_image_ struct layer_image *image = NULL;
	int r;

	if (directory < 0)
		make_directory();
	write_image(data, size);
	r = layer_image_open(directory, "fuzz", &image, &error);
	require((r == 0) == (image != NULL));
	require_answer(r, r == -EPROTO ? -EPROTO : -EUCLEAN, &error);
	if (image)
		require_image(image);
	return 0;
}

#ifdef LIBFUZZER

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Bytes that are changed anywhere end mostly at the header. So two times of three only the entries
 * and names are, or the header is made to fit the new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct image_header header;
	uint64_t digests;

	if (size < sizeof(header) || seed % 3 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(&header, data, sizeof(header));
	if (seed % 3 == 1 && header.entries >= sizeof(header) && header.entries < size) {
		size_t at = (size_t)header.entries, length = size - at;
		size_t entry = length / sizeof(struct image_entry);

		/* One entry, or all that is from there. */
		if (seed / 3 % 2 && entry > 0) {
			at += seed / 6 % entry * sizeof(struct image_entry);
			length = sizeof(struct image_entry);
		}
		LLVMFuzzerMutate(data + at, length, length);
		return size;
	}
	size = LLVMFuzzerMutate(data, size, max_size);
	if (size < sizeof(header))
		return size;
	header.size = size;
	digests = (uint64_t)header.digest_count * IMAGE_DIGEST_SIZE;
	header.names = header.entries + (uint64_t)header.entry_count * sizeof(struct image_entry);
	header.digests = size - digests;
	header.names_size = header.digests - header.names;
	memcpy(data, &header, sizeof(header));
	return size;
}

#endif
