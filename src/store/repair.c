/*
 * Mending layers. The rule is that nothing goes before what replaces it is there, whole and
 * checked; and that whoever shows a damaged layer keeps it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "publish.h"
#include "seal.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/scratch.h"
#include "venvfs/store.h"

static int find_open(void *arg, int directory, const char *name, mode_t kind)
{
	(void)arg;
	(void)kind;
	return seal_is_missing(directory, name);
}

bool store_layer_is_open(const struct store *store, const char *digest)
{
	int r = seal_is_missing(store->layers, digest);

	/* The bytecode of each tag has its own seal: others are added beside it. */
	if (r == 0 && store->bytecode >= 0)
		r = io_each_entry(io_open_directory(store->bytecode, digest), find_open, NULL);
	return r > 0;
}

static int seal_entry(void *arg, int directory, const char *name, mode_t kind)
{
	(void)arg;
	(void)kind;
	return seal_tree(directory, name);
}

/* Seals the layer and its bytecode, and says in *out whether there was need to. */
static int seal_again(const struct store *store, const char *digest, enum store_repair *out,
		      struct error *error)
{
	bool open = store_layer_is_open(store, digest);
	/* In any case: who sealed it may have died between its bits and its attribute. */
	int r = seal_tree(store->layers, digest);

	if (r == 0 && store->bytecode >= 0)
		r = io_each_entry(io_open_directory(store->bytecode, digest), seal_entry, NULL);
	if (r < 0 && r != -ENOENT)
		return error_set_errno(error, r, "the layer %s cannot be sealed", digest);
	/* A container's root may not be allowed to. */
	if (open && !store_layer_is_open(store, digest))
		*out = STORE_REPAIR_SEALED;
	return 0;
}

/* Which wheels a layer was made of. */
struct origin {
	const char *layer;
	const char *wheel; /* digest of the wheel that is asked for */
	bool found;
};

static int match_origin(void *arg, const struct store_wheel *wheel)
{
	struct origin *origin = arg;

	origin->found = strcmp(wheel->layer, origin->layer) == 0 &&
			strcmp(wheel->wheel, origin->wheel) == 0;
	return origin->found;
}

/* Builds a layer of the wheel at @path in @out, if it is one of those that @digest was made of, and
 * checks what came of it. -ENOENT: it is another wheel. */
static int build_from(const struct store *store, const char *digest, const char *path,
		      struct scratch *out, struct error *error)
{
	_cleanup_wheel_ struct wheel *wheel = NULL;
	char own[STORE_DIGEST_SIZE], built[STORE_DIGEST_SIZE];
	struct origin origin = {.layer = digest, .wheel = own};
	int copy = store_copy_wheel(store, path, own, error), r;

	if (copy < 0)
		return copy;
	r = store_each_wheel(store, match_origin, &origin);
	if (r < 0 || !origin.found) {
		close(copy);
		return r < 0 ? r : -ENOENT;
	}
	r = wheel_open_fd(copy, path_basename(path), &wheel, error);
	if (r == 0)
		r = store_build_layer(store, wheel, out, built, error);
	if (r < 0)
		return r;
	/* An older venvfs may have made another layer of the same wheel. */
	if (strcmp(built, digest) != 0)
		r = error_set(error, -ESTALE, "%s makes another layer now than %s", path, digest);
	if (r == 0)
		r = store_verify_directory(out->fd, digest, error);
	if (r < 0) {
		(void)io_remove_tree(store->scratch, out->name);
		close(out->fd);
	}
	return r;
}

/* Puts what is in @scratch in the place of the layer, in one step, and removes the old one unless
 * somebody shows it. Then it stays in scratch, held, until it is cleaned up. */
