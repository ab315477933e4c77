/* A layer of a few files of one directory, in memory: what a layer below has, said as it is true
 * here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/layer.h"

struct layer_files {
	struct layer layer;
	char *directory; /* one name, below the root */
	struct stat st;
	struct layer_file *items; /* owned, names and bytes too */
	size_t count;
};

static struct layer_files *layer_files_of(struct layer *layer)
{
	return (struct layer_files *)layer;
}

/* Inode numbers: the root, the directory, the files. */
enum { INODE_ROOT = 1, INODE_DIRECTORY, INODE_FILES };

/* What @path is: one of the numbers above, or 0 where there is nothing. */
static ino_t find(const struct layer_files *self, const char *path)
{
	size_t length = strlen(self->directory);

	if (!path[0])
		return INODE_ROOT;
	if (strncmp(path, self->directory, length) != 0)
		return 0;
	if (!path[length])
		return INODE_DIRECTORY;
	for (size_t i = 0; path[length] == '/' && i < self->count; i++)
		if (strcmp(path + length + 1, self->items[i].name) == 0)
			return INODE_FILES + i;
	return 0;
}

static int layer_files_getattr(struct layer *layer, const char *path, struct stat *out)
{
	const struct layer_files *self = layer_files_of(layer);
	ino_t number = find(self, path);

	if (number == 0)
		return -ENOENT;
	*out = self->st;
	out->st_ino = number;
	if (number >= INODE_FILES) {
		out->st_size = (off_t)self->items[number - INODE_FILES].size;
		out->st_blocks = (out->st_size + 511) / 512;
	} else {
		out->st_mode = S_IFDIR | 0755;
		out->st_nlink = 2;
		out->st_size = 0;
		out->st_blocks = 0;
	}
	return 0;
}

static int layer_files_list(struct layer *layer, const char *path, layer_list_fn *fn, void *arg)
{
	const struct layer_files *self = layer_files_of(layer);
	int r = 0;

	switch (find(self, path)) {
	case 0:
		return -ENOENT;
	case INODE_ROOT:
		return fn(arg, self->directory, S_IFDIR);
	case INODE_DIRECTORY:
		for (size_t i = 0; r == 0 && i < self->count; i++)
			r = fn(arg, self->items[i].name, S_IFREG);
		return r;
	default:
		return -ENOTDIR;
	}
}

static int layer_files_readlink(struct layer *layer, const char *path, char *buffer, size_t size)
{
	(void)buffer;
	(void)size;
	return find(layer_files_of(layer), path) ? -EINVAL : -ENOENT;
}

static int layer_files_open(struct layer *layer, const char *path, struct content **out)
{
	const struct layer_files *self = layer_files_of(layer);
	ino_t number = find(self, path);
	const struct layer_file *file;
	char *copy;

	if (number < INODE_FILES)
		return number ? -EISDIR : -ENOENT;
	file = &self->items[number - INODE_FILES];
	copy = malloc(file->size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, file->data, file->size);
	*out = content_from_memory(copy, file->size);
	return *out ? 0 : -ENOMEM;
}

static void layer_files_free(struct layer *layer)
{
	struct layer_files *self = layer_files_of(layer);

	for (size_t i = 0; i < self->count; i++) {
		free((char *)self->items[i].name);
		free((char *)self->items[i].data);
	}
	free(self->items);
	free(self->directory);
	free(self);
}

static const struct layer_ops layer_files_ops = {
	.getattr = layer_files_getattr,
	.list = layer_files_list,
	.readlink = layer_files_readlink,
	.open = layer_files_open,
	.free = layer_files_free,
};

static int copy_files(struct layer_files *self, const struct layer_file *files, size_t count)
{
	self->items = calloc(count, sizeof(*self->items));
	if (!self->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct layer_file *item = &self->items[self->count++];
		char *data = malloc(files[i].size + 1);

		*item = (struct layer_file){
			.name = strdup(files[i].name), .data = data, .size = files[i].size};
		if (!item->name || !data)
			return -ENOMEM;
		memcpy(data, files[i].data, files[i].size);
	}
	return 0;
}

int layer_files_new(const struct layer_files_place *place, const struct layer_file *files,
		    size_t count, struct layer **out)
{
	struct layer_files *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	*self = (struct layer_files){
		.layer = {.ops = &layer_files_ops,
			  .name = strdup(place->name),
			  .attach = strdup(place->attach)},
		.directory = strdup(place->directory),
		.st = *place->like,
	};
	if (!self->layer.name || !self->layer.attach || !self->directory ||
	    copy_files(self, files, count) < 0) {
		layer_free(&self->layer);
		return -ENOMEM;
	}
	*out = &self->layer;
	return 0;
}
