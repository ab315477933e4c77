#include "venvfs/environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/mount.h"
#include "venvfs/path.h"

#define SITE_PACKAGES "lib/python%d.%d%s/site-packages"

/* The parts that are found before anything is opened. */
struct parts {
	struct spec *spec;
	struct interpreter *interpreter;
	char *pip_layer; /* NULL: not wanted */
};

static void parts_clear(struct parts *parts)
{
	spec_free(parts->spec);
	interpreter_free(parts->interpreter);
	free(parts->pip_layer);
}

#define _cleanup_parts_ __attribute__((cleanup(parts_clear)))

/* Where in the spec the thing was asked for, unless the error has its own place. */
static void at_line(struct error *error, const struct spec *spec, unsigned line)
{
	if (!error->file && line > 0)
		error_at(error, spec->path, line);
}

static int find_interpreter(struct parts *parts, struct error_list *errors)
{
	struct spec *spec = parts->spec;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = interpreter_probe(spec->executable, &parts->interpreter, &error);

	if (r < 0) {
		at_line(&error, spec, spec->executable_line);
	} else if (spec->python_version) {
		r = interpreter_check_version(parts->interpreter, spec->python_version, &error);
		at_line(&error, spec, spec->python_version_line);
	}
	return error_list_take(errors, &error, r);
}

static int find_pip(struct parts *parts, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	if (!parts->spec->pip)
		return 0;
	return error_list_take(errors, &error,
			       pip_layer_ensure(parts->interpreter, &parts->pip_layer, &error));
}

static int find_parts(const char *spec_path, struct parts *parts, struct error_list *errors)
{
	int r = spec_load(spec_path, &parts->spec, errors);

	if (r == 0)
		r = find_interpreter(parts, errors);
	if (r == 0)
		r = find_pip(parts, errors);
	return r;
}

/* @path with its links resolved as far as it exists; to be freed. */
static char *resolve(const char *path)
{
	_cleanup_free_ char *head = strdup(path);
	_cleanup_free_ char *real = NULL;
	char *joined = NULL;

	while (head && !(real = realpath(head, NULL))) {
		char *slash = strrchr(head, '/');

		if (!slash || slash == head)
			return strdup(path);
		*slash = '\0';
	}
	if (!head || path_join(real, path + strlen(head) + (path[strlen(head)] == '/'), &joined) < 0)
		return NULL;
	return joined;
}

/* The real paths of what must not contain each other. */
struct places {
	char *mountpoint, *store;
};

static void places_clear(struct places *places)
{
	free(places->mountpoint);
	free(places->store);
}

/* What we read while we serve must not be served by us: that would wait for itself. And what the
 * environment writes must not be a layer's. */
static int check_layer_place(const struct spec_layer *layer, const struct places *places,
			     struct error *error)
{
	_cleanup_free_ char *real = resolve(layer->path);

	if (!real)
		return -ENOMEM;
	if (path_is_within(real, places->mountpoint))
		return error_set(error, -EINVAL, "the layer %s lies under the mount point",
				 layer->path);
	if (path_is_within(real, places->store) || path_is_within(places->store, real))
		return error_set(error, -EINVAL,
				 "the layer %s and the store %s lie in one another", layer->path,
				 places->store);
	return 0;
}

static int check_store_place(const struct places *places, struct error *error)
{
	if (path_is_within(places->store, places->mountpoint))
		return error_set(error, -EINVAL, "the store %s lies under the mount point",
				 places->store);
	if (path_is_within(places->mountpoint, places->store))
		return error_set(error, -EINVAL, "the mount point %s lies in the store %s",
				 places->mountpoint, places->store);
	return 0;
}

static int check_places(const struct spec *spec, const char *mountpoint, struct error_list *errors)
{
	__attribute__((cleanup(places_clear))) struct places places = {
		.mountpoint = resolve(mountpoint),
		.store = resolve(spec->store),
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!places.mountpoint || !places.store)
		return -ENOMEM;
	r = check_store_place(&places, &error);
	if (r < 0)
		at_line(&error, spec, spec->store_line);
	error_list_take(errors, &error, r);
	for (size_t i = 0; i < spec->layer_count; i++) {
		int s = check_layer_place(&spec->layers[i], &places, &error);

		at_line(&error, spec, spec->layers[i].line);
		if (error_list_take(errors, &error, s) < 0)
			r = s;
	}
	return r;
}

/* Layers as they are collected: the generated one first, pip's last. */
struct layers {
	struct layer **items;
	unsigned count;
};

static void layers_clear(struct layers *layers)
{
	for (unsigned i = 0; i < layers->count; i++)
		layer_free(layers->items[i]);
	free(layers->items);
}

#define _cleanup_layers_ __attribute__((cleanup(layers_clear)))

/* Opens the spec's layers; all that cannot be opened are reported. */
static int open_spec_layers(const struct spec *spec, const char *site_packages,
			    struct layers *layers, struct error_list *errors)
{
	int result = 0;

	for (size_t i = 0; i < spec->layer_count; i++) {
		const struct spec_layer *wanted = &spec->layers[i];
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = layer_dir_open(wanted->name, wanted->path,
				       wanted->prefix ? "" : site_packages,
				       &layers->items[layers->count], &error);

		if (r == 0) {
			layers->count++;
			continue;
		}
		at_line(&error, spec, wanted->line);
		result = error_list_take(errors, &error, r);
	}
	return result;
}

static int open_pip_layer(const char *path, struct layers *layers, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!path)
		return 0;
	r = layer_dir_open("pip", path, "", &layers->items[layers->count], &error);
	if (r == 0)
		layers->count++;
	return error_list_take(errors, &error, r);
}

