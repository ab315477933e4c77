#include "venvfs/layer_details.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/entry_points.h"
#include "venvfs/io.h"
#include "venvfs/layer_image.h"
#include "venvfs/path.h"
#include "venvfs/wheel_layer.h"
#include "venvfs/wheel_metadata.h"

static int note_file(void *arg, const char *path, const struct stat *st, const uint8_t *digest)
{
	struct layer_details *details = arg;
	struct layer_file_details *files;

	if (S_ISDIR(st->st_mode))
		return 0;
	files = reallocarray(details->files, details->file_count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	details->files = files;
	files[details->file_count] = (struct layer_file_details){
		.path = strdup(path),
		.size = (uint64_t)st->st_size,
		.external = digest != NULL,
	};
	if (!files[details->file_count].path)
		return -ENOMEM;
	details->file_count++;
	details->size += (uint64_t)st->st_size;
	return 0;
}

/* The part of a layer that goes to site-packages, and dist-info in it. */
struct info {
	struct layer *site;
	char *directory;
};

static void info_clear(struct info *info)
{
	if (info->site)
		layer_free(info->site);
	free(info->directory);
}

/* The file @name of dist-info. -ENOENT: there is none. */
static int read_info(const struct info *info, const char *name, struct buffer *out)
{
	_cleanup_free_ char *path = NULL;
	int r = path_join(info->directory, name, &path);

	return r < 0 ? r : layer_read_file(info->site, path, out, NULL);
}

/* The one value of a field, or NULL. */
static int take_value(const struct buffer *text, const char *name, char **out)
{
	_cleanup_string_list_ struct string_list values = {0};
	int r = wheel_field_values(text->data, text->length, name, &values);

	if (r < 0 || values.count == 0)
		return r;
	*out = TAKE_PTR(values.items[0]);
	return *out ? 0 : -ENOMEM;
}

static int read_metadata(const struct info *info, struct layer_details *out)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = read_info(info, "METADATA", &text);

	if (r == 0 && text.length > 0) {
		r = take_value(&text, "Name", &out->name);
		if (r == 0)
			r = take_value(&text, "Version", &out->version);
		if (r == 0)
			r = take_value(&text, "Summary", &out->summary);
		if (r == 0)
			r = take_value(&text, "Requires-Python", &out->requires_python);
		if (r == 0)
			r = wheel_field_values(text.data, text.length, "Requires-Dist",
					       &out->requires);
	}
	return r;
}

static int read_tags(const struct info *info, struct layer_details *out)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = read_info(info, "WHEEL", &text);

	return r < 0 || text.length == 0
		       ? r
		       : wheel_field_values(text.data, text.length, "Tag", &out->tags);
}

static int read_scripts(const struct info *info, struct layer_details *out)
{
	_cleanup_entry_points_ struct entry_points points = {0};
	_cleanup_buffer_ struct buffer text = {0}, line = {0};
	int r = read_info(info, "entry_points.txt", &text);

	if (r == 0 && text.length > 0)
		r = entry_points_parse(text.data, text.length, &points, NULL);
	for (size_t i = 0; r == 0 && i < points.count; i++) {
		line.length = 0;
		buffer_printf(&line, "%s = %s:%s", points.items[i].name, points.items[i].module,
			      points.items[i].object);
		r = buffer_status(&line);
		if (r == 0)
			r = string_list_add(&out->scripts, line.data, line.length);
	}
	return r;
}

static int read_infos(struct layer_image *image, struct layer_details *out)
{
	__attribute__((cleanup(info_clear))) struct info info = {0};
	int r = layer_image_attach(image, WHEEL_PART_SITE, "", &info.site);

	if (r == 0)
		r = wheel_layer_dist_info(info.site, &info.directory);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = read_metadata(&info, out);
	if (r == 0 || r == -ENOENT)
		r = read_tags(&info, out);
	if (r == 0 || r == -ENOENT)
		r = read_scripts(&info, out);
	return r == -ENOENT ? 0 : r;
}

static int note_tag(void *arg, int directory, const char *name, mode_t kind)
{
	(void)directory;
	(void)kind;
	return string_list_add(arg, name, strlen(name));
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_bytecode(const struct store *store, const char *digest, struct string_list *out)
{
	int r = store->bytecode < 0 ? 0
				    : io_each_entry(io_open_directory(store->bytecode, digest),
						    note_tag, out);

	if (out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), by_bytes);
	return r == -ENOENT ? 0 : r;
}

int layer_details_read(const struct store *store, const char *digest, struct layer_details *out,
		       struct error *error)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_close_ int directory = store_open_layer(store, digest, error);
	int r;

	*out = (struct layer_details){0};
	if (directory < 0)
		return directory;
	r = layer_image_open(directory, digest, &image, error);
	if (r < 0)
		return r;
	r = layer_image_each(image, note_file, out);
	if (r == 0)
		r = read_infos(image, out);
	if (r == 0)
		r = find_bytecode(store, digest, &out->bytecode);
	if (r == 0)
		r = store_layer_usage(store, digest, &out->disk);
	return r < 0 ? error_set_errno(error, r, "the layer %s cannot be read", digest) : 0;
}

void layer_details_clear(struct layer_details *details)
{
	free(details->name);
	free(details->version);
	free(details->summary);
	free(details->requires_python);
	string_list_clear(&details->requires);
	string_list_clear(&details->tags);
	string_list_clear(&details->scripts);
	string_list_clear(&details->bytecode);
	for (size_t i = 0; i < details->file_count; i++)
		free(details->files[i].path);
	free(details->files);
	*details = (struct layer_details){0};
}
