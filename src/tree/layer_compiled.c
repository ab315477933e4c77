/*
 * A layer with its bytecode, which was made later and lies elsewhere. They are one layer to the
 * overlay: bytecode shows only while its source is of the same layer (bytecode.h), and a directory
 * that has both needs no merged table.
 *
 * The sources' layer is asked first; the other has nothing but directories, which the first one has
 * too, with __pycache__ and what is in there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/layer.h"
#include "venvfs/path.h"

struct layer_compiled {
	struct layer layer;
	struct layer *source, *bytecode;
};

static struct layer_compiled *layer_compiled_of(struct layer *layer)
{
	return (struct layer_compiled *)layer;
}

/* Two layers' numbers in one: even ones and odd ones. */
static void number(struct stat *st, unsigned which)
{
	st->st_ino = st->st_ino * 2 + which;
}

static int layer_compiled_getattr(struct layer *layer, const char *path, struct stat *out)
{
	struct layer_compiled *self = layer_compiled_of(layer);
	int r = self->source->ops->getattr(self->source, path, out);

	if (r != -ENOENT) {
		number(out, 0);
		return r;
	}
	r = self->bytecode->ops->getattr(self->bytecode, path, out);
	number(out, 1);
	return r;
}

/* Passes on what only the bytecode has. */
struct addition {
	struct layer *source;
	const char *directory;
	layer_list_fn *fn;
	void *arg;
};

static int add_name(void *arg, const char *name, mode_t kind)
{
	const struct addition *addition = arg;
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r = path_join(addition->directory, name, &path);

	if (r == 0)
		r = addition->source->ops->getattr(addition->source, path, &st);
	return r == -ENOENT ? addition->fn(addition->arg, name, kind) : r;
}

static int layer_compiled_list(struct layer *layer, const char *path, layer_list_fn *fn, void *arg)
{
	const struct layer_compiled *self = layer_compiled_of(layer);
	struct addition addition = {self->source, path, fn, arg};
	int found = self->source->ops->list(self->source, path, fn, arg), r;

	if (found != 0 && found != -ENOENT)
		return found;
	r = self->bytecode->ops->list(self->bytecode, path, add_name, &addition);
	/* Most directories have no bytecode. */
	return r == -ENOENT ? found : r;
}

static int layer_compiled_readlink(struct layer *layer, const char *path, char *buffer, size_t size)
{
	struct layer_compiled *self = layer_compiled_of(layer);
	int r = self->source->ops->readlink(self->source, path, buffer, size);

	return r == -ENOENT ? self->bytecode->ops->readlink(self->bytecode, path, buffer, size) : r;
}

static int layer_compiled_open(struct layer *layer, const char *path, struct content **out)
{
	struct layer_compiled *self = layer_compiled_of(layer);
	int r = self->source->ops->open(self->source, path, out);

	return r == -ENOENT ? self->bytecode->ops->open(self->bytecode, path, out) : r;
}

static void layer_compiled_free(struct layer *layer)
{
	struct layer_compiled *self = layer_compiled_of(layer);

	layer_free(self->source);
	layer_free(self->bytecode);
	free(self);
}

static const struct layer_ops layer_compiled_ops = {
	.getattr = layer_compiled_getattr,
	.list = layer_compiled_list,
	.readlink = layer_compiled_readlink,
	.open = layer_compiled_open,
	.free = layer_compiled_free,
};

int layer_compiled_new(struct layer *source, struct layer *bytecode, struct layer **out)
{
	struct layer_compiled *self = calloc(1, sizeof(*self));

	if (!self) {
		layer_free(source);
		layer_free(bytecode);
		return -ENOMEM;
	}
	*self = (struct layer_compiled){
		.layer = {.ops = &layer_compiled_ops,
			  .name = strdup(source->name),
			  .attach = strdup(source->attach)},
		.source = source,
		.bytecode = bytecode,
	};
	if (!self->layer.name || !self->layer.attach) {
		layer_free(&self->layer);
		return -ENOMEM;
	}
	*out = &self->layer;
	return 0;
}
