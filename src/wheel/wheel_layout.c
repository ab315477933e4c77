/* Where the files of a wheel go: site-packages, or as its ".data" directory says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "venvfs/cleanup.h"
#include "text.h"
#include "warnings.h"
#include "wheel_internal.h"

static const char *const scheme_names[WHEEL_SCHEME_COUNT] = {
	[WHEEL_PURELIB] = "purelib", [WHEEL_PLATLIB] = "platlib", [WHEEL_SCRIPTS] = "scripts",
	[WHEEL_DATA] = "data",       [WHEEL_HEADERS] = "headers",
};

const char *wheel_scheme_name(enum wheel_scheme scheme)
{
	return scheme_names[scheme];
}

/* Finds the scheme and the path within it of a file below "NAME-VERSION.data". */
static int place_data(const struct wheel *wheel, struct wheel_file *file, size_t top,
		      struct error *error)
{
	const char *key = file->source + top + 1;
	size_t length = strcspn(key, "/");

	if (!wheel_is_own_base(wheel, file->source, top - strlen(".data")))
		return error_set(error, -EBADMSG, "'%s' is below a '.data' of another project",
				 QUOTE(file->source));
	for (int i = 0; i < WHEEL_SCHEME_COUNT; i++) {
		if (!text_equals(key, length, scheme_names[i]) || key[length] == '\0')
			continue;
		file->scheme = (enum wheel_scheme)i;
		file->path = key + length + 1;
		return 0;
	}
	return error_set(error, -EBADMSG, "'%s' is in no known directory of '.data'",
			 QUOTE(file->source));
}

static int place(const struct wheel *wheel, struct wheel_file *file, struct error *error)
{
	size_t top = strcspn(file->source, "/");

	if (text_ends_with(file->source, top, ".data")) {
		if (file->source[top] == '\0')
			return error_set(error, -EBADMSG, "'%s' is no directory",
					 QUOTE(file->source));
		return place_data(wheel, file, top, error);
	}
	file->scheme = wheel->purelib ? WHEEL_PURELIB : WHEEL_PLATLIB;
	file->path = file->source;
	return 0;
}

static bool is_library(const struct wheel_file *file)
{
	return file->scheme == WHEEL_PURELIB || file->scheme == WHEEL_PLATLIB;
}

/* What is below bin/, or NULL. */
static const char *name_in_bin(const struct wheel_file *file)
{
	if (file->scheme == WHEEL_SCRIPTS)
		return file->path;
	if (file->scheme == WHEEL_DATA && strncmp(file->path, "bin/", 4) == 0)
		return file->path + 4;
	return NULL;
}

/* Whether the first part of @path is @name. */
static bool begins_with(const char *path, const char *name)
{
	return text_equals(path, strcspn(path, "/"), name);
}

/* Whether a file, or the directory that it is in, has the name of an interpreter. */
static bool is_interpreter(const char *name)
{
	char first[ARCHIVE_NAME_MAX + 1];
	size_t length = strcspn(name, "/");

	memcpy(first, name, length);
	first[length] = '\0';
	return entry_points_is_python(first);
}

/* Whether a file would be one of the environment's own, or stand where its directories are. */
static bool is_environments(const char *path)
{
	static const char *const directories[] = {"bin", "include", "lib"};

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (strcmp(path, directories[i]) == 0)
			return true;
	}
	return begins_with(path, "pyvenv.cfg") || begins_with(path, ".venvfs") ||
	       begins_with(path, "lib64");
}

/* Whether a script has the name of one that activates an environment. */
static bool activates(const char *name)
{
	return strcmp(name, "activate") == 0 || strncasecmp(name, "activate.", 9) == 0 ||
	       strcmp(name, "activate_this.py") == 0;
}

/* What belongs to the environment, or to the installer, is nothing that a wheel may bring. */
static int check_place(struct wheel *wheel, const struct wheel_file *file, struct error *error)
{
	const char *name = name_in_bin(file);
	size_t length = strcspn(file->path, "/");

	if (name && is_interpreter(name))
		return error_set(error, -EBADMSG, "'%s' would take the place of the interpreter",
				 QUOTE(file->source));
	if (name && activates(name))
		return add_warning(&wheel->warnings,
				   "'%s' may take the place of a script that activates an "
				   "environment",
				   QUOTE(file->source));
	if (file->scheme == WHEEL_DATA && is_environments(file->path))
		return error_set(error, -EBADMSG,
				 "'%s' would take the place of the environment's own",
				 QUOTE(file->source));
	if (is_library(file) && text_ends_with(file->path, length, ".dist-info") &&
	    !begins_with(file->path, wheel->dist_info))
		return error_set(error, -EBADMSG, "'%s' is in the dist-info of another project",
				 QUOTE(file->source));
	return 0;
}

