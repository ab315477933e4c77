#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venv.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/project_name.h"
#include "venvfs/wheel_metadata.h"
#include "venvfs/wheel_tags.h"

#define SUFFIX ".dist-info"

/* It cannot be taken, and why. The first reason counts. */
__attribute__((format(printf, 3, 4))) static int
refuse(struct venv_dist *dist, enum venv_finding_kind kind, const char *format, ...)
{
	va_list args;
	int n;

	if (dist->problem)
		return 0;
	va_start(args, format);
	n = vasprintf(&dist->problem, format, args);
	va_end(args);
	if (n < 0)
		dist->problem = NULL;
	dist->kind = kind;
	return n < 0 ? -ENOMEM : 0;
}

int venv_read_info(const struct venv *venv, const char *directory, const char *name,
		   struct buffer *out)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/%s/%s", venv->site_path, directory, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = venv_open_file(venv, path);
	r = fd < 0 ? fd : io_read_fd(fd, VENV_INFO_MAX, out);
	buffer_append(out, "", 0);
	return r < 0 ? r : buffer_status(out);
}

/* The one value of a field; NULL in *out: there is none. */
static int one_value(const struct buffer *text, const char *name, char **out)
{
	_cleanup_string_list_ struct string_list values = {0};
	int r = wheel_field_values(text->data, text->length, name, &values);

	if (r == 0 && values.count > 0) {
		*out = TAKE_PTR(values.items[0]);
		r = *out ? 0 : -ENOMEM;
	}
	return r;
}

static int read_metadata(const struct venv *venv, struct venv_dist *dist)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = venv_read_info(venv, dist->directory, "METADATA", &text);

	if (r < 0)
		return r == -ENOMEM ? r
				    : refuse(dist, VENV_BROKEN, "METADATA cannot be read: %s",
					     strerror(-r));
	r = one_value(&text, "Name", &dist->name);
	if (r == 0)
		r = one_value(&text, "Version", &dist->version);
	if (r == 0)
		r = wheel_field_values(text.data, text.length, "Requires-Dist", &dist->requires);
	if (r < 0)
		return r;
	if (!dist->name || !dist->version || !project_name_is_valid(dist->name, strlen(dist->name)))
		return refuse(dist, VENV_BROKEN, "METADATA has no name or no version");
	dist->normalised = project_name_normalise(dist->name, strlen(dist->name));
	return dist->normalised ? 0 : -ENOMEM;
}

/* Adds the part @index of a tag to a set written with dots. */
static int add_part(struct buffer *set, const char *tag, unsigned index)
{
	const char *at;
	size_t length;

	for (; index > 0; index--) {
		tag = strchr(tag, '-');
		if (!tag++)
			return -EINVAL;
	}
	length = strcspn(tag, "-");
	at = set->data;
	while (at && *at) {
		size_t own = strcspn(at, ".");

		if (own == length && strncmp(at, tag, length) == 0)
			return 0;
		at += own + (at[own] == '.');
	}
	buffer_printf(set, "%s%.*s", set->length > 0 ? "." : "", (int)length, tag);
	return buffer_status(set);
}

/* The name that its wheel had, from the tags in WHEEL. */
static int name_wheel(struct venv_dist *dist, const struct string_list *tags, const char *build)
{
	struct buffer sets[3] = {{0}, {0}, {0}};
	_cleanup_wheel_name_ struct wheel_name name = {0};
	int r = tags->count > 0 ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < tags->count; i++)
		for (unsigned k = 0; r == 0 && k < 3; k++)
			r = add_part(&sets[k], tags->items[i], k);
	if (r == 0 && asprintf(&dist->file, "%.*s%s%s-%s-%s-%s.whl",
			       (int)(strlen(dist->directory) - strlen(SUFFIX)), dist->directory,
			       build ? "-" : "", build ? build : "", sets[0].data, sets[1].data,
			       sets[2].data) < 0)
		r = -ENOMEM;
	for (unsigned k = 0; k < 3; k++)
		buffer_free(&sets[k]);
	if (r == 0)
		r = wheel_name_parse(dist->file, &name, NULL);
	return r == -EINVAL ? refuse(dist, VENV_BROKEN, "WHEEL has no tags that make sense") : r;
}

static int read_wheel(const struct venv *venv, struct venv_dist *dist)
{
	_cleanup_string_list_ struct string_list tags = {0};
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_free_ char *build = NULL;
	int r = venv_read_info(venv, dist->directory, "WHEEL", &text);

	if (r < 0)
		return r == -ENOMEM ? r : refuse(dist, VENV_NO_RECORD, "it has no WHEEL");
	r = wheel_field_values(text.data, text.length, "Tag", &tags);
	if (r == 0)
		r = one_value(&text, "Build", &build);
	return r < 0 ? r : name_wheel(dist, &tags, build);
}

