/*
 * Which layers nobody needs: those that no lock names and that are not mounted. A lock counts for
 * as long as its file is there; the link to one that is gone is taken away.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/lockfile.h"
#include "venvfs/store.h"

static int add_layers(const char *path, struct string_list *used)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = lockfile_read(path, &lock, &error);

	/* A lock that cannot be read might name anything: nothing may be removed then. */
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < lock->count; i++)
		r = string_list_add(used, lock->packages[i].layer, strlen(lock->packages[i].layer));
	return r;
}

/* The locks, and what they name. */
struct roots {
	bool dry_run;
	struct string_list *used;
	struct error *error;
};

static int follow_root(void *arg, int directory, const char *name, mode_t kind)
{
	const struct roots *roots = arg;
	char path[PATH_MAX];
	ssize_t length = readlinkat(directory, name, path, sizeof(path) - 1);
	int r;

	(void)kind;
	if (length < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno; /* 0: none of ours */
	path[length] = '\0';
	r = add_layers(path, roots->used);
	if (r == -ENOENT) {
		if (!roots->dry_run && unlinkat(directory, name, 0) < 0)
			return -errno;
		return 0;
	}
	if (r < 0) {
		error_set(roots->error, r,
			  "%s cannot be read, so it is not known which layers it names", path);
		error_hint(roots->error, "make it anew, or remove it");
	}
	return r;
}

static int collect_used(const struct store *store, bool dry_run, struct string_list *used,
			struct error *error)
{
	struct roots roots = {.dry_run = dry_run, .used = used, .error = error};
	int r = io_each_entry(io_open_directory(store->fd, "roots"), follow_root, &roots);

	if (r < 0 && error && !error->message)
		error_set_errno(error, r, "%s/roots", store->path);
	return r;
}

struct lock_search {
	const char *layer;
	struct string_list *locks;
};

static int add_lock_of_layer(void *arg, int directory, const char *name, mode_t kind)
{
	const struct lock_search *search = arg;
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	char path[PATH_MAX];
	ssize_t length = readlinkat(directory, name, path, sizeof(path) - 1);

	(void)kind;
	if (length < 0)
		return 0;
	path[length] = '\0';
	if (lockfile_read(path, &lock, NULL) < 0)
		return 0;
	for (size_t i = 0; i < lock->count; i++)
		if (strcmp(lock->packages[i].layer, search->layer) == 0)
			return string_list_add(search->locks, path, (size_t)length);
	return 0;
}

int store_layer_locks(const struct store *store, const char *digest, struct string_list *out)
{
	struct lock_search search = {.layer = digest, .locks = out};

	return io_each_entry(io_open_directory(store->fd, "roots"), add_lock_of_layer, &search);
}

struct layer_walk {
	store_layer_fn *fn;
	void *arg;
};

static int visit_layer(void *arg, int directory, const char *name, mode_t kind)
{
	const struct layer_walk *walk = arg;

	(void)directory;
	(void)kind;
	return store_is_digest(name) ? walk->fn(walk->arg, name) : 0;
}

int store_each_layer(const struct store *store, store_layer_fn *fn, void *arg)
{
	struct layer_walk walk = {.fn = fn, .arg = arg};

	return io_each_entry(io_open_directory(store->layers, "."), visit_layer, &walk);
}

struct sweep {
	const struct store *store;
	const struct string_list *used;
	struct string_list *unused;
};

static int note_unused(void *arg, const char *digest)
{
	struct sweep *sweep = arg;

	/* Who needs the layer has no use for a link in its place. */
	if (!store_layer_is_link(sweep->store, digest) &&
	    (string_list_has(sweep->used, digest) || store_layer_in_use(sweep->store, digest)))
		return 0;
	return string_list_add(sweep->unused, digest, strlen(digest));
}

int store_find_unused(const struct store *store, bool dry_run, struct string_list *out,
		      struct error *error)
{
	_cleanup_string_list_ struct string_list used = {0};
	struct sweep sweep = {.store = store, .used = &used, .unused = out};
	int r = collect_used(store, dry_run, &used, error);

	if (r < 0)
		return r;
	r = store_each_layer(store, note_unused, &sweep);
	return r < 0 ? error_set_errno(error, r, "%s/layers", store->path) : 0;
}

/* Adds up what a directory and all below it take on disk. */
static int add_usage(void *arg, int directory, const char *name, mode_t kind)
{
	uint64_t *bytes = arg;
	struct stat st;

	(void)kind;
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*bytes += (uint64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode))
		return 0;
	return io_each_entry(io_open_directory(directory, name), add_usage, bytes);
}

int store_layer_usage(const struct store *store, const char *digest, uint64_t *bytes)
{
	int r;

	*bytes = 0;
	r = store->bytecode < 0 ? 0 : add_usage(bytes, store->bytecode, digest, S_IFDIR);
	return r == 0 || r == -ENOENT ? add_usage(bytes, store->layers, digest, S_IFDIR) : r;
}
