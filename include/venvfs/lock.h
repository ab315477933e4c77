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
#include "venvfs/string_list.h"

/* Opens the store of its own in which a spec's wheels are put; results as of store_open(). */
int lock_store_open_own(const struct spec *spec, enum store_mode mode, struct store **out,
			struct error *error);

/* As store_check(), of that store. */
int lock_store_check(const struct spec *spec, struct error *error);

/* The stores of a spec: the host's, if there is one, and its own, in which wheels are put. */
struct lock_stores {
	struct store *items[2]; /* searched in this order; open for reading; NULL: there is none */
};

int lock_stores_open(const struct spec *spec, struct lock_stores *out, struct error *error);
void lock_stores_close(struct lock_stores *stores);

#define _cleanup_lock_stores_ __attribute__((cleanup(lock_stores_close)))

/* A descriptor of the layer's directory in whichever store has it, which is *store. -ENOENT: none
 * does. */
int lock_stores_open_layer(const struct lock_stores *stores, const char *digest,
			   const struct store **store, struct error *error);

/*
 * Has what opening all layers of @lock, and their bytecode for interpreters of @tag (NULL: none),
 * reads brought into the page cache: at many places at a time, where one after another waits for a
 * disk, or a server, a thousand times. Where it seems to be there already, nothing is done.
 */
void lock_stores_fetch(const struct lock_stores *stores, const struct lockfile *lock,
		       const char *tag);

/* Where a package's layer is. */
struct lock_layer {
	int directory; /* a descriptor */
	const struct store *store;
};

/* A lock, and what was found of it. */
struct lock_result {
	struct lockfile *lock;
	struct lock_stores stores;
	struct lock_layer *layers; /* of each package, in the lock's order */
	bool made;                 /* it was not there, or not of the same, or layers were gone */
	char *asked;               /* why pip was asked; NULL: it was not */
};

#define _cleanup_lock_result_ __attribute__((cleanup(lock_result_clear)))

void lock_result_clear(struct lock_result *result);

/* What is asked of a lock. */
enum lock_demand {
	LOCK_USE,
	LOCK_MEND,    /* one that was edited is made anew, with a warning */
	LOCK_UPGRADE, /* whatever is there is made anew */
};

/*
 * The lock of @spec, which has requirements. It is read when it is of the same requirements,
 * sources and kind of Python and all its layers are there; when layers are missing, or are not
 * those of the wheels, the same wheels are had again; else it is made anew, by pip where that takes
 * choosing or an index, and every wheel is imported. -EUCLEAN: it was edited; -EINVAL: what is
 * there is no lock. On failure the lock is as it was, @errors says all that is wrong, and @out is
 * empty.
 */
int lock_ensure(const struct spec *spec, const struct interpreter *interpreter,
		enum lock_demand demand, struct lock_result *out, struct error_list *errors);

/*
 * Makes @lock the lock of @spec, whose requirements its packages are what they come to: it gets the
 * inputs as they are now, and is written. All layers are in the spec's stores; @store is its own,
 * open for adding, and gets a root.
 */
int lock_adopt(const struct spec *spec, const struct interpreter *interpreter,
	       const struct store *store, struct lockfile *lock, struct error_list *errors);

/*
 * What lock_ensure() would say of @spec, as far as that can be told without changing anything or
 * asking pip. *out has the lock if it is good as it is; else its lock is NULL. What was not looked
 * at goes to @unseen, in words. Without an interpreter (NULL) only the requirements are read, and
 * no pylock.toml.
 */
int lock_check(const struct spec *spec, const struct interpreter *interpreter,
	       struct lock_result *out, struct string_list *unseen, struct error_list *errors);
