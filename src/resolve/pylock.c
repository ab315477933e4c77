#include "pylock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/project_name.h"
#include "venvfs/python_ask.h"
#include "wheel/file_url.h"
#include "wheel/text.h"

struct reader {
	const char *path;
	const struct target *target;
	struct marker_environment markers;
	struct exacts *out;
	struct error_list *errors;
	const char *package; /* that is being read, or NULL */
	bool wrong;
};

/* A wheel of a package. */
struct wheel_entry {
	const json_t *table;
	struct wheel_name name;
	char *file;
	int rank;
};

static void entry_clear(struct wheel_entry *entry)
{
	wheel_name_clear(&entry->name);
	free(entry->file);
	*entry = (struct wheel_entry){0};
}

bool pylock_is_name(const char *name)
{
	size_t length = strlen(name);

	if (strcmp(name, "pylock.toml") == 0)
		return true;
	return text_starts_with(name, length, "pylock.") && text_ends_with(name, length, ".toml") &&
	       length > strlen("pylock..toml") &&
	       strcspn(name + strlen("pylock."), ".") == length - strlen("pylock..toml");
}

__attribute__((format(printf, 2, 3))) static int complain(struct reader *reader, const char *format,
							  ...)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	error_set(&error, -EINVAL, "%s%s%s", reader->package ? reader->package : "",
		  reader->package ? ": " : "", text);
	error_at(&error, reader->path, 0);
	reader->wrong = true;
	return error_list_take(reader->errors, &error, 0);
}

/* Whether a marker holds; one that is wrong was complained of, and does not. */
static int evaluate(struct reader *reader, const json_t *marker, bool *out)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	*out = false;
	if (!json_is_string(marker))
		return complain(reader, "a marker is no text");
	r = marker_evaluate(json_string_value(marker), &reader->markers, out, &error);
	return r == -EINVAL ? complain(reader, "%s", error.message) : r;
}

/* Whether Python is one that "requires-python" of @table takes. */
static int check_python(struct reader *reader, const json_t *table)
{
	const json_t *wanted = json_object_get(table, "requires-python");
	_cleanup_specifier_set_ struct specifier_set set = {0};
	const char *text = json_string_value(wanted);
	int r;

	if (!wanted)
		return 0;
	r = text ? specifier_set_parse(text, strlen(text), &set, NULL) : -EINVAL;
	if (r == -EINVAL)
		return complain(reader, "'requires-python' is no version specifier");
	if (r == 0 && !specifier_set_contains(&set, &reader->target->python))
		return complain(reader, "it is for Python %s, and this is %s", text,
				reader->target->python.text);
	return r;
}

static int check_environments(struct reader *reader, const json_t *root)
{
	const json_t *environments = json_object_get(root, "environments"), *marker;
	bool holds = false;
	size_t i;
	int r = 0;

	if (!environments)
		return 0;
	if (!json_is_array(environments))
		return complain(reader, "'environments' is no array");
	json_array_foreach(environments, i, marker)
	{
		bool one = false;

		if (r == 0)
			r = evaluate(reader, marker, &one);
		holds = holds || one;
	}
	if (r == 0 && !holds)
		return complain(reader, "it is for none of the environments that this Python "
					"makes");
	return r;
}

static int check_head(struct reader *reader, const json_t *root)
{
	const char *version = json_string_value(json_object_get(root, "lock-version"));
	int r;

	if (!version)
		return complain(reader, "it has no 'lock-version'");
	/* What a later minor version adds may be passed over. */
	if (strncmp(version, "1.", 2) != 0 || version[2 + strspn(version + 2, "0123456789")])
		return complain(reader, "its lock-version is %s, and this venvfs reads 1.0",
				QUOTE(version));
	r = check_python(reader, root);
	return r < 0 ? r : check_environments(reader, root);
}

/* The groups that are installed without being asked for, as a marker has them: with commas. */
static int read_groups(struct reader *reader, const json_t *root, struct buffer *out)
{
	const json_t *groups = json_object_get(root, "default-groups"), *group;
	size_t i;

	if (groups && !json_is_array(groups))
		return complain(reader, "'default-groups' is no array");
	json_array_foreach(groups, i, group)
	{
		if (!json_is_string(group))
			return complain(reader, "'default-groups' holds what is no name");
		buffer_printf(out, "%s%s", i > 0 ? "," : "", json_string_value(group));
	}
	return buffer_status(out);
}

/* Wheels. */

/* The file name of a wheel's table: its own, or the last part of path or URL. To be freed. */
static char *file_of(const json_t *table)
{
	static const char *const keys[] = {"name", "path", "url"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = json_string_value(json_object_get(table, keys[i]));
		_cleanup_buffer_ struct buffer name = {0};

		if (!text)
			continue;
		text = strndupa(text, i == 2 ? strcspn(text, "?#") : strlen(text));
		text = path_basename(text);
		for (; *text; text++) {
			int high = i == 2 && *text == '%' ? ascii_hex_value(text[1]) : -1;
			int low = high >= 0 ? ascii_hex_value(text[2]) : -1;

			buffer_putc(&name, low >= 0 ? (char)(high << 4 | low) : *text);
			text += low >= 0 ? 2 : 0;
		}
		return buffer_take(&name);
	}
	return strdup("");
}

