/*
 * The wheel store: one copy of every package, for all environments of a user or of a host.
 *
 *   STORE/
 *     version              "1\n", of this arrangement
 *     lock                 held shared by whoever adds, exclusively by whoever removes
 *     layers/DIGEST/       one wheel's files (layer_image_format.h), named by the image's digest
 *     bytecode/DIGEST/TAG/ what interpreters of that tag (cpython-311) compile its sources to: an
 *                          image of its own, in which every .pyc is a file
 *     wheels/FILE@DIGEST   link to the layer of the wheel FILE whose own digest that is
 *     roots/NAME           link to a file that names layers in use (a lock of a spec)
 *     scratch/             what is being made
 *
 * What is in layers/, bytecode/ and wheels/ appears complete, by one rename, and never changes.
 * Reading takes no lock and writes nothing, so a store may be on read-only media or on a network
 * file system.
 *
 * Bytecode does not lie in its layer: it is made later, for one interpreter after another, and a
 * layer that was sealed is never opened again for that. It is made from the layer alone and can be
 * made again; a store without bytecode, or that cannot be written to, is as good as any. It is not
 * named by its digest, so it is as trustworthy as those who may write to the store.
 *
 * Trust: a store belongs to root or to the user who reads it, and nobody else may write to it; that
 * is checked when it is opened. Nothing of another user's is ever moved into it: what is imported
 * is copied first and checked in the copy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venvfs/error.h"
#include "venvfs/string_list.h"

#define STORE_DIGEST_SIZE 65 /* SHA-256 in lower-case hexadecimal, with the NUL */
#define STORE_TAG_SIZE    64 /* room for an interpreter's cache_tag, with the NUL */
#define STORE_SYSTEM_PATH "/var/lib/venvfs/store"

struct store {
	char *path;
	int fd, layers, wheels; /* O_RDONLY directories */
	int bytecode;           /* likewise; -1: there is none yet, and it was opened for reading */
	int scratch;            /* -1: opened for reading */
	int lock;               /* likewise */
	struct store *above;    /* what it has is not imported; NULL: none (store_set_above()) */
};

enum store_mode {
	STORE_READ,
	STORE_ADD,    /* made when absent; others may add at the same time */
	STORE_REMOVE, /* alone: waits until nobody adds */
};

/* Opens the store at @path. -ENOENT without a message: there is none yet; -EINVAL: it is something
 * else; -EPERM: it is another user's, or others may write to it; -EPROTO: a newer venvfs made it.
 */
int store_open(const char *path, enum store_mode mode, struct store **out, struct error *error);
void store_free(struct store *store); /* NULL is fine */

/* Whether the store at @path could be opened for STORE_ADD, as far as can be told without making or
 * locking anything; errors as of store_open(). */
int store_check(const char *path, struct error *error);

/* Sets the host's store above one that is open for STORE_ADD, if it is another one that can be
 * read: those who look here look there first, and what is there need not be here. */
void store_set_above(struct store *store);

static inline void cleanup_store(struct store **store)
{
	store_free(*store);
}

#define _cleanup_store_ __attribute__((cleanup(cleanup_store)))

/*
 * Lets go of the lock of a store that is open for STORE_ADD, so that others may remove while
 * nothing is published, and takes it again: what was there may be gone then.
 */
void store_release_lock(const struct store *store);
int store_take_lock(const struct store *store, struct error *error);

/* Whether we may write to a store that was opened for reading. */
bool store_is_writable(const struct store *store);

/* The user's own store: $XDG_DATA_HOME/venvfs/store; to be freed. */
int store_user_path(char **out);

/* A wheel in the store. */
struct store_wheel {
	const char *file;              /* its name */
	char wheel[STORE_DIGEST_SIZE]; /* digest of the wheel */
	char layer[STORE_DIGEST_SIZE]; /* digest of its layer */
};

/* Calls @fn for each wheel, in no order. A nonzero result ends it and is returned. What is no
 * wheel's link is passed over. */
typedef int store_wheel_fn(void *arg, const struct store_wheel *wheel);
int store_each_wheel(const struct store *store, store_wheel_fn *fn, void *arg);

/* The layer that the link of the wheel @file, whose own digest is @wheel, leads to; it may be gone.
 * -ENOENT: there is no such link. */
int store_find_link(const struct store *store, const char *file, const char *wheel,
		    char layer[STORE_DIGEST_SIZE]);

/* Finds the layer of the wheel whose own digest is @wheel. -ENOENT: it, or its layer, is gone. */
int store_find_wheel(const struct store *store, const char *wheel, char layer[STORE_DIGEST_SIZE]);

/* What came of an import. */
struct store_import {
	char wheel[STORE_DIGEST_SIZE]; /* digest of the wheel */
	char layer[STORE_DIGEST_SIZE]; /* digest of its layer */
	bool existed;                  /* it was in the store before */
	bool above;                    /* it is in the store above, and so was not imported */
	uint64_t size;                 /* of its files, in bytes; 0: it was not imported */
	struct string_list warnings;   /* sentences about what is odd in the wheel */
};

