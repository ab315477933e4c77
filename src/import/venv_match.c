#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venv.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/layer_image.h"
#include "venvfs/path.h"
#include "venvfs/wheel_layer.h"
#include "venvfs/wheel_tags.h"

struct search {
	const struct store *store;
	const struct venv_dist *dist;
	struct wheel_name name; /* of the dist's wheel */
	struct lock_package *out;
	bool found;
};

/* The RECORD of a layer. */
static int read_record(const struct store *store, const char *layer, const char *directory,
		       struct record *out)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_close_ int fd = store_open_layer(store, layer, NULL);
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_free_ char *path = NULL;
	struct layer *site = NULL;
	int r = fd < 0 ? fd : layer_image_open(fd, layer, &image, NULL);

	if (r == 0)
		r = path_join(directory, "RECORD", &path);
	if (r == 0)
		r = layer_image_attach(image, WHEEL_PART_SITE, "", &site);
	if (r == 0)
		r = layer_read_file(site, path, &text, NULL);
	layer_free(site);
	if (r == 0)
		r = record_parse(text.data ? text.data : "", text.length, out, NULL);
	return r;
}

/* Whether an installer writes the file, so that it differs from one to the next. */
static bool is_installers(const char *path, const char *directory)
{
	const char *suffix = strrchr(path, '.');

	if (suffix && strcmp(suffix, ".pyc") == 0)
		return true;
	/* virtualenv lists directories of bytecode too, and a mark of its own. */
	if ((suffix && strcmp(suffix, ".virtualenv") == 0) ||
	    strcmp(path_basename(path), "__pycache__") == 0)
		return true;
	/* Scripts name the environment in their first lines. */
	if (strncmp(path, "../../../bin/", 13) == 0 ||
	    strncmp(path, "../../../include/site/", 22) == 0)
		return true;
	return venv_is_installers(directory, path);
}

/* Whether each file of @a is in @b, with the same hash. */
static bool is_within(const struct record *a, const struct record *b, const char *directory)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct record_row *row = &a->rows[i], *other;

		if (is_installers(row->path, directory))
			continue;
		other = record_find(b, row->path);
		if (!other || !row->hash || !other->hash || strcmp(row->hash, other->hash) != 0)
			return false;
	}
	return true;
}

static bool same_name(const struct wheel_name *a, const struct wheel_name *b)
{
	return strcmp(a->normalised, b->normalised) == 0 &&
	       version_compare(&a->version, &b->version) == 0 &&
	       strcmp(a->python, b->python) == 0 && strcmp(a->abi, b->abi) == 0;
}

/* Says what was found. */
static int take(struct search *search, const struct store_wheel *wheel)
{
	*search->out = (struct lock_package){
		.name = strdup(search->dist->normalised),
		.file = strdup(wheel->file),
		.sha256 = strdup(wheel->wheel),
		.layer = strdup(wheel->layer),
	};
	if (strchr(wheel->file, '-')) {
		const char *at = strchr(wheel->file, '-') + 1;

		search->out->version = strndup(at, strcspn(at, "-"));
	}
	search->found = true;
	return 1;
}

static int match(void *arg, const struct store_wheel *wheel)
{
	struct search *search = arg;
	_cleanup_wheel_name_ struct wheel_name name = {0};
	_cleanup_record_ struct record record = {0};
	const char *directory = search->dist->directory;

	if (wheel_name_parse(wheel->file, &name, NULL) < 0 || !same_name(&name, &search->name))
		return 0;
	if (read_record(search->store, wheel->layer, directory, &record) < 0 ||
	    !is_within(&search->dist->record, &record, directory) ||
	    !is_within(&record, &search->dist->record, directory))
		return 0;
	return take(search, wheel);
}

int venv_match_layer(const struct lock_stores *stores, const struct venv_dist *dist,
		     struct lock_package *out)
{
	struct search search = {.dist = dist, .out = out};
	int r = wheel_name_parse(dist->file, &search.name, NULL);

	for (size_t i = 0; r == 0 && i < sizeof(stores->items) / sizeof(stores->items[0]); i++) {
		search.store = stores->items[i];
		if (search.store)
			r = store_each_wheel(search.store, match, &search);
	}
	wheel_name_clear(&search.name);
	if (search.found &&
	    (!out->name || !out->version || !out->file || !out->sha256 || !out->layer))
		return -ENOMEM;
	return r < 0 ? r : search.found;
}