static int by_preference(const struct wheel_entry *a, const struct wheel_entry *b)
{
	if (a->rank != b->rank)
		return a->rank - b->rank;
	return wheel_name_compare_builds(&b->name, &a->name);
}

/* 0: the wheel is in @out. 1: it is wrong, which was said. */
static int read_wheel(struct reader *reader, const json_t *table, const char *normalised,
		      struct wheel_entry *out)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	*out = (struct wheel_entry){.table = table, .file = file_of(table)};
	if (!out->file)
		return -ENOMEM;
	r = wheel_name_parse(out->file, &out->name, &error);
	if (r == 0 && strcmp(out->name.normalised, normalised) != 0)
		r = error_set(&error, -EINVAL, "'%s' is a wheel of '%s'", QUOTE(out->file),
			      out->name.normalised);
	if (r < 0)
		entry_clear(out);
	if (r == -EINVAL) {
		r = complain(reader, "%s", error.message);
		return r < 0 ? r : 1;
	}
	if (r == 0)
		out->rank = wheel_tags_rank(reader->target->tags, &out->name);
	return r;
}

/* The best of the wheels. 1: there is none, which was said. */
static int choose_wheel(struct reader *reader, const json_t *wheels, const char *normalised,
			struct wheel_entry *best)
{
	_cleanup_buffer_ struct buffer files = {0};
	const json_t *table;
	size_t i;
	int r;

	best->rank = -1;
	json_array_foreach(wheels, i, table)
	{
		struct wheel_entry entry;

		r = read_wheel(reader, table, normalised, &entry);
		if (r != 0)
			return r;
		buffer_printf(&files, "%s%s", i > 0 ? ", " : "", entry.file);
		if (entry.rank >= 0 && (best->rank < 0 || by_preference(&entry, best) < 0)) {
			entry_clear(best);
			*best = entry;
		} else {
			entry_clear(&entry);
		}
	}
	if (best->rank >= 0)
		return 0;
	r = buffer_status(&files);
	if (r == 0)
		r = complain(reader, "no wheel has a tag for this Python: there is %s", files.data);
	return r < 0 ? r : 1;
}

/* "sha256:HEX" for each digest that is known here. 1: there is none, which was said. */
static int read_hashes(struct reader *reader, const struct wheel_entry *entry,
		       struct string_list *out)
{
	static const struct {
		const char *name;
		size_t digits;
	} algorithms[] = {{"sha256", 64}, {"sha384", 96}, {"sha512", 128}};
	const json_t *hashes = json_object_get(entry->table, "hashes");
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		const char *hex = json_string_value(json_object_get(hashes, algorithms[i].name));
		_cleanup_buffer_ struct buffer hash = {0};

		if (!hex)
			continue;
		buffer_printf(&hash, "%s:", algorithms[i].name);
		for (const char *p = hex; *p; p++) {
			if (ascii_hex_value(*p) < 0)
				break;
			buffer_putc(&hash, ascii_to_lower(*p));
		}
		if (strlen(hex) != algorithms[i].digits ||
		    hash.length != strlen(algorithms[i].name) + 1 + algorithms[i].digits) {
			r = complain(reader, "the %s of %s is none", algorithms[i].name,
				     entry->file);
			return r < 0 ? r : 1;
		}
		r = buffer_status(&hash);
		if (r == 0)
			r = string_list_add(out, hash.data, hash.length);
	}
	if (r < 0 || out->count > 0)
		return r;
	r = complain(reader, "%s has none of the hashes sha256, sha384 and sha512", entry->file);
	return r < 0 ? r : 1;
}

/* Where the wheel should be: a path that counts from the file, or a file: URL; NULL: elsewhere. */
static int find_path(const struct reader *reader, const json_t *table, char **out)
{
	const char *path = json_string_value(json_object_get(table, "path"));
	const char *url = json_string_value(json_object_get(table, "url"));
	_cleanup_free_ char *directory =
		strndup(reader->path, (size_t)(path_basename(reader->path) - reader->path));

	*out = NULL;
	if (!directory)
		return -ENOMEM;
	if (path)
		return path_absolute(path, directory, out);
	return url && file_url_is(url) ? file_url_to_path(url, out, NULL) : 0;
}

/* The size is a hint by which a file that was replaced is seen early. */
static int check_size(struct reader *reader, const struct wheel_entry *entry, const char *path)
{
	const json_t *size = json_object_get(entry->table, "size");
	struct stat st;

	if (size && (!json_is_integer(size) || json_integer_value(size) < 0))
		return complain(reader, "the size of %s is no number of bytes", entry->file);
	if (!path || !size || stat(path, &st) < 0 || st.st_size == json_integer_value(size))
		return 0;
	return complain(reader, "%s has %lld bytes, and not %lld", path, (long long)st.st_size,
			(long long)json_integer_value(size));
}

