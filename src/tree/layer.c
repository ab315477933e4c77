#include "venvfs/layer.h"

#include <stdlib.h>

void layer_free(struct layer *layer)
{
	if (!layer)
		return;
	free(layer->name);
	free(layer->attach);
	layer->ops->free(layer); /* frees the whole, of which this is the head */
}
