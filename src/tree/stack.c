#include "stack.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inode.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"

struct stack *stack_new(struct layer **layers, unsigned count)
{
	struct stack *stack = calloc(1, sizeof(*stack) + count * sizeof(stack->numbers[0]));

	if (!stack)
		return NULL;
	stack->layers = layers;
	stack->count = count;
	stack->uid = geteuid();
	stack->gid = getegid();
	stack->show_owners = stack->uid == 0;
	for (unsigned i = 0; i < count; i++)
		stack->numbers[i] = (uint16_t)i;
	return stack;
}

void stack_free(struct stack *stack)
{
	if (!stack)
		return;
	for (unsigned i = 0; i < stack->count; i++)
		layer_free(stack->layers[i]);
	free(stack->layers);
	free(stack);
}

/* How a lower path relates to where a layer is attached. */
enum place {
	OUTSIDE,
	ABOVE, /* the path leads to the attachment: the layer implies a directory there */
	INSIDE,
};

static enum place locate(const struct layer *layer, const char *path, const char **inner)
{
	size_t length = strlen(layer->attach);

	if (length == 0) {
		*inner = path;
		return INSIDE;
	}
	if (path_is_within(path, layer->attach)) {
		*inner = path[length] ? path + length + 1 : "";
		return INSIDE;
	}
	if (path[0] == '\0') {
		*inner = layer->attach;
		return ABOVE;
	}
	if (path_is_within(layer->attach, path)) {
		*inner = layer->attach + strlen(path) + 1;
		return ABOVE;
	}
	return OUTSIDE;
}

/*
 * A layer's attributes as the mounter sees them. An ordinary user must be able to change what is
 * theirs to change, and the kernel checks permissions by what we show: so a foreign owner's files
 * are the mounter's, with the owner's bits that make them readable and replaceable. Set-id bits
 * would now mean the mounter's id: they go.
 */
static void present(const struct stack *stack, struct stat *st)
{
	if (stack->show_owners || st->st_uid == stack->uid)
		return;
	st->st_uid = stack->uid;
	st->st_gid = stack->gid;
	st->st_mode &= ~(mode_t)(S_ISUID | S_ISGID);
	if (S_ISDIR(st->st_mode)) {
		st->st_mode |= S_IRWXU;
	} else if (!S_ISLNK(st->st_mode)) {
		st->st_mode |= S_IRUSR | S_IWUSR;
		if (st->st_mode & (S_IXGRP | S_IXOTH))
			st->st_mode |= S_IXUSR;
	}
}

/*
 * The number of a directory at @path above a layer's attachment, apart from those of the layer's
 * own files: they all lie on one path, so its length tells them apart. Two of one number would be a
 * loop to find(1) and fts(3).
 */
static ino_t implied_inode(const char *path)
{
	return ((ino_t)1 << 55) + strlen(path);
}

static int implied_directory(const struct stack *stack, struct layer *layer, const char *path,
			     struct stat *out)
{
	int r = layer->ops->getattr(layer, "", out);

	if (r < 0)
		return r;
	out->st_mode = S_IFDIR | 0755;
	out->st_nlink = 1;
	out->st_ino = implied_inode(path);
	out->st_uid = stack->uid;
	out->st_gid = stack->gid;
	return 0;
}

/* As stack_getattr(), also -ENOTDIR: in this layer, something above @path is no directory. */
static int get_attributes(const struct stack *stack, unsigned index, const char *path,
			  struct stat *out)
{
	struct layer *layer = stack->layers[index];
	const char *inner = NULL;
	int r;

	switch (locate(layer, path, &inner)) {
	case OUTSIDE:
		return -ENOENT;
	case ABOVE:
		r = implied_directory(stack, layer, path, out);
		break;
	default:
		r = layer->ops->getattr(layer, inner, out);
		break;
	}
	if (r < 0)
		return r;
	present(stack, out);
	out->st_ino = inode_of_layer(index, out->st_ino);
	return 0;
}

int stack_getattr(const struct stack *stack, unsigned index, const char *path, struct stat *out)
{
	int r = get_attributes(stack, index, path, out);

	return r == -ENOTDIR ? -ENOENT : r;
}

static bool shows(const struct stack *stack, unsigned index, const char *path, bool core_only)
{
	struct layer *layer = stack->layers[index];
	const char *inner = NULL;

	if (!core_only)
		return true;
	return layer->ops->is_core && locate(layer, path, &inner) == INSIDE &&
	       layer->ops->is_core(layer, inner);
}

int stack_find(const struct stack *stack, const struct stack_sources *sources,
	       const char *directory, const char *name, bool core_only, struct stack_entry *out)
{
	char path[PATH_MAX];
	size_t length = strlen(directory);

	if (length + strlen(name) + 2 > sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, directory, length);
	if (length > 0)
		path[length++] = '/';
	strcpy(path + length, name);

	for (unsigned i = 0; i < sources->count; i++) {
		int r;

		if (!shows(stack, sources->layers[i], path, core_only))
			continue;
		r = stack_getattr(stack, sources->layers[i], path, &out->st);
		if (r == -ENOENT)
			continue;
		out->layer = sources->layers[i];
		return r;
	}
	return -ENOENT;
}

/* Finds the sources of @path among those of @among; *numbers has room for them. How many there are,
 * or a negative errno. */