/* Whether it is a link to a project: PEP 610. */
static int check_editable(const struct venv *venv, struct venv_dist *dist)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = venv_read_info(venv, dist->directory, "direct_url.json", &text);
	const char *at;

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	at = strstr(text.data, "\"editable\"");
	if (!at)
		return 0;
	at += strlen("\"editable\"");
	at += strspn(at, " \t\r\n:");
	return strncmp(at, "true", 4) == 0
		       ? refuse(dist, VENV_EDITABLE, "it is installed as editable")
		       : 0;
}

/* RECORD. */

int venv_row_path(const struct venv *venv, const char *row, char **out)
{
	_cleanup_free_ char *base = NULL, *full = NULL;
	int depth = 0, r;

	if (row[0] == '/')
		return -EXDEV;
	for (const char *p = venv->site_path; p; p = strchr(p + 1, '/'))
		depth++;
	for (const char *p = row; *p && depth >= 0; p += p[0] == '/') {
		size_t length = strcspn(p, "/");

		if (length == 2 && strncmp(p, "..", 2) == 0)
			depth--;
		else if (length > 0 && !(length == 1 && p[0] == '.'))
			depth++;
		p += length;
	}
	if (depth < 0)
		return -EXDEV;
	if (asprintf(&base, "/%s", venv->site_path) < 0) {
		base = NULL;
		return -ENOMEM;
	}
	r = path_absolute(row, base, &full);
	if (r < 0)
		return r;
	*out = strdup(full + 1);
	return *out ? 0 : -ENOMEM;
}

bool venv_is_installers(const char *directory, const char *name)
{
	static const char *const files[] = {"RECORD",        "RECORD.jws",   "RECORD.p7s",
					    "INSTALLER",     "REQUESTED",    "direct_url.json",
					    "uv_cache.json", "uv_build.json"};
	size_t length = strlen(directory);

	if (strncmp(name, directory, length) != 0 || name[length] != '/')
		return false;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(name + length + 1, files[i]) == 0)
			return true;
	return false;
}

/* Whether @name is the script @script, or that with the Python's version behind it as virtualenv
 * makes it: "wheel3", "wheel3.11", "wheel-3.11". */
static bool is_script(const char *name, const char *script)
{
	size_t length = strlen(script);

	if (strncmp(name, script, length) != 0)
		return false;
	name += length;
	if (!*name)
		return true;
	name += *name == '-';
	return *name == '3' && strspn(name, "0123456789.") == strlen(name);
}

static bool is_entry_point(const struct venv_dist *dist, const char *name)
{
	for (size_t i = 0; i < dist->scripts.count; i++)
		if (is_script(name, dist->scripts.items[i].name))
			return true;
	/* pip gives itself scripts of other names than its wheel has. */
	return strcmp(dist->normalised, "pip") == 0 && strncmp(name, "pip", 3) == 0;
}

/* If @path is below @directory, what follows; else NULL. */
static const char *below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/' ? path + length + 1
									    : NULL;
}

/* Where the wheel has what is at @path; NULL in *out: nowhere. */
static int place_in_wheel(const struct venv *venv, const struct venv_dist *dist, const char *path,
			  char **out)
{
	int base = (int)(strlen(dist->directory) - strlen(SUFFIX));
	const char *rest = below(path, venv->site_path);
	const char *suffix = strrchr(path, '.');
	char headers[64];
	int n;

	*out = NULL;
	/* virtualenv lists directories of bytecode too, and a mark of its own. */
	if ((suffix && (strcmp(suffix, ".pyc") == 0 || strcmp(suffix, ".virtualenv") == 0)) ||
	    strcmp(path_basename(path), "__pycache__") == 0)
		return 0;
	if (rest) {
		if (venv_is_installers(dist->directory, rest))
			return 0;
		*out = strdup(rest);
		return *out ? 0 : -ENOMEM;
	}
	snprintf(headers, sizeof(headers), "include/site/python%d.%d%s", venv->interpreter->major,
		 venv->interpreter->minor, venv->interpreter->free_threaded ? "t" : "");
	rest = below(path, "bin");
	if (rest && !strchr(rest, '/')) {
		if (is_entry_point(dist, rest))
			return 0;
		n = asprintf(out, "%.*s.data/scripts/%s", base, dist->directory, rest);
	} else if ((rest = below(path, headers)) != NULL && strchr(rest, '/')) {
		n = asprintf(out, "%.*s.data/headers/%s", base, dist->directory,
			     strchr(rest, '/') + 1);
	} else {
		n = asprintf(out, "%.*s.data/data/%s", base, dist->directory, path);
	}
	if (n < 0)
		*out = NULL;
	return n < 0 ? -ENOMEM : 0;
}

