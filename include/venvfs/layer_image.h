/*
 * Layers that are images (layer_image_format.h): a wheel, imported once and shared by all.
 *
 * An image holds several parts, its top directories, which show at different places of an
 * environment; each part that is attached is a layer of its own. Opening an image checks all of it,
 * so that nothing in a damaged one can mislead those who read it later.
 */
#pragma once

#include <stdint.h>

#include "venvfs/error.h"
#include "venvfs/layer.h"

struct layer_image;

/*
 * Opens the image of the layer whose directory is @directory (a descriptor that stays the
 * caller's);
 * @name is for messages. -EUCLEAN: it is damaged, -EPROTO: it is of a newer version, and what
 * openat(2) says. The image is counted: one reference for the caller.
 */
int layer_image_open(int directory, const char *name, struct layer_image **out,
		     struct error *error);

/*
 * Has what layer_image_open() reads brought into the page cache; says whether it seems to have been
 * there. Nothing is checked, and nothing fails: opening will tell. Any thread.
 */
bool layer_image_fetch(int directory);

struct layer_image *layer_image_ref(struct layer_image *image);
void layer_image_drop(struct layer_image *image); /* NULL is fine */

static inline void cleanup_layer_image(struct layer_image **image)
{
	layer_image_drop(*image);
}

#define _cleanup_layer_image_ __attribute__((cleanup(cleanup_layer_image)))

/* What of an image is shown as links to the files beside it: whoever opens one reads them without
 * asking us. */
enum {
	IMAGE_LINK_BYTECODE = 1 << 0, /* .pyc */
	/* Shared libraries of any size: most of those that are imported are small. As regular files
	 * each is read a few pages at a time, by each mount for itself. */
	IMAGE_LINK_LIBRARIES = 1 << 1,
};

/*
 * Shows @what of the image as links to the layer's own files. @directory is the absolute path of
 * the directory that was opened, as those who follow the links are to find it. Programs are no
 * links, because the kernel resolves their $ORIGIN at the target; nor are the libraries of an image
 * from which Qt loads plugins. To be called before anything is attached; -ENOMEM.
 */
int layer_image_set_links(struct layer_image *image, const char *directory, unsigned what);

/* A layer that shows the directory @part ("" for the root) of the image at @attach. It keeps a
 * reference. -ENOENT: the image has no such part. */
int layer_image_attach(struct layer_image *image, const char *part, const char *attach,
		       struct layer **out);

/* Calls @fn for each file of the image, parents first. @digest is NULL where the bytes are in the
 * image itself, and always is for directories and links. A nonzero result ends it and is returned.
 */
typedef int layer_image_entry_fn(void *arg, const char *path, const struct stat *st,
				 const uint8_t *digest);
int layer_image_each(struct layer_image *image, layer_image_entry_fn *fn, void *arg);