static int find_sources(const struct stack *stack, const char *path, bool core_only,
			const struct stack_sources *among, uint16_t *numbers)
{
	int count = 0;

	for (unsigned i = 0; i < among->count; i++) {
		unsigned layer = among->layers[i];
		struct stat st;
		int r;

		if (!shows(stack, layer, path, core_only))
			continue;
		r = get_attributes(stack, layer, path, &st);
		if (r == -ENOENT)
			continue;
		/* What is no directory, here or above, hides all that is below it. */
		if (r == -ENOTDIR || (r == 0 && !S_ISDIR(st.st_mode)))
			break;
		if (r < 0)
			return r;
		numbers[count++] = (uint16_t)layer;
	}
	return count;
}

int stack_directory_sources(const struct stack *stack, const char *path, bool core_only,
			    const struct stack_sources *among, struct stack_sources *out)
{
	const struct stack_sources all = {.layers = stack->numbers, .count = stack->count};
	_cleanup_free_ uint16_t *numbers = NULL;
	uint16_t *fewer;
	int count;

	*out = (struct stack_sources){0};
	if (!among)
		among = &all;
	numbers = calloc(among->count + 1, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	count = find_sources(stack, path, core_only, among, numbers);
	if (count < 0)
		return count;
	out->count = (unsigned)count;
	/* There may be hundreds of layers, and as a rule one has the directory. */
	if (count <= 1) {
		out->layers = count ? &stack->numbers[numbers[0]] : stack->numbers;
		return 0;
	}
	fewer = reallocarray(numbers, out->count, sizeof(*numbers));
	out->layers = fewer ? fewer : numbers;
	out->owned = true;
	numbers = NULL;
	return 0;
}

void stack_sources_clear(struct stack_sources *sources)
{
	if (sources->owned)
		free((void *)sources->layers);
	*sources = (struct stack_sources){0};
}

/* Filters a listing down to the core entries. */
struct core_filter {
	struct layer *layer;
	const char *directory; /* in the layer */
	layer_list_fn *fn;
	void *arg;
};

static int list_core(void *arg, const char *name, mode_t kind)
{
	const struct core_filter *filter = arg;
	_cleanup_free_ char *path = NULL;
	int r = path_join(filter->directory, name, &path);

	if (r < 0)
		return r;
	return filter->layer->ops->is_core(filter->layer, path)
		       ? filter->fn(filter->arg, name, kind)
		       : 0;
}

int stack_list(const struct stack *stack, unsigned index, const char *path, bool core_only,
	       layer_list_fn *fn, void *arg)
{
	struct layer *layer = stack->layers[index];
	struct core_filter filter = {.layer = layer, .fn = fn, .arg = arg};
	_cleanup_free_ char *next = NULL;
	const char *inner = NULL;

	switch (locate(layer, path, &inner)) {
	case OUTSIDE:
		return 0;
	case ABOVE:
		if (core_only)
			return 0;
		next = strndup(inner, strcspn(inner, "/"));
		return next ? fn(arg, next, S_IFDIR) : -ENOMEM;
	default:
		if (!core_only)
			return layer->ops->list(layer, inner, fn, arg);
		if (!layer->ops->is_core)
			return 0;
		filter.directory = inner;
		return layer->ops->list(layer, inner, list_core, &filter);
	}
}

/* The path inside the layer, for operations that only what was found there can ask for. */
static const char *inside(const struct stack *stack, unsigned index, const char *path)
{
	const char *inner = NULL;

	return locate(stack->layers[index], path, &inner) == INSIDE ? inner : NULL;
}

int stack_readlink(const struct stack *stack, unsigned index, const char *path, char *buffer,
		   size_t size)
{
	struct layer *layer = stack->layers[index];
	const char *inner = inside(stack, index, path);

	return inner ? layer->ops->readlink(layer, inner, buffer, size) : -EINVAL;
}

int stack_open(const struct stack *stack, unsigned index, const char *path, struct content **out)
{
	struct layer *layer = stack->layers[index];
	const char *inner = inside(stack, index, path);

	return inner ? layer->ops->open(layer, inner, out) : -EISDIR;
}

ssize_t stack_getxattr(const struct stack *stack, unsigned index, const char *path,
		       const char *name, void *value, size_t size)
{
	struct layer *layer = stack->layers[index];
	const char *inner = inside(stack, index, path);

	if (!inner || !layer->ops->getxattr)
		return -ENODATA;
	return layer->ops->getxattr(layer, inner, name, value, size);
}

ssize_t stack_listxattr(const struct stack *stack, unsigned index, const char *path, char *list,
			size_t size)
{
	struct layer *layer = stack->layers[index];
	const char *inner = inside(stack, index, path);

	return inner && layer->ops->listxattr ? layer->ops->listxattr(layer, inner, list, size) : 0;
}

bool stack_is_core(const struct stack *stack, const char *path)
{
	for (unsigned i = 0; i < stack->count; i++)
		if (shows(stack, i, path, true))
			return true;
	return false;
}

void stack_hide_core(const struct stack *stack, const char *path)
{
	for (unsigned i = 0; i < stack->count; i++) {
		struct layer *layer = stack->layers[i];

		if (shows(stack, i, path, true) && layer->ops->hide)
			layer->ops->hide(layer, inside(stack, i, path));
	}
}
