/* What is in a layer, for people to look at. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venvfs/error.h"
#include "venvfs/store.h"
#include "venvfs/string_list.h"

struct layer_file_details {
	char *path;    /* in the image: "site/numpy/__init__.py" */
	uint64_t size; /* in bytes */
	bool external; /* it lies beside the image */
};

struct layer_details {
	char *name, *version; /* as METADATA has them; NULL: it has none */
	char *summary;
	char *requires_python;
	struct string_list requires; /* as METADATA has them */
	struct string_list tags;     /* as WHEEL has them */
	struct string_list scripts;  /* entry points: "NAME = MODULE:OBJECT" */
	struct string_list bytecode; /* tags of the interpreters that it is compiled for, sorted */
	struct layer_file_details *files;
	size_t file_count;
	uint64_t size; /* of all files */
	uint64_t disk; /* what the layer takes there */
};

#define _cleanup_layer_details_ __attribute__((cleanup(layer_details_clear)))

/* -ENOENT, -EUCLEAN and what layer_image_open() says. @out is to be cleared in every case. */
int layer_details_read(const struct store *store, const char *digest, struct layer_details *out,
		       struct error *error);
void layer_details_clear(struct layer_details *details);
