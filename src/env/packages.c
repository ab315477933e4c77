#include "packages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bytecode_order.h"
#include "package_pip.h"
#include "venvfs/background.h"
#include "venvfs/cleanup.h"
#include "venvfs/environment.h"
#include "venvfs/layer_image.h"
#include "venvfs/lock.h"
#include "venvfs/log.h"
#include "venvfs/pip_layer.h"
#include "venvfs/wheel_layer.h"

#define PIP "pip"

struct package {
	char *name;
	char *version; /* as the lock has it; NULL: it is not in the lock */
	char *store;   /* the path of its store, as it was named */
	char layer[STORE_DIGEST_SIZE];
	int directory; /* of the layer; locked shared, so that it is not removed */
	struct layer_image *image;
	struct layer_image *bytecode; /* NULL: none is to be shown */
	bool pip;                     /* its scripts are among what is generated */
	bool own_pip;                 /* the interpreter's */
	bool apart;                   /* not to be shown as links */
};

struct packages {
	struct package *items;
	size_t count;
	struct bytecode_order order; /* what is to be compiled */
};

/* Opens the bytecode of a package, which is in @store, or orders it. Whatever is wrong with it, an
 * environment works without. */
static int find_bytecode(struct packages *packages, const struct store *store,
			 struct package *package)
{
	struct bytecode_order *order = &packages->order;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_close_ int fd = store_open_bytecode(store, package->layer, order->tag, &error);
	struct stat st;
	int r = fd < 0 ? fd : layer_image_open(fd, package->name, &package->bytecode, &error);

	/* One that its maker did not come to seal is ordered too. */
	if (r == 0 && (fstat(fd, &st) < 0 || !(st.st_mode & S_IWUSR)))
		return 0;
	if (r < 0 && error.message)
		log_warning("the bytecode of %s is not used: %s", package->name, error.message);
	return r < 0 && error.message ? 0 : bytecode_order_add(order, store, package->layer);
}

static int set_place(struct package *package, const char *store, const char *layer)
{
	package->store = strdup(store);
	memcpy(package->layer, layer, STORE_DIGEST_SIZE);
	return package->store ? 0 : -ENOMEM;
}

/* The descriptor that @layer has is taken over, also on failure. */
static int open_package(struct lock_layer *layer, const struct lock_package *locked,
			struct package *out, struct error *error)
{
	out->directory = TAKE_FD(layer->directory);
	/* Who holds it otherwise is removing it, and leaves no image. On file systems without locks
	 * nobody removes either, or at their own risk. */
	while (flock(out->directory, LOCK_SH) < 0 && errno == EINTR)
		;
	out->name = strdup(locked->name);
	out->version = strdup(locked->version);
	if (!out->name || !out->version || set_place(out, layer->store->path, locked->layer) < 0)
		return -ENOMEM;
	return layer_image_open(out->directory, locked->file, &out->image, error);
}

/* A new package at the end, for which there is room. */
static struct package *add(struct packages *packages)
{
	struct package *package = &packages->items[packages->count++];

	package->directory = -1;
	return package;
}

static int open_locked(const struct spec *spec, struct lock_result *locked,
		       struct packages *packages, struct error_list *errors)
{
	const struct lockfile *lock = locked->lock;
	_cleanup_error_ struct error error = ERROR_INIT;
	int result = 0;

	for (size_t i = 0; i < lock->count; i++) {
		struct package *package = add(packages);
		int r = open_package(&locked->layers[i], &lock->packages[i], package, &error);

		package->pip = spec->pip && strcmp(lock->packages[i].name, PIP) == 0;
		if (r == 0 && spec->bytecode != SPEC_BYTECODE_NO)
			r = find_bytecode(packages, locked->layers[i].store, package);
		if (error_list_take(errors, &error, r) < 0)
			result = r;
	}
	return result;
}

/* The bytecode of a package whose store is not open. */
static int search_bytecode(struct packages *packages, struct package *package)
{
	_cleanup_store_ struct store *store = NULL;

	if (store_open(package->store, STORE_READ, &store, NULL) < 0)
		return 0;
	return find_bytecode(packages, store, package);
}

