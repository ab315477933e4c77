#include "packages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "venvfs/cleanup.h"
#include "venvfs/layer_image.h"
#include "venvfs/lock.h"
#include "venvfs/wheel_layer.h"

struct package {
	char *name;
	int directory; /* of the layer; locked shared, so that it is not removed */
	struct layer_image *image;
};

struct packages {
	struct package *items;
	size_t count;
};

static int open_package(const struct lock_stores *stores, const struct lock_package *locked,
			struct package *out, struct error *error)
{
	out->directory = lock_stores_open_layer(stores, locked->layer, error);
	if (out->directory < 0)
		return out->directory;
	/* Who holds it otherwise is removing it, and leaves no image. On file systems without locks
	 * nobody removes either, or at their own risk. */
	while (flock(out->directory, LOCK_SH) < 0 && errno == EINTR)
		;
	out->name = strdup(locked->name);
	if (!out->name)
		return -ENOMEM;
	return layer_image_open(out->directory, locked->file, &out->image, error);
}

static int open_all(const struct spec *spec, const struct lockfile *lock, struct packages *packages,
		    struct error_list *errors)
{
	_cleanup_lock_stores_ struct lock_stores stores = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int result = lock_stores_open(spec, &stores, &error);

	if (error_list_take(errors, &error, result) < 0)
		return result;
	packages->items = calloc(lock->count + 1, sizeof(*packages->items));
	if (!packages->items)
		return -ENOMEM;
	for (size_t i = 0; i < lock->count; i++) {
		struct package *package = &packages->items[packages->count++];
		int r;

		package->directory = -1;
		r = open_package(&stores, &lock->packages[i], package, &error);
		if (error_list_take(errors, &error, r) < 0)
			result = r;
	}
	return result;
}

int packages_open(const struct spec *spec, const struct interpreter *interpreter,
		  struct packages **out, struct error_list *errors)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	struct packages *packages;
	bool made;
	int r;

	*out = NULL;
	if (!spec->requirements)
		return 0;
	r = lock_ensure(spec, interpreter, false, &lock, &made, errors);
	if (r < 0)
		return r;
	packages = calloc(1, sizeof(*packages));
	r = packages ? open_all(spec, lock, packages, errors) : -ENOMEM;
	if (r < 0) {
		packages_free(packages);
		return r;
	}
	*out = packages;
	return 0;
}

void packages_free(struct packages *packages)
{
	if (!packages)
		return;
	for (size_t i = 0; i < packages->count; i++) {
		layer_image_drop(packages->items[i].image);
		cleanup_close(&packages->items[i].directory);
		free(packages->items[i].name);
	}
	free(packages->items);
	free(packages);
}

size_t packages_count(const struct packages *packages)
{
	return packages ? packages->count : 0;
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

static int attach_package(const struct package *package, const struct interpreter *interpreter,
			  const char *head, struct layer **layers, unsigned *count)
{
	__attribute__((cleanup(places_clear))) struct places places = {0};
	int r = find_places(interpreter, package, &places);

	if (r == 0)
		r = attach(package, WHEEL_PART_SITE, places.site_packages, NULL, layers, count);
	if (r == 0)
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
