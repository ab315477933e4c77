/*
 * Making locks. What it takes to resolve requirements, pip knows: it is asked for all wheels that
 * they come to, in a scratch directory of the store. What comes back are files like any others:
 * they are checked and imported, and the lock names them by their digests.
 */
#include "venvfs/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/pip.h"
#include "venvfs/requirements_file.h"
#include "venvfs/scratch.h"
#include "venvfs/wheel_tags.h"

/* Is part of the inputs: another one makes all locks out of date. */
#define INPUTS_FORMAT "venvfs lock 1"

/* Inputs. */

static int add_file(struct buffer *out, const char *path)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = io_read_file(AT_FDCWD, path, REQUIREMENTS_FILE_MAX, &text);

	if (r < 0)
		return r;
	buffer_printf(out, "%s %zu\n", path_basename(path), text.length);
	buffer_append(out, text.data ? text.data : "", text.length);
	buffer_putc(out, '\n');
	return 0;
}

/* A digest of all that decides what the requirements come to: to be freed. */
static int digest_inputs(const struct spec *spec, const struct interpreter *interpreter,
			 const struct requirements *requirements, char **out)
{
	_cleanup_buffer_ struct buffer text = {0};
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	int r = 0;

	buffer_printf(&text, INPUTS_FORMAT "\npython %s %s\n", interpreter->version,
		      interpreter->soabi ? interpreter->soabi : "");
	for (size_t i = 0; i < spec->find_links.count; i++)
		buffer_printf(&text, "find-links %s\n", spec->find_links.items[i]);
	for (size_t i = 0; r == 0 && i < requirements->files.count; i++)
		r = add_file(&text, requirements->files.items[i]);
	if (r == 0)
		r = buffer_status(&text);
	if (r == 0)
		r = digest_bytes(text.data, text.length, digest);
	if (r < 0)
		return r;
	digest_to_hex(digest, hex);
	*out = strdup(hex);
	return *out ? 0 : -ENOMEM;
}

/* Wheels. */

/* The files that pip left in @directory, as jobs; to be freed with free_jobs(). */
struct jobs {
	struct store_job *items;
	size_t count;
};

static void free_jobs(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->count; i++) {
		free((char *)jobs->items[i].path);
		store_import_clear(&jobs->items[i].result);
		error_clear(&jobs->items[i].error);
	}
	free(jobs->items);
}

static int add_job(struct jobs *jobs, const char *directory, const char *name)
{
	struct store_job *items = reallocarray(jobs->items, jobs->count + 1, sizeof(*items));
	char *path;

	if (!items)
		return -ENOMEM;
	jobs->items = items;
	if (path_join(directory, name, &path) < 0)
		return -ENOMEM;
	jobs->items[jobs->count++] = (struct store_job){.path = path};
	return 0;
}

struct listing {
	struct jobs *jobs;
	const char *directory;
};

static int add_wheel(void *arg, int fd, const char *name, mode_t kind)
{
	const struct listing *listing = arg;
	size_t length = strlen(name);

	(void)fd;
	(void)kind;
	if (length <= 4 || strcmp(name + length - 4, ".whl") != 0)
		return 0;
	return add_job(listing->jobs, listing->directory, name);
}

static void ignore_job(void *arg, const struct store_job *job)
{
	(void)arg;
	(void)job;
}

static int add_package(struct lockfile *lock, const struct store_job *job, struct error *error)
{
	_cleanup_wheel_name_ struct wheel_name name = {0};
	const char *file = path_basename(job->path);
	_cleanup_free_ char *version = NULL;
	const char *at;
	int r = wheel_name_parse(file, &name, error);

	if (r < 0)
		return r;
	/* As written: between the first hyphen and the second. */
	at = strchr(file, '-') + 1;
	version = strndup(at, strcspn(at, "-"));
	return version ? lockfile_add(lock,
				      &(struct lock_package){.name = name.normalised,
							     .version = version,
							     .file = (char *)file,
							     .sha256 = (char *)job->result.wheel,
							     .layer = (char *)job->result.layer})
		       : -ENOMEM;
}