static int take_pip(struct pip_layer *layer, struct package *package, struct error *error)
{
	package->pip = package->own_pip = true;
	package->name = strdup(PIP);
	package->directory = TAKE_FD(layer->directory);
	if (!package->name || set_place(package, layer->store, layer->digest) < 0)
		return -ENOMEM;
	return layer_image_open(package->directory, layer->file, &package->image, error);
}

/* The interpreter's own pip, unless the requirements have brought one. */
static int open_pip(const struct spec *spec, const struct interpreter *interpreter,
		    struct packages *packages, struct error_list *errors)
{
	_cleanup_pip_layer_ struct pip_layer layer = {.directory = -1};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct package *package;
	int r;

	for (size_t i = 0; i < packages->count; i++)
		if (packages->items[i].pip)
			return 0;
	if (!spec->pip)
		return 0;
	package = add(packages);
	r = pip_layer_open(spec, interpreter, &layer, &error);
	if (r == 0)
		r = take_pip(&layer, package, &error);
	if (r == 0 && spec->bytecode != SPEC_BYTECODE_NO)
		r = search_bytecode(packages, package);
	return error_list_take(errors, &error, r);
}

/* Has compiled what is missing, before anybody sees it. */
static int wait_for_bytecode(struct packages *packages)
{
	int r = 0;

	if (packages->order.count == 0)
		return 0;
	bytecode_order_run(&packages->order, true);
	for (size_t i = 0; r == 0 && i < packages->count; i++)
		if (!packages->items[i].bytecode)
			r = search_bytecode(packages, &packages->items[i]);
	/* What failed now is not tried again after mounting. */
	bytecode_order_empty(&packages->order);
	return r;
}

/* @locked has no lock where there are no requirements. */
static int open_all(const struct spec *spec, const struct interpreter *interpreter,
		    struct lock_result *locked, struct packages *packages,
		    struct error_list *errors)
{
	int r = 0;

	packages->items =
		calloc((locked->lock ? locked->lock->count : 0) + 1, sizeof(*packages->items));
	if (!packages->items)
		return -ENOMEM;
	if (locked->lock)
		r = open_locked(spec, locked, packages, errors);
	if (r == 0)
		r = open_pip(spec, interpreter, packages, errors);
	if (r == 0 && spec->bytecode == SPEC_BYTECODE_WAIT)
		r = wait_for_bytecode(packages);
	return r;
}

int packages_open(const struct spec *spec, const struct interpreter *interpreter,
		  struct packages **out, struct error_list *errors)
{
	_cleanup_lock_result_ struct lock_result locked = {0};
	struct packages *packages;
	int r = 0;

	*out = NULL;
	if (!spec->requirements && !spec->pip)
		return 0;
	if (spec->requirements)
		r = lock_ensure(spec, interpreter, LOCK_USE, &locked, errors);
	if (r < 0)
		return r;
	packages = calloc(1, sizeof(*packages));
	r = packages ? bytecode_order_init(interpreter, &packages->order) : -ENOMEM;
	if (r == 0)
		r = open_all(spec, interpreter, &locked, packages, errors);
	if (r < 0) {
		packages_free(packages);
		return r;
	}
	*out = packages;
	return 0;
}

int packages_check(const struct spec *spec, const struct interpreter *interpreter,
		   struct string_list *unseen, struct error_list *errors)
{
	_cleanup_lock_result_ struct lock_result locked = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int result;

	if (!spec->requirements)
		return 0;
	result = lock_check(spec, interpreter, &locked, unseen, errors);
	for (size_t i = 0; locked.lock && i < locked.lock->count; i++) {
		struct layer_image *image = NULL;
		int r = layer_image_open(locked.layers[i].directory, locked.lock->packages[i].file,
					 &image, &error);

		layer_image_drop(image);
		if (error_list_take(errors, &error, r) < 0)
			result = r;
	}
	return result;
}

bool packages_lack_bytecode(const struct packages *packages)
{
	return packages && packages->order.count > 0;
}

void packages_compile(const struct packages *packages)
{
	bytecode_order_run(&packages->order, false);
}