/*
 * Imports the wheel at @path into a store that is open for STORE_ADD. Any number of threads and
 * processes may import at the same time, also the same wheel: it becomes one layer. -EBADMSG and
 * the reason: the wheel is refused. On failure the store is as it was. @out is set in every case.
 */
int store_import(const struct store *store, const char *path, struct store_import *out,
		 struct error *error);
void store_import_clear(struct store_import *import);

/* One wheel of many. */
struct store_job {
	const char *path;
	struct store_import result;
	struct error error;
	int code; /* as from store_import() */
};

/* Called when a job is done; one call at a time, by any thread. */
typedef void store_job_fn(void *arg, const struct store_job *job);

/*
 * Imports all of them, on all processors, as store_import() does; but what becomes durable does so
 * for many at once, so a wheel is in the store, and its job done, only when others are, too. The
 * jobs' results and errors are the caller's to clear.
 */
void store_import_many(const struct store *store, struct store_job *jobs, size_t count,
		       store_job_fn *done, void *arg);

/* Calls @fn for the digest of each layer. A nonzero result ends it and is returned. */
typedef int store_layer_fn(void *arg, const char *digest);
int store_each_layer(const struct store *store, store_layer_fn *fn, void *arg);

/* What a layer takes on disk, with its bytecode, in bytes. */
int store_layer_usage(const struct store *store, const char *digest, uint64_t *bytes);

/*
 * The layers that no mounted environment of this host shows and no lock names, which has a link in
 * roots/ (store_add_root()), and what only looks like one (store_layer_is_link()). Links to locks
 * that are gone are removed, unless @dry_run. A lock that is there and cannot be read is an error.
 */
int store_find_unused(const struct store *store, bool dry_run, struct string_list *out,
		      struct error *error);

/* Whether @text is a digest as above. */
bool store_is_digest(const char *text);

/* A descriptor of the layer's directory, for layer_image_open(). -ENOENT, -EPERM and @error. */
int store_open_layer(const struct store *store, const char *digest, struct error *error);

/*
 * The directory of the layer's bytecode for interpreters of @tag, for layer_image_open(); as of
 * store_open_layer(). -ENOENT without a message: it was not made yet. The paths in it are those of
 * the layer.
 */
int store_open_bytecode(const struct store *store, const char *digest, const char *tag,
			struct error *error);

/*
 * Checks a layer against its digests: the image against the name of the layer, each file against
 * the image, and that nothing else is there; and so the bytecode of all tags. -EUCLEAN and @error
 * when it is not what it was.
 */
int store_verify_layer(const struct store *store, const char *digest, struct error *error);

/* Whether a check that failed with @code says nothing of the layer, because we could not look: for
 * want of memory, descriptors or permission. */
bool store_is_unchecked(int code);

/* Whether there is a symbolic link in the layer's place. We make none, and follow none. */
bool store_layer_is_link(const struct store *store, const char *digest);

/* Whether the layer or its bytecode can be written to, whatever its bytes are: somebody has made
 * files of it writable or, which counts for root where file systems know it, not immutable. */
bool store_layer_is_open(const struct store *store, const char *digest);

/* What store_repair_layer() has done. */
enum store_repair {
	STORE_REPAIR_NOTHING, /* the layer is good */
	STORE_REPAIR_SEALED,  /* its bytes are good; it was open, and is sealed again */
	STORE_REPAIR_REPLACED,
	STORE_REPAIR_BYTECODE, /* only its bytecode was, and is gone: it is made again */
	STORE_REPAIR_REMOVED,  /* damaged, not to be replaced, and nobody has need of it */
	STORE_REPAIR_LEFT,     /* damaged, and needed */
};

/*
 * Mends a layer of a store that is open for STORE_REMOVE. One that is damaged is replaced from that
 * of the @count wheels at @wheels that it was made of: the replacement is complete and checked
 * before it takes the place of the old one, in one step. An environment that shows the old one goes
 * on with it. *out is what was done and @error, where it was damaged, how. On failure, a negative
 * errno, the layer is as it was.
 */
int store_repair_layer(const struct store *store, const char *digest, const char *const *wheels,
		       size_t count, enum store_repair *out, struct error *error);

/* Removes the links in wheels/ that lead to no layer, and what others have left in scratch/. The
 * store is open for STORE_REMOVE. Returns how many were removed, or -errno. */
int store_remove_leftovers(const struct store *store);

/* Adds the paths of the locks of @store's roots that name the layer. What cannot be read is passed
 * over. */
int store_layer_locks(const struct store *store, const char *digest, struct string_list *out);

/* Links that @file, the absolute path of a lock, names layers in use. */
int store_add_root(const struct store *store, const char *file);

/* Whether an environment that is mounted on this host shows the layer. */
bool store_layer_in_use(const struct store *store, const char *digest);

/*
 * Removes the layer and the links to it; of a symbolic link in its place that link alone. The store
 * is open for STORE_REMOVE. -EBUSY: an environment that is mounted on this host uses it.
 */
int store_remove_layer(const struct store *store, const char *digest, struct error *error);
