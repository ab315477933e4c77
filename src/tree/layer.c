#include "venvfs/layer.h"

#include <stdlib.h>

#include "venvfs/cleanup.h"

void layer_free(struct layer *layer)
{
	if (!layer)
		return;
	free(layer->name);
	free(layer->attach);
	layer->ops->free(layer); /* frees the whole, of which this is the head */
}

int layer_read_file(struct layer *layer, const char *path, struct buffer *out, struct stat *st)
{
	_cleanup_content_ struct content *content = NULL;
	struct stat own;
	char bytes[4096];
	off_t offset = 0;
	ssize_t n = 0;
	int r = layer->ops->getattr(layer, path, st ? st : &own);

	if (r == 0)
		r = layer->ops->open(layer, path, &content);
	while (r == 0 && (n = content_read(content, bytes, sizeof(bytes), offset)) > 0) {
		buffer_append(out, bytes, (size_t)n);
		offset += n;
	}
	return r < 0 ? r : n < 0 ? (int)n : buffer_status(out);
}