void packages_free(struct packages *packages)
{
	if (!packages)
		return;
	for (size_t i = 0; i < packages->count; i++) {
		layer_image_drop(packages->items[i].image);
		layer_image_drop(packages->items[i].bytecode);
		cleanup_close(&packages->items[i].directory);
		free(packages->items[i].store);
		free(packages->items[i].version);
		free(packages->items[i].name);
	}
	free(packages->items);
	bytecode_order_clear(&packages->order);
	free(packages);
}

static void compile(void *packages)
{
	packages_compile(packages);
}

int environment_compile_locked(const struct spec *spec, const struct interpreter *interpreter,
			       struct error_list *errors)
{
	struct background compiling;
	struct packages *packages;
	int r;

	if (spec->bytecode == SPEC_BYTECODE_NO)
		return 0;
	r = packages_open(spec, interpreter, &packages, errors);
	if (r < 0)
		return r;
	if (packages_lack_bytecode(packages)) {
		r = background_prepare(compile, packages, &compiling);
		if (r < 0)
			log_warning("layers are not compiled: %s", strerror(-r));
		background_start(&compiling);
	}
	packages_free(packages);
	return 0;
}

/* A name with a slip in it would have no effect, and nobody would know. */
static void warn_of_unknown(const struct spec *spec, const struct packages *packages)
{
	for (size_t i = 0; i < spec->unlinked.count; i++) {
		bool found = false;

		for (size_t k = 0; k < packages_count(packages); k++)
			found = found ||
				strcmp(spec->unlinked.items[i], packages->items[k].name) == 0;
		if (!found)
			log_warning("%s: no package is called %s, as 'unlinked' has it", spec->path,
				    spec->unlinked.items[i]);
	}
}

/* Where a package's layer is, or with a tag the bytecode that was made of it. Freed by the caller;
 * NULL for want of memory. */
static char *layer_path(const struct package *package, const char *tag)
{
	char *path;
	int n = tag ? asprintf(&path, "%s/bytecode/%s/%s", package->store, package->layer, tag)
		    : asprintf(&path, "%s/layers/%s", package->store, package->layer);

	return n < 0 ? NULL : path;
}

static int share_package(const struct packages *packages, const struct package *package,
			 unsigned what)
{
	_cleanup_free_ char *layer = layer_path(package, NULL);
	_cleanup_free_ char *bytecode = layer_path(package, packages->order.tag);
	int r;

	if (!layer || !bytecode)
		return -ENOMEM;
	r = layer_image_set_links(package->image, layer, what);
	if (r == 0 && package->bytecode)
		r = layer_image_set_links(package->bytecode, bytecode, what);
	return r;
}

/* As share_may_link(), for all that the package has. */
static int may_link(const struct packages *packages, const struct package *package, bool others,
		    struct share *share)
{
	_cleanup_free_ char *layer = layer_path(package, NULL);
	_cleanup_free_ char *bytecode = layer_path(package, packages->order.tag);
	_cleanup_close_ int directory = -1;
	int r;

	if (!layer || !bytecode)
		return -ENOMEM;
	r = share_may_link(share, layer, package->directory, others);
	if (r <= 0 || !package->bytecode)
		return r;
	directory = open(bytecode, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return share_give_up(share, "%s: %s", bytecode, strerror(errno));
	return share_may_link(share, bytecode, directory, others);
}

/* Finds those that are to be shown without links. */
static int check_links(struct packages *packages, bool others, struct share *share)
{
	size_t apart = 0;

	for (size_t i = 0; i < packages_count(packages); i++) {
		int r = may_link(packages, &packages->items[i], others, share);

		if (r < 0)
			return r;
		packages->items[i].apart = r == 0;
		apart += r == 0;
	}
	return share_leave_out(share, apart, packages_count(packages));
}

int packages_share(struct packages *packages, const struct spec *spec, bool others,
		   struct share *share)
{
	unsigned what = 0;
	int r;