static int add_row(const struct venv *venv, struct venv_dist *dist, const struct record_row *from)
{
	struct venv_row *row = &dist->rows[dist->count];
	int r = venv_row_path(venv, from->path, &row->path);

	if (r == -EXDEV)
		return refuse(dist, VENV_BROKEN, "RECORD names a file outside: %s", from->path);
	if (r < 0)
		return r;
	dist->count++;
	row->hash = from->hash;
	return place_in_wheel(venv, dist, row->path, &row->in_wheel);
}

/* A RECORD that does not even have what every wheel has was cut off, or is of something else. */
static int check_record(struct venv_dist *dist)
{
	static const char *const files[] = {"METADATA", "WHEEL"};

	if (dist->record.count == 0)
		return refuse(dist, VENV_BROKEN, "its RECORD is empty");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_free_ char *path = NULL;
		int r = path_join(dist->directory, files[i], &path);

		if (r < 0)
			return r;
		if (!record_find(&dist->record, path))
			return refuse(dist, VENV_BROKEN, "its RECORD does not list %s", path);
	}
	return 0;
}

static int read_record(const struct venv *venv, struct venv_dist *dist)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = venv_read_info(venv, dist->directory, "RECORD", &text);

	if (r < 0)
		return r == -ENOMEM ? r : refuse(dist, VENV_NO_RECORD, "it has no RECORD");
	r = record_parse(text.data, text.length, &dist->record, &error);
	if (r == -EINVAL)
		return refuse(dist, VENV_BROKEN, "%s", error.message);
	if (r < 0)
		return r;
	dist->rows = calloc(dist->record.count + 1, sizeof(*dist->rows));
	if (!dist->rows)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < dist->record.count; i++)
		r = add_row(venv, dist, &dist->record.rows[i]);
	return r < 0 ? r : check_record(dist);
}

static int read_scripts(const struct venv *venv, struct venv_dist *dist)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = venv_read_info(venv, dist->directory, "entry_points.txt", &text);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = entry_points_parse(text.data, text.length, &dist->scripts, &error);
	return r == -EINVAL ? refuse(dist, VENV_BROKEN, "entry_points.txt: %s", error.message) : r;
}

int venv_dist_read(const struct venv *venv, const char *directory, struct venv_dist *out)
{
	int r;

	*out = (struct venv_dist){.directory = strdup(directory)};
	if (!out->directory)
		return -ENOMEM;
	r = read_metadata(venv, out);
	if (r == 0 && !out->problem)
		r = check_editable(venv, out);
	if (r == 0 && !out->problem)
		r = read_wheel(venv, out);
	if (r == 0 && !out->problem)
		r = read_scripts(venv, out);
	if (r == 0 && !out->problem)
		r = read_record(venv, out);
	return r;
}

/* Comparing. */

/* Reads the file of a row. 1: it is another than RECORD says. */
static int hash_row(int fd, const char *hash)
{
	_cleanup_record_hasher_ struct record_hasher *hasher = NULL;
	char bytes[65536];
	ssize_t n;
	int r = record_hasher_new(hash, &hasher);

	while (r == 0 && (n = read(fd, bytes, sizeof(bytes))) != 0)
		r = n < 0 ? -errno : record_hasher_add(hasher, bytes, (size_t)n);
	if (r == 0)
		r = record_hasher_finish(hasher, NULL);
	return r == -EBADMSG ? 1 : r;
}

int venv_dist_compare(const struct venv *venv, struct venv_dist *dist)
{
	for (size_t i = 0; i < dist->count; i++) {
		struct venv_row *row = &dist->rows[i];
		_cleanup_close_ int fd = -1;
		int r;

		if (!row->in_wheel)
			continue;
		fd = venv_open_file(venv, row->path);
		if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE)
			return fd;
		row->missing = fd < 0;
		dist->missing += row->missing;
		if (row->missing || !row->hash)
			continue;
		r = hash_row(fd, row->hash);
		if (r < 0)
			return r;
		row->changed = r > 0;
		dist->changed += row->changed;
	}
	return 0;
}

void venv_dist_clear(struct venv_dist *dist)
{
	for (size_t i = 0; i < dist->count; i++) {
		free(dist->rows[i].path);
		free(dist->rows[i].in_wheel);
	}
	free(dist->rows);
	record_clear(&dist->record);
	entry_points_clear(&dist->scripts);
	free(dist->directory);
	free(dist->name);
	free(dist->normalised);
	free(dist->version);
	string_list_clear(&dist->requires);
	free(dist->file);
	free(dist->problem);
}
