/* How things get into the store: complete, durable, in one step. Private to src/store. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "venvfs/scratch.h"
#include "venvfs/store.h"
#include "venvfs/wheel.h"

/* A private copy of the wheel at @path, without a name: a descriptor, and the wheel's digest. */
int store_copy_wheel(const struct store *store, const char *path, char digest[STORE_DIGEST_SIZE],
		     struct error *error);

/* Writes what becomes the layer of @wheel to a new scratch directory, and says its digest. */
int store_build_layer(const struct store *store, const struct wheel *wheel, struct scratch *out,
		      char digest[STORE_DIGEST_SIZE], struct error *error);

/* Checks the layer that is in @directory, wherever that is; as store_verify_layer(). */
int store_verify_directory(int directory, const char *digest, struct error *error);

/* Removes the bytecode of a layer, for all interpreters. */
int store_remove_bytecode(const struct store *store, const char *digest);

/* What is complete in a scratch directory of the store, and what it becomes. */
struct publication {
	struct scratch scratch; /* an image and its files; given up in every case */
	const char *layer;      /* digest: of the layer, or of the one that the bytecode is of */
	const char *tag;        /* of the bytecode; NULL: it is a layer */
	const char *file;       /* of a layer: the wheel that is linked to it, or NULL */
	const char *wheel;      /* that wheel's own digest */
	struct error *error;    /* may be NULL */
	int code;               /* what came of it: 0 or a negative errno */
	bool existed;           /* the wheel was linked before */
	bool entered, linking;  /* private, as is what follows */
	int room;
};

/*
 * Publishes layers and links wheels to them, or publishes bytecode: all of @items are of one kind.
 * What costs most is done once for all of them: their bytes are brought to disk; then they are
 * renamed to where they can be seen, their names are brought to disk, they are sealed; and then the
 * wheels are linked and their links brought to disk. So whatever can be seen is complete and
 * durable. That a layer is there already is just as good. Each has its own result; of bytecode,
 * -ENOENT without a message: the layer is gone. The lock of the store is held.
 */
void store_publish(const struct store *store, struct publication *items, size_t count);

/* How many may wait to be published together, at most @max, where each of them holds @each
 * descriptors: the process has more to open. */
size_t store_publish_limit(size_t max, size_t each);

/*
 * The two halves of store_import(). The first does all but publishing: 1, *ready is what is to be
 * published, with texts of @path and *out; 0: it is in the store already; or -errno. The second
 * takes what came of publishing it.
 */
int store_import_begin(const struct store *store, const char *path, struct store_import *out,
		       struct publication *ready, struct error *error);
int store_import_end(const char *path, struct store_import *out, const struct publication *done);

/* Creates files/@path below @directory, which becomes a layer, with what is above it. A descriptor
 * for writing, or -errno. Of @mode, only whether it can be run counts. */
int publish_create_file(int directory, const char *path, mode_t mode);