/* Imports all wheels; each that is refused is an error. */
static int import_wheels(const struct store *store, struct jobs *jobs, struct lockfile *lock,
			 struct error_list *errors)
{
	int r = 0;

	store_import_many(store, jobs->items, jobs->count, ignore_job, NULL);
	for (size_t i = 0; i < jobs->count; i++) {
		struct store_job *job = &jobs->items[i];
		int code = job->code;

		if (code == 0)
			code = add_package(lock, job, &job->error);
		if (error_list_take(errors, &job->error, code) < 0)
			r = code;
	}
	return r;
}

/* A lock that is to be made. */
struct making {
	const struct spec *spec;
	const struct interpreter *interpreter;
	const char *path;   /* of the lock */
	const char *inputs; /* their digest */
	const struct lockfile
		*pinned;     /* the lock of the same inputs whose layers are gone, or NULL */
	struct store *store; /* open for adding */
};

#define CONSTRAINTS "constraints.txt"

/* What was locked stays so when only its layers are gone: versions as constraints for pip. */
static int write_constraints(const struct making *making, const struct scratch *scratch)
{
	_cleanup_buffer_ struct buffer text = {0};

	for (size_t i = 0; making->pinned && i < making->pinned->count; i++)
		buffer_printf(&text, "%s==%s\n", making->pinned->packages[i].name,
			      making->pinned->packages[i].version);
	if (buffer_status(&text) < 0)
		return -ENOMEM;
	return io_publish(scratch->fd, CONSTRAINTS, text.data ? text.data : "", text.length, 0600);
}

/* pip's arguments: all wheels that the requirements come to, in @directory. */
static int run_pip(const struct making *making, const char *directory, struct error *error)
{
	const struct spec *spec = making->spec;
	const char *base = path_basename(spec->requirements);
	/* Relative paths in a requirements file count from the file, as all paths of a spec do. */
	_cleanup_free_ char *from =
		strndup(spec->requirements, (size_t)(base - spec->requirements));
	_cleanup_free_ char *pip = NULL, *constraints = NULL;
	_cleanup_free_ const char **arguments = NULL;
	size_t n = 0;
	int r = pip_layer_ensure(making->interpreter, &pip, error);

	if (r == 0)
		r = path_join(directory, CONSTRAINTS, &constraints);
	if (r < 0)
		return r;
	arguments = calloc(12 + 2 * spec->find_links.count, sizeof(*arguments));
	if (!arguments || !from)
		return -ENOMEM;
	arguments[n++] = "wheel";
	arguments[n++] = "--progress-bar=off";
	arguments[n++] = "--disable-pip-version-check";
	arguments[n++] = "--no-input";
	arguments[n++] = "--wheel-dir";
	arguments[n++] = directory;
	for (size_t i = 0; i < spec->find_links.count; i++) {
		arguments[n++] = "--find-links";
		arguments[n++] = spec->find_links.items[i];
	}
	arguments[n++] = "--requirement";
	arguments[n++] = spec->requirements;
	arguments[n++] = "--constraint";
	arguments[n++] = constraints;
	return pip_run(making->interpreter, pip, from, arguments, error);
}

/* Resolves into a scratch directory of the store, and imports what comes of it. */
static int resolve(const struct making *making, struct lockfile *lock, struct error_list *errors)
{
	const struct store *store = making->store;
	__attribute__((cleanup(free_jobs))) struct jobs jobs = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *directory = NULL;
	struct scratch scratch;
	int r = scratch_new(store->scratch, &scratch);

	if (r < 0) {
		error_set_errno(&error, r, "the wheel store %s cannot be written to", store->path);
		return error_list_take(errors, &error, r);
	}
	if (asprintf(&directory, "%s/scratch/%s", store->path, scratch.name) < 0)
		directory = NULL;
	r = directory ? write_constraints(making, &scratch) : -ENOMEM;
	if (r == 0)
		r = run_pip(making, directory, &error);
	if (r < 0 && error.message && !error.file)
		error_at(&error, making->spec->path, making->spec->requirements_line);
	if (r == 0)
		r = io_each_entry(io_open_directory(scratch.fd, "."), add_wheel,
				  &(struct listing){&jobs, directory});
	error_list_take(errors, &error, r);
	if (r == 0)
		r = import_wheels(store, &jobs, lock, errors);
	(void)io_remove_tree(store->scratch, scratch.name);
	close(scratch.fd);
	return r;
}

