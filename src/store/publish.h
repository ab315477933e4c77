/* How things get into the store: complete, durable, in one step. Private to src/store. */
#pragma once

#include "venvfs/scratch.h"
#include "venvfs/store.h"

/*
 * Makes a layer of what is in @scratch, a directory of store->scratch that holds an image and its
 * files, and gives the scratch directory up in every case. The bytes are brought to disk first.
 * That the layer is there already is just as good.
 */
int store_publish_layer(const struct store *store, struct scratch *scratch, const char *digest,
			struct error *error);

/* Links the wheel @file, whose own digest is @wheel, to its layer. */
int store_publish_wheel(const struct store *store, const char *file, const char *wheel,
			const char *layer, struct error *error);
