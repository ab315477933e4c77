/* Mapping an image, and checking all that it says about itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layer_image_format.h"
#include "venvfs/error.h"

/* The part of an image that is mapped. Everything in it is within bounds and makes a tree. */
struct image_map {
	const struct image_entry *entries;
	uint32_t entry_count;
	const char *names;
	const uint8_t *digests;
	uint32_t digest_count;
	uint32_t flags; /* IMAGE_QT_PLUGINS */
	void *mapping;
	size_t mapping_size;
};

/* No path of an image has more parts than this. */
#define IMAGE_DEPTH_MAX 128

/*
 * Maps the image @fd, which has @size bytes. Trusts nothing in it. -EUCLEAN: it is damaged;
 * -EPROTO: a version that we do not know; @error says what is wrong with the image of @name.
 */
int image_map(int fd, uint64_t size, const char *name, struct image_map *out, struct error *error);
void image_unmap(struct image_map *map);

/* Has what image_map() reads of the image @fd brought into the page cache, without waiting for all
 * of it. Whether its first page was there already, as far as the file system can tell. */
bool image_fetch(int fd);