/* Packages. */

static int add_wheel(struct reader *reader, const char *normalised, const char *version,
		     const struct wheel_entry *entry)
{
	_cleanup_string_list_ struct string_list hashes = {0};
	_cleanup_free_ char *path = NULL, *written = NULL;
	int r = read_hashes(reader, entry, &hashes);

	if (r != 0)
		return r < 0 ? r : 0;
	if (find_path(reader, entry->table, &path) == -ENOMEM)
		return -ENOMEM;
	r = check_size(reader, entry, path);
	for (size_t i = 0; r == 0 && i < reader->out->count; i++)
		if (strcmp(reader->out->items[i].name, normalised) == 0)
			return complain(reader, "two entries of it are for this Python");
	/* As the file name has it, where the package does not say: between the first two hyphens.
	 */
	if (!version) {
		const char *at = strchr(entry->file, '-') + 1;

		version = written = strndup(at, strcspn(at, "-"));
		if (!version)
			return -ENOMEM;
	}
	return r < 0 ? r : exacts_add(reader->out, normalised, version, entry->file, path, &hashes);
}

/* What there is instead of wheels, for a message. */
static const char *other_source(const json_t *package)
{
	static const char *const keys[] = {"vcs", "directory", "archive", "sdist"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(package, keys[i]))
			return keys[i];
	return NULL;
}

static int check_version(struct reader *reader, const char *version,
			 const struct wheel_entry *entry)
{
	_cleanup_version_ struct version parsed = {0};
	int r = version ? version_parse(version, strlen(version), &parsed) : 0;

	if (r == -EINVAL ||
	    (r == 0 && version && version_compare(&parsed, &entry->name.version) != 0))
		return complain(reader, "its version is '%s', and its wheel is %s", QUOTE(version),
				entry->file);
	return r;
}

static int read_wheels(struct reader *reader, const json_t *package, const char *normalised)
{
	const char *version = json_string_value(json_object_get(package, "version"));
	const json_t *wheels = json_object_get(package, "wheels");
	const char *other = other_source(package);
	struct wheel_entry best = {0};
	int r;

	if (!json_is_array(wheels) || json_array_size(wheels) == 0) {
		if (!other)
			return complain(reader, "it has no wheels");
		return complain(reader,
				"it has no wheel, but %s '%s', which would have to be built",
				strchr("ao", other[0]) ? "an" : "a", other);
	}
	r = choose_wheel(reader, wheels, normalised, &best);
	if (r == 0)
		r = check_version(reader, version, &best);
	if (r == 0)
		r = add_wheel(reader, normalised, version, &best);
	entry_clear(&best);
	return r < 0 ? r : 0;
}

static int read_package(struct reader *reader, const json_t *package)
{
	const char *name = json_string_value(json_object_get(package, "name"));
	const json_t *marker = json_object_get(package, "marker");
	_cleanup_free_ char *normalised = NULL;
	bool applies = true;
	int r = 0;

	if (!name || !project_name_is_valid(name, strlen(name)))
		return complain(reader, "a package has no name");
	normalised = project_name_normalise(name, strlen(name));
	if (!normalised)
		return -ENOMEM;
	reader->package = name;
	if (marker)
		r = evaluate(reader, marker, &applies);
	if (r == 0 && applies)
		r = check_python(reader, package);
	if (r == 0 && applies)
		r = read_wheels(reader, package, normalised);
	reader->package = NULL;
	return r;
}

int pylock_select(const json_t *root, const char *path, const struct target *target,
		  struct exacts *out, struct error_list *errors)
{
	struct reader reader = {.path = path,
				.target = target,
				.markers = target->markers,
				.out = out,
				.errors = errors};
	const json_t *packages = json_object_get(root, "packages"), *package;
	_cleanup_buffer_ struct buffer groups = {0};
	size_t i;
	int r = check_head(&reader, root);

	out->source = path;
	if (r == 0 && !reader.wrong)
		r = read_groups(&reader, root, &groups);
	if (r < 0 || reader.wrong)
		return r < 0 ? r : -EINVAL;
	/* Nobody asks for extras: a spec names a file, and not what of it is optional. */
	reader.markers.values[MARKER_EXTRAS] = "";
	reader.markers.values[MARKER_DEPENDENCY_GROUPS] = groups.data ? groups.data : "";
	if (!json_is_array(packages))
		r = complain(&reader, "it has no 'packages'");
	json_array_foreach(packages, i, package)
	{
		if (r == 0)
			r = read_package(&reader, package);
	}
	return r < 0 ? r : reader.wrong ? -EINVAL : 0;
}

static void drop_json(json_t **json)
{
	json_decref(*json);
}

int pylock_load(const char *path, const struct interpreter *interpreter,
		const struct target *target, struct exacts *out, struct error_list *errors)
{
	_cleanup_(drop_json) json_t *root = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = python_read_toml(interpreter, path, &root, &error);

	if (error_list_take(errors, &error, r) < 0)
		return r;
	return pylock_select(root, path, target, out, errors);
}