	warn_of_unknown(spec, packages);
	r = check_links(packages, others, share);
	if (share->used == SHARE_LINK)
		what = IMAGE_LINK_BYTECODE | IMAGE_LINK_LIBRARIES;
	else if (share->used == SHARE_BYTECODE)
		what = IMAGE_LINK_BYTECODE;
	for (size_t i = 0; r == 0 && i < packages_count(packages); i++) {
		const struct package *package = &packages->items[i];
		bool apart = package->apart || string_list_has(&spec->unlinked, package->name);

		r = share_package(packages, package, apart ? 0 : what);
	}
	return r;
}

int packages_open_image(const struct packages *packages)
{
	int fd;

	if (packages_count(packages) == 0)
		return -ENOENT;
	fd = openat(packages->items[0].directory, "image", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

size_t packages_count(const struct packages *packages)
{
	return packages ? packages->count : 0;
}

const char *packages_name(const struct packages *packages, size_t index)
{
	return packages->items[index].name;
}

const char *packages_version(const struct packages *packages, size_t index)
{
	return packages->items[index].version;
}

/* Where the parts of a package show. */
struct places {
	char *site_packages, *headers;
};

static void places_clear(struct places *places)
{
	free(places->site_packages);
	free(places->headers);
}

static int find_places(const struct interpreter *interpreter, const struct package *package,
		       struct places *out)
{
	out->site_packages = interpreter_site_packages(interpreter);
	if (asprintf(&out->headers, "include/site/python%d.%d%s/%s", interpreter->major,
		     interpreter->minor, interpreter->free_threaded ? "t" : "", package->name) < 0)
		out->headers = NULL;
	return out->site_packages && out->headers ? 0 : -ENOMEM;
}

/* Attaches one part, if the package has it. @head, unless NULL, goes before each of its files. */
static int attach(const struct package *package, const char *part, const char *place,
		  const char *head, struct layer **layers, unsigned *count)
{
	int r = layer_image_attach(package->image, part, place, &layers[*count]);

	if (r == 0 && head)
		r = layer_scripts_new(layers[*count], head, &layers[*count]);
	if (r == 0)
		(*count)++;
	return r == -ENOENT ? 0 : r;
}

/* The modules, with their bytecode if there is any. -ENOENT: there are none. */
static int open_site(const struct package *package, const char *place, struct layer **out)
{
	struct layer *source, *bytecode;
	int r = layer_image_attach(package->image, WHEEL_PART_SITE, place, &source);

	if (r < 0)
		return r;
	*out = source;
	if (!package->bytecode)
		return 0;
	r = layer_image_attach(package->bytecode, WHEEL_PART_SITE, place, &bytecode);
	if (r == -ENOENT)
		return 0; /* there was nothing to compile */
	if (r < 0) {
		layer_free(source);
		return r;
	}
	return layer_compiled_new(source, bytecode, out);
}

/* The part in site-packages; above that of pip, what it says of itself. */
static int attach_site(const struct package *package, const struct interpreter *interpreter,
		       const char *place, struct layer **layers, unsigned *count)
{
	struct layer *site;
	int r = open_site(package, place, &site);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (package->pip) {
		r = package_pip_attach(site, interpreter, package->own_pip, &layers[*count]);
		if (r < 0) {
			layer_free(site);
			return r;
		}
		(*count)++;
	}
	layers[(*count)++] = site;
	return 0;
}

static int attach_package(const struct package *package, const struct interpreter *interpreter,
			  const char *head, struct layer **layers, unsigned *count)
{
	__attribute__((cleanup(places_clear))) struct places places = {0};
	int r = find_places(interpreter, package, &places);

	if (r == 0)
		r = attach_site(package, interpreter, places.site_packages, layers, count);
	if (r == 0 && !package->pip)
		r = attach(package, WHEEL_PART_SCRIPTS, "bin", head, layers, count);
	if (r == 0)
		r = attach(package, WHEEL_PART_BIN, "bin", NULL, layers, count);
	if (r == 0)
		r = attach(package, WHEEL_PART_DATA, "", NULL, layers, count);
	if (r == 0)
		r = attach(package, WHEEL_PART_HEADERS, places.headers, NULL, layers, count);
	return r;
}

int packages_attach(const struct packages *packages, const struct interpreter *interpreter,
		    const char *head, struct layer **layers, unsigned *count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < packages_count(packages); i++)
		r = attach_package(&packages->items[i], interpreter, head, layers, count);
	return r;
}
