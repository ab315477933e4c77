/*
 * Locks: read when there is one of the same inputs whose layers are there, made when not.
 */
#include "venvfs/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lock_internal.h"
#include "venvfs/cleanup.h"
#include "venvfs/log.h"

static void clear_layers(struct lock_result *result)
{
	for (size_t i = 0; result->layers && i < result->lock->count; i++)
		cleanup_close(&result->layers[i].directory);
	free(result->layers);
	result->layers = NULL;
}

void lock_result_clear(struct lock_result *result)
{
	clear_layers(result);
	lock_stores_close(&result->stores);
	lockfile_free(result->lock);
	free(result->asked);
	*result = (struct lock_result){0};
}

/* Opens every layer of the lock, from the result's stores. -ENOENT, or so: one is not there. */
static int open_layers(struct lock_result *result, struct error *error)
{
	int r = 0;

	result->layers = calloc(result->lock->count + 1, sizeof(*result->layers));
	if (!result->layers)
		return -ENOMEM;
	for (size_t i = 0; i < result->lock->count; i++)
		result->layers[i].directory = -1;
	for (size_t i = 0; r >= 0 && i < result->lock->count; i++)
		r = result->layers[i].directory =
			lock_stores_open_layer(&result->stores, result->lock->packages[i].layer,
					       &result->layers[i].store, error);
	return r < 0 ? r : 0;
}

static int open_for_adding(const struct spec *spec, struct store **out, struct error *error)
{
	int r = lock_store_open_own(spec, STORE_ADD, out, error);

	if (r < 0 && spec->wheel_store && error && !error->file)
		error_at(error, spec->path, spec->wheel_store_line);
	return r;
}

/* What a lock is made from and for. */
static int describe(struct lockfile *lock, const struct lock_inputs *inputs,
		    const struct interpreter *interpreter)
{
	lock->inputs = strdup(inputs->digest);
	if (asprintf(&lock->python, "%d.%d", interpreter->major, interpreter->minor) < 0)
		lock->python = NULL;
	return lock->inputs && lock->python ? 0 : -ENOMEM;
}

static int fill(struct making *making, struct lockfile *lock, struct error_list *errors)
{
	int r = describe(lock, making->inputs, making->interpreter);

	return r < 0 ? r : obtain_packages(making, lock, errors);
}

/* Writes the lock, when all that it names is there: while pip ran, somebody may have removed
 * layers. First the link: gc may find it without a lock, never a lock without it. */
static int publish(const struct making *making, struct lock_result *result, struct error *error)
{
	int r = lock_stores_open(making->spec, &result->stores, error);

	lockfile_sort(result->lock); /* layers are counted as packages are */
	if (r == 0)
		r = open_layers(result, error);
	if (r < 0)
		return r;
	r = store_add_root(making->store, making->path);
	if (r < 0)
		return error_set_errno(error, r, "%s/roots", making->store->path);
	return lockfile_write(making->path, result->lock, error);
}

static int make(struct making *making, struct lock_result *out, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	out->made = true;
	out->lock = lockfile_new();
	r = out->lock ? open_for_adding(making->spec, &making->store, &error) : -ENOMEM;
	if (r < 0)
		return error_list_take(errors, &error, r);
	r = fill(making, out->lock, errors);
	if (r == 0)
		r = publish(making, out, &error);
	out->asked = TAKE_PTR(making->asked);
	return error_list_take(errors, &error, r);
}

void making_clear(struct making *making)
{
	candidates_clear(&making->candidates);
	target_clear(&making->target);
	lock_stores_close(&making->stores);
	store_free(making->store);
	free(making->asked);
}

/* The lock that is there, if it was made from the same; else NULL in *out. What is no lock may be
 * one of a newer venvfs, or one that was merged badly: it is not for us to replace. One that was
 * edited is, when somebody says so. */
static int read_current(const char *path, const char *inputs, enum lock_demand demand,
			struct lockfile **out, struct error *error)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	int r = lockfile_read(path, &lock, error);

	if (r == -EUCLEAN && demand == LOCK_MEND) {
		log_warning("%s: it is made anew from the requirements", error->message);
		error_clear(error);
		return 0;
	}
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* Nothing would tell whether one without a digest was edited. */
	if (!lock->bare && strcmp(lock->inputs, inputs) == 0)
		*out = TAKE_PTR(lock);
	return 0;
}

