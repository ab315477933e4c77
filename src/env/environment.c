#include "venvfs/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own_changes.h"
#include "packages.h"
#include "venvfs/cleanup.h"
#include "venvfs/generated.h"
#include "venvfs/mount.h"
#include "venvfs/path.h"
#include "venvfs/pip.h"

/* The parts that are found before anything is opened. */
struct parts {
	struct spec *spec;
	struct interpreter *interpreter;
};

static void parts_clear(struct parts *parts)
{
	spec_free(parts->spec);
	interpreter_free(parts->interpreter);
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

static int find_parts(const char *spec_path, struct parts *parts, struct error_list *errors)
{
	int r = spec_load(spec_path, &parts->spec, errors);

	return r < 0 ? r : find_interpreter(parts, errors);
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
	if (!head ||
	    path_join(real, path + strlen(head) + (path[strlen(head)] == '/'), &joined) < 0)
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
	if (path_is_within(places->mountpoint, real))
		return error_set(error, -EINVAL, "the mount point %s lies in the layer %s",
				 places->mountpoint, layer->path);
	if (path_is_within(real, places->store) || path_is_within(places->store, real))
		return error_set(error, -EINVAL, "the layer %s and the store %s lie in one another",
				 layer->path, places->store);
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

/* Layers as they are collected: the generated one first. */
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

/* The layers of all packages; their scripts name this environment's Python. */
static int attach_packages(struct environment *environment, const struct parts *parts,
			   struct layers *layers)
{
	_cleanup_free_ char *python = NULL;
	_cleanup_buffer_ struct buffer head = {0};
	int r = path_join(environment->mountpoint, "bin/python", &python);

	if (r < 0)
		return r;
	if (environment->spec->relocatable)
		generated_shebang_relocatable(&head);
	else
		generated_shebang(&head, python);
	if (buffer_status(&head) < 0)
		return -ENOMEM;
	return packages_attach(environment->packages, parts->interpreter, head.data, layers->items,
			       &layers->count);
}

/* All layers, highest first: what is generated, the spec's, the packages with pip. */
static int open_layers(struct environment *environment, struct parts *parts, struct layers *layers,
		       struct error_list *errors)
{
	const struct spec *spec = environment->spec;
	size_t packages = packages_count(environment->packages) * PACKAGE_LAYERS_MAX;
	_cleanup_free_ char *site_packages = interpreter_site_packages(parts->interpreter);
	struct layer *generated;
	int r;

	layers->items = calloc(spec->layer_count + packages + 1, sizeof(*layers->items));
	if (!layers->items || !site_packages)
		return -ENOMEM;
	/* It takes the interpreter over, but comes first: its place is kept. */
	layers->count = 1;
	r = open_spec_layers(spec, site_packages, layers, errors);
	if (r == 0)
		r = attach_packages(environment, parts, layers);
	if (r == 0)
		r = layer_generated_new(spec, TAKE_PTR(parts->interpreter), environment->mountpoint,
					environment->prompt, &generated);
	if (r == 0)
		environment->generated = layers->items[0] = generated;
	return r;
}

/* The store's directories, or -1 where there is no store. What cannot be opened must not be taken
 * for that. */
static int open_directories(const struct environment *environment, int *upper, int *work)
{
	const struct env_store *store = environment->store;

	*upper = store ? env_store_open_upper(store) : -1;
	*work = store && !environment->read_only ? env_store_open_work(store) : -1;
	if (!store || (environment->read_only && *upper == -ENOENT))
		return 0;
	return *upper < 0 ? *upper : *work < 0 && !environment->read_only ? *work : 0;
}

static int make_tree(struct environment *environment, struct layers *layers,
		     struct error_list *errors)
{
	_cleanup_close_ int upper = -1, work = -1;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct tree_config config = {.read_only = environment->read_only};
	int r = open_directories(environment, &upper, &work);

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
	r = environment->read_only
		    ? env_store_open_read_only(spec->store, &environment->store, &error)
		    : env_store_open(spec->store, environment->mountpoint, &environment->store,
				     &error);
	if (r == 0 && !environment->read_only) {
		r = env_store_relocate(environment->store, environment->mountpoint);
		if (r < 0)
			error_set_errno(&error, r,
					"the scripts in the store %s cannot be given "
					"the new mount point",
					spec->store);
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
	environment->stdlib = strdup(parts->interpreter->stdlib);
	environment->cache_tag = strdup(parts->interpreter->cache_tag);
	environment->site_packages = interpreter_site_packages(parts->interpreter);
	environment->minor = parts->interpreter->minor;
	environment->mounted = time(NULL);
	if (!environment->mountpoint || !environment->prompt || !environment->executable ||
	    !environment->stdlib || !environment->cache_tag || !environment->site_packages)
		return -ENOMEM;
	return 0;
}

int environment_open(const char *spec_path, const char *mountpoint,
		     const struct environment_options *options, struct environment **out,
		     struct error_list *errors)
{
	struct environment *environment = calloc(1, sizeof(*environment));
	_cleanup_layers_ struct layers layers = {0};
	_cleanup_parts_ struct parts parts = {0};
	int r = environment ? find_parts(spec_path, &parts, errors) : -ENOMEM;

	if (r == 0) {
		environment->read_only = options->read_only;
		r = share_begin(&environment->share, options->share, options->read_only);
	}
	if (r == 0)
		r = take_names(environment, &parts, mountpoint);
	if (r == 0)
		r = check_places(parts.spec, mountpoint, errors);
	if (r == 0) {
		environment->spec = TAKE_PTR(parts.spec);
		r = packages_open(environment->spec, parts.interpreter, &environment->packages,
				  errors);
	}
	if (r == 0)
		r = packages_share(environment->packages, environment->spec, options->others,
				   &environment->share);
	if (r == 0)
		r = open_layers(environment, &parts, &layers, errors);
	if (r == 0)
		r = open_store(environment, errors);
	if (r == 0)
		r = make_tree(environment, &layers, errors);
	if (r == 0)
		warn_of_own_changes(environment->packages, environment->store,
				    environment->site_packages);
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
	packages_free(environment->packages);
	env_store_free(environment->store);
	share_clear(&environment->share);
	spec_free(environment->spec);
	free(environment->mountpoint);
	free(environment->prompt);
	free(environment->executable);
	free(environment->stdlib);
	free(environment->cache_tag);
	free(environment->site_packages);
	free(environment);
}

bool environment_lacks_bytecode(const struct environment *environment)
{
	return packages_lack_bytecode(environment->packages);
}

void environment_compile(const struct environment *environment)
{
	packages_compile(environment->packages);
}

int environment_open_sample(const struct environment *environment)
{
	int fd = packages_open_image(environment->packages);

	if (fd != -ENOENT)
		return fd;
	fd = open(environment->executable, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* That there is a pip wheel; importing it is for mounting. */
static int check_pip(const struct parts *parts, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	if (!parts->spec->pip)
		return 0;
	return error_list_take(errors, &error, pip_check(parts->interpreter, &error));
}

/* The first of two results that is an error. */
static int worse(int r, int s)
{
	return r < 0 ? r : s;
}

int mount_check(const char *spec_path, struct string_list *unseen, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_layers_ struct layers layers = {0};
	_cleanup_parts_ struct parts parts = {0};
	int r = spec_load_in_part(spec_path, &parts.spec, errors), s;

	if (!parts.spec)
		return r;
	s = find_interpreter(&parts, errors);
	if (s == 0)
		s = check_pip(&parts, errors);
	r = worse(r, s);
	layers.items = calloc(parts.spec->layer_count + 1, sizeof(*layers.items));
	r = worse(r, layers.items ? open_spec_layers(parts.spec, "", &layers, errors) : -ENOMEM);
	r = worse(r, packages_check(parts.spec, parts.interpreter, unseen, errors));
	s = env_store_check(parts.spec->store, &error);
	if (s < 0)
		at_line(&error, parts.spec, parts.spec->store_line);
	return worse(r, error_list_take(errors, &error, s));
}