/* All layers, highest first: what is generated, the spec's, pip. */
static int open_layers(struct environment *environment, struct parts *parts,
		       struct layers *layers, struct error_list *errors)
{
	const struct spec *spec = environment->spec;
	char site_packages[64];
	int r;

	snprintf(site_packages, sizeof(site_packages), SITE_PACKAGES, parts->interpreter->major,
		 parts->interpreter->minor, parts->interpreter->free_threaded ? "t" : "");
	layers->items = calloc(spec->layer_count + 2, sizeof(*layers->items));
	if (!layers->items)
		return -ENOMEM;
	r = layer_generated_new(spec, TAKE_PTR(parts->interpreter), environment->mountpoint,
				environment->prompt, &layers->items[0]);
	if (r < 0)
		return r;
	environment->generated = layers->items[layers->count++];
	r = open_spec_layers(spec, site_packages, layers, errors);
	return r < 0 ? r : open_pip_layer(parts->pip_layer, layers, errors);
}

/* The store's directories, or -1 where there is no store. What cannot be opened must not be taken
 * for that. */
static int open_directories(const struct env_store *store, int *upper, int *work)
{
	*upper = store ? env_store_open_upper(store) : -1;
	*work = store ? env_store_open_work(store) : -1;
	if (!store)
		return 0;
	return *upper < 0 ? *upper : *work < 0 ? *work : 0;
}

static int make_tree(struct environment *environment, struct layers *layers,
		     struct error_list *errors)
{
	_cleanup_close_ int upper = -1, work = -1;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct tree_config config = {.read_only = environment->read_only};
	int r = open_directories(environment->store, &upper, &work);

	if (r == 0) {
		config.layers = TAKE_PTR(layers->items);
		config.layer_count = layers->count;
		config.upper_fd = TAKE_FD(upper);
		config.work_fd = TAKE_FD(work);
		layers->count = 0;
		r = tree_new(&config, &environment->tree);
	}
	if (r < 0)
		error_set_errno(&error, r, "what the store %s holds cannot be shown",
				environment->spec->store);
	return error_list_take(errors, &error, r);
}

/* A read-only environment shows what its store holds, if there is one. */
static int open_store(struct environment *environment, struct error_list *errors)
{
	const struct spec *spec = environment->spec;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (environment->read_only && access(spec->store, F_OK) < 0)
		return 0;
	r = env_store_open(spec->store, environment->mountpoint, &environment->store, &error);
	if (r == 0) {
		r = env_store_relocate(environment->store, environment->mountpoint);
		if (r < 0)
			error_set_errno(&error, r, "the scripts in the store %s cannot be given "
					"the new mount point", spec->store);
	}
	at_line(&error, spec, spec->store_line);
	return error_list_take(errors, &error, r);
}

static int take_names(struct environment *environment, const struct parts *parts,
		      const char *mountpoint)
{
	const struct spec *spec = parts->spec;
	const char *last = path_basename(mountpoint);

	environment->mountpoint = strdup(mountpoint);
	environment->prompt = strdup(spec->prompt ? spec->prompt : last[0] ? last : "venvfs");
	environment->executable = strdup(parts->interpreter->executable);
	environment->real_executable = strdup(parts->interpreter->real_executable);
	environment->minor = parts->interpreter->minor;
	environment->mounted = time(NULL);
	return environment->mountpoint && environment->prompt && environment->executable &&
			       environment->real_executable
		       ? 0
		       : -ENOMEM;
}

int environment_open(const char *spec_path, const char *mountpoint, bool read_only,
		     struct environment **out, struct error_list *errors)
{
	struct environment *environment = calloc(1, sizeof(*environment));
	_cleanup_layers_ struct layers layers = {0};
	_cleanup_parts_ struct parts parts = {0};
	int r = environment ? find_parts(spec_path, &parts, errors) : -ENOMEM;

	if (r == 0) {
		environment->read_only = read_only;
		r = take_names(environment, &parts, mountpoint);
	}
	if (r == 0)
		r = check_places(parts.spec, mountpoint, errors);
	if (r == 0) {
		environment->spec = TAKE_PTR(parts.spec);
		r = open_layers(environment, &parts, &layers, errors);
	}
	if (r == 0)
		r = open_store(environment, errors);
	if (r == 0)
		r = make_tree(environment, &layers, errors);
	if (r < 0) {
		layers_clear(&layers); /* the generated one uses the environment's strings */
		layers = (struct layers){0};
		environment_free(environment);
		return r;
	}
	*out = environment;
	return 0;
}

void environment_free(struct environment *environment)
{
	if (!environment)
		return;
	tree_free(environment->tree);
	env_store_free(environment->store);
	spec_free(environment->spec);
	free(environment->mountpoint);
	free(environment->prompt);
	free(environment->executable);
	free(environment->real_executable);
	free(environment);
}

int mount_check(const char *spec_path, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_layers_ struct layers layers = {0};
	_cleanup_parts_ struct parts parts = {0};
	int r = spec_load(spec_path, &parts.spec, errors), s;

	if (r < 0)
		return r;
	r = find_interpreter(&parts, errors);
	if (r == 0)
		r = find_pip(&parts, errors);
	layers.items = calloc(parts.spec->layer_count + 1, sizeof(*layers.items));
	s = layers.items ? open_spec_layers(parts.spec, "", &layers, errors) : -ENOMEM;
	r = r < 0 ? r : s;
	s = env_store_check(parts.spec->store, &error);
	if (s < 0)
		at_line(&error, parts.spec, parts.spec->store_line);
	error_list_take(errors, &error, s);
	return r < 0 ? r : s;
}