/* dist-info's files that are the installer's to write. */
static bool is_installers(const struct wheel *wheel, const struct wheel_file *file)
{
	static const char *const names[] = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"};
	const char *name = file->path + strlen(wheel->dist_info) + 1;

	if (!is_library(file) || !begins_with(file->path, wheel->dist_info))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Old wheels bring scripts that setuptools made of their entry points: "NAME", "NAME-script.py",
 * "NAME.exe", "NAME.pya". */
static bool is_wrapper(const struct wheel *wheel, const struct wheel_file *file)
{
	static const char *const suffixes[] = {"", "-script.py", ".exe", ".pya"};

	if (file->scheme != WHEEL_SCRIPTS)
		return false;
	for (size_t i = 0; i < wheel->entry_points.count; i++) {
		const char *name = wheel->entry_points.items[i].name;
		size_t length = strlen(name);

		if (strncmp(file->path, name, length) != 0)
			continue;
		for (size_t k = 0; k < sizeof(suffixes) / sizeof(suffixes[0]); k++) {
			if (strcasecmp(file->path + length, suffixes[k]) == 0)
				return true;
		}
	}
	return false;
}

static int add_files(struct wheel *wheel, struct error *error)
{
	const struct archive *archive = wheel->archive;

	wheel->files = calloc(archive->count + 1, sizeof(*wheel->files));
	if (!wheel->files)
		return -ENOMEM;
	for (size_t i = 0; i < archive->count; i++) {
		const struct archive_entry *entry = archive->sorted[i];
		struct wheel_file *file = &wheel->files[wheel->count];
		const struct record_row *row = record_find(&wheel->record, entry->path);
		int r;

		if (entry->directory)
			continue;
		*file = (struct wheel_file){
			.source = entry->path,
			.hash = row ? row->hash : NULL,
			.mode = archive_entry_is_executable(entry) ? 0755 : 0644,
			.size = entry->size,
			.mtime = archive_entry_mtime(entry),
			.entry = entry,
		};
		r = place(wheel, file, error);
		if (r == 0)
			r = check_place(wheel, file, error);
		if (r < 0)
			return r;
		if (is_installers(wheel, file) || is_wrapper(wheel, file))
			continue;
		wheel->size += file->size;
		wheel->count++;
	}
	return 0;
}

/* A place in the environment, and who wants it. */
struct claim {
	char *place;
	const char *source;
};

struct claims {
	struct claim *items;
	size_t count;
};

static void free_claims(struct claims *claims)
{
	for (size_t i = 0; i < claims->count; i++)
		free(claims->items[i].place);
	free(claims->items);
}

static int compare_claims(const void *a, const void *b)
{
	return archive_compare_paths(((const struct claim *)a)->place,
				     ((const struct claim *)b)->place);
}

static int claim(struct claims *claims, const char *directory, const char *path, const char *source)
{
	size_t length = strlen(directory);
	char *place = malloc(length + strlen(path) + 1);

	if (!place)
		return -ENOMEM;
	strcpy(mempcpy(place, directory, length), path);
	claims->items[claims->count++] = (struct claim){place, source};
	return 0;
}

static int claim_all(const struct wheel *wheel, struct claims *claims)
{
	/* Paths hold no control characters: these two are nobody's else. Purelib and platlib are
	 * one directory. */
	static const char *const directories[WHEEL_SCHEME_COUNT] = {
		[WHEEL_PURELIB] = "\1/", [WHEEL_PLATLIB] = "\1/", [WHEEL_SCRIPTS] = "bin/",
		[WHEEL_DATA] = "",       [WHEEL_HEADERS] = "\2/",
	};
	int r = 0;

	claims->items = calloc(wheel->count + wheel->entry_points.count + 1, sizeof(struct claim));
	if (!claims->items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < wheel->count; i++) {
		const struct wheel_file *file = &wheel->files[i];

		r = claim(claims, directories[file->scheme], file->path, file->source);
	}
	for (size_t i = 0; r == 0 && i < wheel->entry_points.count; i++) {
		const char *name = wheel->entry_points.items[i].name;

		r = claim(claims, directories[WHEEL_SCRIPTS], name, name);
	}
	return r;
}

/* No two files at one place, and none where another needs a directory. */
static int check_claims(const struct wheel *wheel, struct error *error)
{
	_cleanup_(free_claims) struct claims claims = {0};
	int r = claim_all(wheel, &claims);

	if (r < 0)
		return r;
	qsort(claims.items, claims.count, sizeof(*claims.items), compare_claims);
	for (size_t i = 1; i < claims.count; i++) {
		const struct claim *before = &claims.items[i - 1], *after = &claims.items[i];
		size_t length = strlen(before->place);

		if (strncmp(before->place, after->place, length) == 0 &&
		    (after->place[length] == '\0' || after->place[length] == '/'))
			return error_set(error, -EBADMSG,
					 "'%s' and '%s' would be installed to the same place",
					 QUOTE(before->source), QUOTE(after->source));
	}
	return 0;
}

static int warn_of_entry_points(struct wheel *wheel)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < wheel->entry_points.count; i++) {
		const char *name = wheel->entry_points.items[i].name;

		if (activates(name))
			r = add_warning(&wheel->warnings,
					"the entry point '%s' may take the place of a script that "
					"activates an environment",
					name);
	}
	return r;
}

int wheel_lay_out(struct wheel *wheel, struct error *error)
{
	int r = add_files(wheel, error);

	if (r == 0)
		r = check_claims(wheel, error);
	return r < 0 ? r : warn_of_entry_points(wheel);
}
