/*
 * From requirements to layers: a spec's lock, made when there is none or when what it was made from
 * has changed, with every wheel that it names in a store.
 */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/lockfile.h"
#include "venvfs/spec.h"
#include "venvfs/store.h"

/* Opens the store of its own in which a spec's wheels are put; results as of store_open(). */
int lock_store_open_own(const struct spec *spec, enum store_mode mode, struct store **out,
			struct error *error);

/* The stores of a spec: the host's, if there is one, and its own, in which wheels are put. */
struct lock_stores {
	struct store *items[2]; /* searched in this order; open for reading; NULL: there is none */
};

int lock_stores_open(const struct spec *spec, struct lock_stores *out, struct error *error);
void lock_stores_close(struct lock_stores *stores);

#define _cleanup_lock_stores_ __attribute__((cleanup(lock_stores_close)))

/* A descriptor of the layer's directory in whichever store has it. -ENOENT: none does. */
int lock_stores_open_layer(const struct lock_stores *stores, const char *digest,
			   struct error *error);

/*
 * The lock of @spec, which has requirements. It is read when it is of the same requirements,
 * sources and Python and all its layers are there; when layers are missing, the same versions are
 * had again; else, or with @upgrade, it is made anew: pip
 * resolves, and every wheel is imported. *made tells which. What is there and no lock is replaced
 * only with @upgrade. On failure the lock is as it was, and @errors says all that is wrong.
 */
int lock_ensure(const struct spec *spec, const struct interpreter *interpreter, bool upgrade,
		struct lockfile **out, bool *made, struct error_list *errors);