/* The lock. */

static int open_for_adding(const struct spec *spec, struct store **out, struct error *error)
{
	int r = lock_store_open_own(spec, STORE_ADD, out, error);

	if (r < 0 && spec->wheel_store && error && !error->file)
		error_at(error, spec->path, spec->wheel_store_line);
	return r;
}

static int make(struct making *making, struct lockfile **out, struct error_list *errors)
{
	_cleanup_lockfile_ struct lockfile *lock = lockfile_new();
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_store_ struct store *store = NULL;
	int r = lock ? open_for_adding(making->spec, &store, &error) : -ENOMEM;

	if (r < 0)
		return error_list_take(errors, &error, r);
	making->store = store;
	lock->inputs = strdup(making->inputs);
	lock->python = strdup(making->interpreter->version);
	r = lock->inputs && lock->python ? resolve(making, lock, errors) : -ENOMEM;
	if (r < 0)
		return r;
	/* First the link: gc may find it without a lock, never a lock without it. */
	r = store_add_root(store, making->path);
	if (r < 0)
		error_set_errno(&error, r, "%s/roots", store->path);
	if (r == 0)
		r = lockfile_write(making->path, lock, &error);
	if (r == 0)
		*out = TAKE_PTR(lock);
	return error_list_take(errors, &error, r);
}

/* Whether every layer of the lock is in a store. */
static bool is_complete(const struct spec *spec, const struct lockfile *lock)
{
	_cleanup_lock_stores_ struct lock_stores stores = {0};

	if (lock_stores_open(spec, &stores, NULL) < 0)
		return false;
	for (size_t i = 0; i < lock->count; i++) {
		_cleanup_close_ int fd =
			lock_stores_open_layer(&stores, lock->packages[i].layer, NULL);

		if (fd < 0)
			return false;
	}
	return true;
}

/* A lock that came with its spec, from elsewhere, keeps the layers that it names as well. Where the
 * store cannot be written to, nobody of ours removes anything. */
static void note_root(const struct spec *spec, const char *path)
{
	_cleanup_lock_stores_ struct lock_stores stores = {0};

	if (lock_stores_open(spec, &stores, NULL) == 0 && stores.items[1])
		(void)store_add_root(stores.items[1], path);
}

/* The lock that is there, if it was made from the same; else NULL in *out. What is no lock may be
 * one of a newer venvfs, or one that was merged badly: it is not for us to replace. */
static int read_current(const char *path, const char *inputs, struct lockfile **out,
			struct error *error)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	int r = lockfile_read(path, &lock, error);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (strcmp(lock->inputs, inputs) == 0)
		*out = TAKE_PTR(lock);
	return 0;
}

int lock_ensure(const struct spec *spec, const struct interpreter *interpreter, bool upgrade,
		struct lockfile **out, bool *made, struct error_list *errors)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	_cleanup_free_ char *path = lockfile_path(spec->path), *inputs = NULL;
	_cleanup_lockfile_ struct lockfile *current = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct making making = {.spec = spec, .interpreter = interpreter, .path = path};
	int r = path ? requirements_load(spec->requirements, &requirements, errors) : -ENOMEM;

	if (r == 0) {
		r = digest_inputs(spec, interpreter, requirements, &inputs);
		if (r < 0)
			error_set_errno(&error, r, "%s cannot be read", spec->requirements);
	}
	if (r == 0 && !upgrade)
		r = read_current(path, inputs, &current, &error);
	if (r < 0)
		return error_list_take(errors, &error, r);
	*made = !current || !is_complete(spec, current);
	if (!*made) {
		note_root(spec, path);
		*out = TAKE_PTR(current);
		return 0;
	}
	making.inputs = inputs;
	making.pinned = current;
	return make(&making, out, errors);
}
