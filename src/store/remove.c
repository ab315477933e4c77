/*
 * Removing layers. An environment holds a shared lock on each layer that it shows, so that what is
 * mounted on this host is never removed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "publish.h"
#include "seal.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/scratch.h"
#include "venvfs/store.h"

struct unlinking {
	const struct store *store;
	const char *layer;
};

static int unlink_wheel(void *arg, const struct store_wheel *wheel)
{
	const struct unlinking *unlinking = arg;
	char name[512];

	if (strcmp(wheel->layer, unlinking->layer) != 0)
		return 0;
	snprintf(name, sizeof(name), "%s@%s", wheel->file, wheel->wheel);
	return unlinkat(unlinking->store->wheels, name, 0) < 0 ? -errno : 0;
}

bool store_layer_in_use(const struct store *store, const char *digest)
{
	_cleanup_close_ int layer = store_open_layer(store, digest, NULL);

	return layer >= 0 && flock(layer, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Takes @name out of @parent in one step, and then what is in it. */
static int remove_sealed(const struct store *store, int parent, const char *name)
{
	char scratch[sizeof(SCRATCH_PREFIX) + STORE_DIGEST_SIZE];
	int r = unseal_tree(parent, name);

	/* To be moved elsewhere, a directory itself must be writable. */
	if (r == 0 && fchmodat(parent, name, 0755, 0) < 0)
		r = -errno;
	snprintf(scratch, sizeof(scratch), SCRATCH_PREFIX "%s", name);
	if (r == 0 && renameat(parent, name, store->scratch, scratch) < 0)
		r = -errno;
	return r < 0 ? r : io_remove_tree(store->scratch, scratch);
}

/* Bytecode goes before its layer: without that nobody would find it. */
int store_remove_bytecode(const struct store *store, const char *digest)
{
	int r = store->bytecode < 0 ? 0 : remove_sealed(store, store->bytecode, digest);

	return r == -ENOENT ? 0 : r;
}

bool store_layer_is_link(const struct store *store, const char *digest)
{
	struct stat st;

	return fstatat(store->layers, digest, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Nobody opens a layer through a link, so nobody shows what it leads to. That stays as it is. */
static int remove_link(const struct store *store, const char *digest, struct error *error)
{
	struct unlinking unlinking = {.store = store, .layer = digest};
	int r = store_each_wheel(store, unlink_wheel, &unlinking);

	/* What took the place of the link meanwhile is a directory, and stays. */
	if (r == 0 && unlinkat(store->layers, digest, 0) < 0)
		r = -errno;
	return r < 0 ? error_set_errno(error, r, "the link %s cannot be removed", digest) : 0;
}

int store_remove_layer(const struct store *store, const char *digest, struct error *error)
{
	struct unlinking unlinking = {.store = store, .layer = digest};
	_cleanup_close_ int layer = -1;
	int r;

	if (store_is_digest(digest) && store_layer_is_link(store, digest))
		return remove_link(store, digest, error);
	layer = store_open_layer(store, digest, error);
	if (layer < 0)
		return layer;
	if (flock(layer, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return error_set_errno(error, -errno, "the layer %s", digest);
		return error_set(error, -EBUSY, "the layer %s is mounted", digest);
	}
	/* The links first: who finds one finds the layer. Then it leaves in one step. */
	r = store_each_wheel(store, unlink_wheel, &unlinking);
	if (r == 0)
		r = store_remove_bytecode(store, digest);
	if (r == 0)
		r = remove_sealed(store, store->layers, digest);
	return r < 0 ? error_set_errno(error, r, "the layer %s cannot be removed", digest) : 0;
}
