/* How things get into the store: complete, durable, in one step. Private to src/store. */
#pragma once

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

/*
 * Makes a layer of what is in @scratch, a directory of store->scratch that holds an image and its
 * files, and gives the scratch directory up in every case. The bytes are brought to disk first.
 * That the layer is there already is just as good.
 */
int store_publish_layer(const struct store *store, struct scratch *scratch, const char *digest,
			struct error *error);

/*
 * The same for the bytecode of a layer. The lock of the store is held. -ENOENT without a message:
 * the layer is gone.
 */
int store_publish_bytecode(const struct store *store, struct scratch *scratch, const char *digest,
			   const char *tag, struct error *error);

/* Creates files/@path below @directory, which becomes a layer, with what is above it. A descriptor
 * for writing, or -errno. Of @mode, only whether it can be run counts. */
int publish_create_file(int directory, const char *path, mode_t mode);

/* Links the wheel @file, whose own digest is @wheel, to its layer. */
int store_publish_wheel(const struct store *store, const char *file, const char *wheel,
			const char *layer, struct error *error);
