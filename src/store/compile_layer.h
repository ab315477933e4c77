/* One layer while its bytecode is being made. Private to src/store. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venvfs/buffer.h"
#include "venvfs/compiler.h"
#include "venvfs/content.h"
#include "venvfs/error.h"
#include "venvfs/image_writer.h"
#include "venvfs/layer_image.h"
#include "venvfs/scratch.h"
#include "venvfs/store.h"

struct compile_source {
	char *path; /* in the layer, "site/pkg/mod.py" */
	int64_t mtime;
	uint64_t size;
};

struct compile_layer {
	const struct store *store; /* open for adding; its lock need not be held */
	char digest[STORE_DIGEST_SIZE];
	const char *tag;
	struct layer *files; /* of the image, from its root */
	struct compile_source *sources; /* in the image's order, so always the same */
	size_t count;
	struct scratch scratch;
	struct image_writer *writer;
};

/*
 * Opens the layer, finds its sources, and makes room for what they compile to. -ENOENT without a
 * message: the layer is gone. The layer is to be freed, also when it was published.
 */
int compile_layer_open(const struct store *store, const char *digest, const char *tag,
		       struct compile_layer **out, struct error *error);
void compile_layer_free(struct compile_layer *layer); /* NULL is fine */

/* The bytes of a source. */
int compile_layer_read(struct compile_layer *layer, const struct compile_source *source,
		       struct buffer *out);

/* Writes the bytecode of a source; its entry goes to compile_layer_add(), one caller at a time. */
int compile_layer_write(const struct compile_layer *layer, const struct compile_source *source,
			const struct buffer *pyc, uint8_t digest[IMAGE_WRITER_DIGEST_SIZE]);
int compile_layer_add(struct compile_layer *layer, const struct compile_source *source, size_t size,
		      const uint8_t digest[IMAGE_WRITER_DIGEST_SIZE]);

/* Completes it; what is to be published is then in its scratch directory, which goes to the caller.
 */
int compile_layer_finish(struct compile_layer *layer);
struct scratch compile_layer_take(struct compile_layer *layer);