/* Whether the layers are those of the wheels that the lock names, as far as the stores know. */
static bool layers_agree(const struct lock_result *result)
{
	for (size_t i = 0; i < result->lock->count; i++) {
		const struct lock_package *package = &result->lock->packages[i];
		char layer[STORE_DIGEST_SIZE];

		if (store_find_link(result->layers[i].store, package->file, package->sha256,
				    layer) == 0 &&
		    strcmp(layer, package->layer) != 0)
			return false;
	}
	return true;
}

/* 1: the lock is good as it is. */
static int use_current(struct making *making, struct lockfile **current, struct lock_result *out)
{
	int r;

	out->lock = *current;
	out->stores = making->stores;
	lock_stores_fetch(&out->stores, out->lock, making->interpreter->cache_tag);
	r = open_layers(out, NULL);
	if (r == 0 && layers_agree(out)) {
		*current = NULL;
		making->stores = (struct lock_stores){0};
		return 1;
	}
	clear_layers(out);
	*out = (struct lock_result){0};
	return r == -ENOMEM ? r : 0;
}

int lock_look(struct making *making, enum lock_demand demand, struct lockfile **current,
	      struct lock_result *out, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *target = NULL;
	int r = lockfile_target(making->path, &target, &error);

	if (r == 0 && demand != LOCK_UPGRADE)
		r = read_current(making->path, making->inputs->digest, demand, current, &error);
	if (r == 0)
		r = lock_stores_open(making->spec, &making->stores, &error);
	if (r < 0 && making->spec->wheel_store && !error.file)
		error_at(&error, making->spec->path, making->spec->wheel_store_line);
	if (r < 0)
		return error_list_take(errors, &error, r);
	return *current ? use_current(making, current, out) : 0;
}

/* Where the store cannot be written to, nobody of ours removes anything; else a lock that came with
 * its spec, from elsewhere, keeps the layers that it names. */
static void keep(const struct making *making, struct lock_result *out)
{
	if (out->stores.items[1])
		(void)store_add_root(out->stores.items[1], making->path);
}

static int ensure(struct making *making, enum lock_demand demand, struct lock_result *out,
		  struct error_list *errors)
{
	_cleanup_lockfile_ struct lockfile *current = NULL;
	int r = lock_look(making, demand, &current, out, errors);

	if (r < 0)
		return r;
	if (r == 1) {
		keep(making, out);
		return 0;
	}
	making->pinned = current;
	return make(making, out, errors);
}

int lock_ensure(const struct spec *spec, const struct interpreter *interpreter,
		enum lock_demand demand, struct lock_result *out, struct error_list *errors)
{
	_cleanup_free_ char *path = lockfile_path(spec->path);
	__attribute__((cleanup(lock_inputs_clear))) struct lock_inputs inputs = {0};
	__attribute__((cleanup(making_clear))) struct making making = {
		.spec = spec, .interpreter = interpreter, .inputs = &inputs, .path = path};
	int r = path ? lock_inputs_read(spec, interpreter, &inputs, errors) : -ENOMEM;

	*out = (struct lock_result){0};
	if (r == 0)
		r = ensure(&making, demand, out, errors);
	if (r < 0)
		lock_result_clear(out);
	return r;
}

int lock_adopt(const struct spec *spec, const struct interpreter *interpreter,
	       const struct store *store, struct lockfile *lock, struct error_list *errors)
{
	_cleanup_free_ char *path = lockfile_path(spec->path);
	__attribute__((cleanup(lock_inputs_clear))) struct lock_inputs inputs = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = path ? lock_inputs_read(spec, interpreter, &inputs, errors) : -ENOMEM;

	if (r == 0)
		r = describe(lock, &inputs, interpreter);
	if (r < 0)
		return r;
	r = store_add_root(store, path);
	if (r < 0)
		error_set_errno(&error, r, "%s/roots", store->path);
	else
		r = lockfile_write(path, lock, &error);
	return error_list_take(errors, &error, r);
}
