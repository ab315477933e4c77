/*
 * Scripts of a layer, which were stored without their first line: that names the interpreter, and
 * so the mount point. It is put before them when they are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/layer.h"

#define SCRIPT_LIMIT (64u << 20)

struct layer_scripts {
	struct layer layer;
	struct layer *inner;
	char *head;
	size_t head_length;
};

static struct layer_scripts *layer_scripts_of(struct layer *layer)
{
	return (struct layer_scripts *)layer;
}

static int layer_scripts_getattr(struct layer *layer, const char *path, struct stat *out)
{
	struct layer_scripts *self = layer_scripts_of(layer);
	int r = self->inner->ops->getattr(self->inner, path, out);

	if (r == 0 && S_ISREG(out->st_mode)) {
		out->st_size += (off_t)self->head_length;
		out->st_blocks = (out->st_size + 511) / 512;
	}
	return r;
}

static int layer_scripts_list(struct layer *layer, const char *path, layer_list_fn *fn, void *arg)
{
	struct layer *inner = layer_scripts_of(layer)->inner;

	return inner->ops->list(inner, path, fn, arg);
}

static int layer_scripts_readlink(struct layer *layer, const char *path, char *buffer, size_t size)
{
	struct layer *inner = layer_scripts_of(layer)->inner;

	return inner->ops->readlink(inner, path, buffer, size);
}

static int layer_scripts_open(struct layer *layer, const char *path, struct content **out)
{
	struct layer_scripts *self = layer_scripts_of(layer);
	_cleanup_content_ struct content *body = NULL;
	_cleanup_free_ char *data = NULL;
	struct stat st;
	ssize_t n;
	int r = self->inner->ops->getattr(self->inner, path, &st);

	if (r == 0)
		r = self->inner->ops->open(self->inner, path, &body);
	if (r < 0)
		return r;
	if (st.st_size > SCRIPT_LIMIT)
		return -EFBIG;
	data = malloc(self->head_length + (size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	memcpy(data, self->head, self->head_length);
	n = content_read(body, data + self->head_length, (size_t)st.st_size, 0);
	if (n != st.st_size)
		return n < 0 ? (int)n : -EIO;
	*out = content_from_memory(TAKE_PTR(data), self->head_length + (size_t)n);
	return *out ? 0 : -ENOMEM;
}

static void layer_scripts_free(struct layer *layer)
{
	struct layer_scripts *self = layer_scripts_of(layer);

	layer_free(self->inner);
	free(self->head);
	free(self);
}

static const struct layer_ops layer_scripts_ops = {
	.getattr = layer_scripts_getattr,
	.list = layer_scripts_list,
	.readlink = layer_scripts_readlink,
	.open = layer_scripts_open,
	.free = layer_scripts_free,
};

int layer_scripts_new(struct layer *inner, const char *head, struct layer **out)
{
	struct layer_scripts *self = calloc(1, sizeof(*self));

	if (!self) {
		layer_free(inner);
		return -ENOMEM;
	}
	*self = (struct layer_scripts){
		.layer = {.ops = &layer_scripts_ops,
			  .name = strdup(inner->name),
			  .attach = strdup(inner->attach)},
		.inner = inner,
		.head = strdup(head),
		.head_length = strlen(head),
	};
	if (!self->layer.name || !self->layer.attach || !self->head) {
		layer_free(&self->layer);
		return -ENOMEM;
	}
	*out = &self->layer;
	return 0;
}