static int exchange(const struct store *store, const char *digest, struct scratch *scratch)
{
	_cleanup_close_ int old =
		openat(store->layers, digest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = old < 0 ? -errno : unseal_tree(store->layers, digest);

	/* A directory that is moved must be writable itself. */
	if (r == 0 && (fchmod(old, 0755) < 0 || fchmod(scratch->fd, 0755) < 0))
		r = -errno;
	if (r == 0 && syncfs(scratch->fd) < 0)
		r = -errno;
	if (r == 0 &&
	    renameat2(store->scratch, scratch->name, store->layers, digest, RENAME_EXCHANGE) < 0)
		r = -errno;
	if (r == 0 && fsync(store->layers) < 0)
		r = -errno;
	if (r == 0)
		r = seal_tree(store->layers, digest);
	if (r == 0 && flock(old, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -errno;
	/* On failure before the exchange that is the replacement. */
	(void)io_remove_tree(store->scratch, scratch->name);
	return r;
}

/* 1: it was replaced; 0: none of the wheels is the one. */
static int replace(const struct store *store, const char *digest, const char *const *wheels,
		   size_t count, struct error *error)
{
	struct scratch scratch;

	for (size_t i = 0; i < count; i++) {
		int r = build_from(store, digest, wheels[i], &scratch, error);

		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		r = exchange(store, digest, &scratch);
		close(scratch.fd);
		return r < 0 ? error_set_errno(error, r, "the layer %s cannot be replaced", digest)
			     : 1;
	}
	return 0;
}

/* How to get what replaces it. */
struct advice {
	const char *layer;
	struct error *error;
};

static int advise(void *arg, const struct store_wheel *wheel)
{
	const struct advice *advice = arg;

	if (strcmp(wheel->layer, advice->layer) != 0)
		return 0;
	error_hint(advice->error,
		   "get %s, whose SHA-256 is %s, and give it to 'venvfs store verify --repair'",
		   wheel->file, wheel->wheel);
	return 1;
}

/* What is damaged and cannot be replaced. */
static int give_up(const struct store *store, const char *digest, enum store_repair *out,
		   struct error *error)
{
	_cleanup_string_list_ struct string_list locks = {0};
	struct advice advice = {.layer = digest, .error = error};
	int r = store_layer_locks(store, digest, &locks);

	if (r < 0)
		return r;
	if (locks.count == 0 && !store_layer_in_use(store, digest)) {
		*out = STORE_REPAIR_REMOVED;
		return store_remove_layer(store, digest, error);
	}
	*out = STORE_REPAIR_LEFT;
	r = store_each_wheel(store, advise, &advice);
	return r < 0 ? r : 0;
}

/* Checks the layer itself, without its bytecode. */
static int check_layer(const struct store *store, const char *digest)
{
	_cleanup_close_ int layer = store_open_layer(store, digest, NULL);

	return layer < 0 ? layer : store_verify_directory(layer, digest, NULL);
}

/* Bytecode can be made again, by whoever has a need of it. */
static int drop_bytecode(const struct store *store, const char *digest, enum store_repair *out,
			 struct error *error)
{
	int r;

	if (store_layer_in_use(store, digest)) {
		*out = STORE_REPAIR_LEFT;
		error_hint(error, "unmount what shows it, and repair it then");
		return 0;
	}
	*out = STORE_REPAIR_BYTECODE;
	r = store_remove_bytecode(store, digest);
	return r < 0 ? error_set_errno(error, r, "the bytecode of %s cannot be removed", digest)
		     : 0;
}

int store_repair_layer(const struct store *store, const char *digest, const char *const *wheels,
		       size_t count, enum store_repair *out, struct error *error)
{
	_cleanup_error_ struct error problem = ERROR_INIT;
	int r = store_verify_layer(store, digest, error);

	*out = STORE_REPAIR_NOTHING;
	if (r == 0)
		return seal_again(store, digest, out, error);
	/* What is not known to be damaged is not touched. */
	if (store_is_unchecked(r))
		return r;
	if (store_layer_is_link(store, digest)) {
		*out = STORE_REPAIR_REMOVED;
		return store_remove_layer(store, digest, error);
	}
	r = check_layer(store, digest);
	if (store_is_unchecked(r)) {
		error_clear(error);
		return error_set_errno(error, r, "the layer %s", digest);
	}
	if (r == 0)
		return drop_bytecode(store, digest, out, error);
	r = replace(store, digest, wheels, count, &problem);
	if (r == 0)
		return give_up(store, digest, out, error);
	if (r < 0) {
		error_clear(error);
		*error = problem;
		problem = (struct error)ERROR_INIT;
		return r;
	}
	*out = STORE_REPAIR_REPLACED;
	if (store_verify_layer(store, digest, NULL) < 0 && !store_layer_in_use(store, digest))
		(void)store_remove_bytecode(store, digest);
	return 0;
}

/* Leftovers. */

struct leftovers {
	const struct store *store;
	int count;
};

static int remove_dangling(void *arg, int directory, const char *name, mode_t kind)
{
	struct leftovers *leftovers = arg;

	(void)kind;
	if (faccessat(directory, name, F_OK, 0) == 0 || errno != ENOENT)
		return 0;
	if (unlinkat(directory, name, 0) < 0)
		return -errno;
	leftovers->count++;
	return 0;
}

/* Nobody else adds or removes now: what nobody holds is of no use to anyone. */
static int remove_scratch(void *arg, int directory, const char *name, mode_t kind)
{
	struct leftovers *leftovers = arg;
	_cleanup_close_ int fd = io_open_directory(directory, name);
	int r;

	(void)kind;
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return 0;
	r = unseal_tree(directory, name);
	if (r == 0)
		r = io_remove_tree(directory, name);
	leftovers->count += r == 0;
	return r;
}

int store_remove_leftovers(const struct store *store)
{
	struct leftovers leftovers = {.store = store};
	int r = io_each_entry(io_open_directory(store->fd, "wheels"), remove_dangling, &leftovers);

	if (r == 0)
		r = io_each_entry(io_open_directory(store->fd, "scratch"), remove_scratch,
				  &leftovers);
	return r < 0 ? r : leftovers.count;
}
