/* dist-info: what the wheel says of itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/project_name.h"
#include "header_fields.h"
#include "text.h"
#include "warnings.h"
#include "wheel_internal.h"

#define DIST_INFO ".dist-info"

bool wheel_is_own_base(const struct wheel *wheel, const char *base, size_t length)
{
	const char *dash = memrchr(base, '-', length);
	_cleanup_version_ struct version version = {0};
	const struct wheel_name *name = &wheel->name;

	if (!dash ||
	    !project_name_equal(base, (size_t)(dash - base), name->name, strlen(name->name)))
		return false;
	if (version_parse(dash + 1, length - (size_t)(dash + 1 - base), &version) < 0)
		return false;
	return version_compare(&version, &name->version) == 0;
}

/* The one directory at the top that is called so. */
static int find_dist_info(struct wheel *wheel, struct error *error)
{
	const struct archive *archive = wheel->archive;

	for (size_t i = 0; i < archive->count; i++) {
		const struct archive_entry *entry = archive->sorted[i];
		size_t length = strcspn(entry->path, "/");

		if ((entry->path[length] == '\0' && !entry->directory) ||
		    !text_ends_with(entry->path, length, DIST_INFO) ||
		    (wheel->dist_info && text_equals(entry->path, length, wheel->dist_info)))
			continue;
		if (wheel->dist_info)
			return error_set(error, -EBADMSG, "it has two dist-info: '%s' and '%s'",
					 QUOTE(wheel->dist_info), QUOTE_TEXT(entry->path, length));
		if (!wheel_is_own_base(wheel, entry->path, length - strlen(DIST_INFO)))
			return error_set(error, -EBADMSG,
					 "'%s' in it is of another project or version",
					 QUOTE_TEXT(entry->path, length));
		wheel->dist_info = strndup(entry->path, length);
		if (!wheel->dist_info)
			return -ENOMEM;
	}
	return wheel->dist_info ? 0 : error_set(error, -EBADMSG, "it has no dist-info directory");
}

static int append(void *context, const void *data, size_t length)
{
	struct buffer *out = context;

	buffer_append(out, data, length);
	return buffer_status(out);
}

/* Reads a file of dist-info into @out, which is never NULL then. -ENOENT, without a message: there
 * is none. RECORD itself is read before it is known what it says. */
static int read_file(const struct wheel *wheel, struct archive_reader *reader, const char *name,
		     uint64_t limit, struct buffer *out, struct error *error)
{
	_cleanup_record_hasher_ struct record_hasher *hasher = NULL;
	_cleanup_buffer_ struct buffer path = {0};
	const struct archive_entry *entry;
	const struct record_row *row;
	int r;

	buffer_printf(&path, "%s/%s", wheel->dist_info, name);
	r = buffer_status(&path);
	if (r < 0)
		return r;
	entry = archive_find(wheel->archive, path.data);
	if (!entry || entry->directory)
		return -ENOENT;
	if (entry->size > limit)
		return error_set(error, -EBADMSG, "its %s is larger than %llu MiB", name,
				 (unsigned long long)limit >> 20);
	row = record_find(&wheel->record, path.data);
	buffer_append(out, "", 0);
	return wheel_read_entry(reader, &hasher, entry, row ? row->hash : NULL, append, out, NULL,
				error);
}

static int read_required(const struct wheel *wheel, struct archive_reader *reader, const char *name,
			 uint64_t limit, struct buffer *out, struct error *error)
{
	int r = read_file(wheel, reader, name, limit, out, error);

	return r == -ENOENT
		       ? error_set(error, -EBADMSG, "it has no '%s/%s'", wheel->dist_info, name)
		       : r;
}

/* A text that is wrong makes a wheel that is refused. */
static int refused(int r)
{
	return r == -EINVAL ? -EBADMSG : r;
}

static int read_record(struct wheel *wheel, struct archive_reader *reader, struct error *error)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = read_required(wheel, reader, "RECORD", WHEEL_RECORD_MAX, &text, error);

	if (r < 0)
		return r;
	return refused(record_parse(text.data, text.length, &wheel->record, error));
}

/* The files of dist-info that RECORD cannot hold the hashes of: itself, and signatures of it. */
static bool is_unhashed(const struct wheel *wheel, const char *path)
{
	size_t length = strlen(wheel->dist_info);
	const char *name = path + length + 1;

	if (strncmp(path, wheel->dist_info, length) != 0 || path[length] != '/')
		return false;
	return strcmp(name, "RECORD") == 0 || strcmp(name, "RECORD.jws") == 0 ||
	       strcmp(name, "RECORD.p7s") == 0;
}

/* Every file is listed with a hash, and its size, where given, is right. */
static int check_listed(const struct wheel *wheel, struct error *error)
{
	for (size_t i = 0; i < wheel->archive->count; i++) {
		const struct archive_entry *entry = wheel->archive->sorted[i];
		const struct record_row *row = record_find(&wheel->record, entry->path);
		bool unhashed = is_unhashed(wheel, entry->path);

		if (entry->directory)
			continue;
		if (!row && !unhashed)
			return error_set(error, -EBADMSG, "RECORD does not list '%s'",
					 QUOTE(entry->path));
		if (!unhashed && row->has_size && row->size != entry->size)
			return error_set(error, -EBADMSG,
					 "'%s' is not what RECORD says: its size is another",
					 QUOTE(entry->path));
		if (!unhashed && !row->hash)
			return error_set(error, -EBADMSG, "RECORD has no hash of '%s'",
					 QUOTE(entry->path));
	}
	return 0;
}

/* What RECORD lists is there. */
static int check_present(const struct wheel *wheel, struct error *error)
{
	for (size_t i = 0; i < wheel->record.count; i++) {
		const char *path = wheel->record.rows[i].path;
		const struct archive_entry *entry = archive_find(wheel->archive, path);

		if ((!entry || entry->directory) && !is_unhashed(wheel, path))
			return error_set(error, -EBADMSG,
					 "RECORD lists '%s', which is not in the wheel",
					 QUOTE(path));
	}
	return 0;
}

/* Wheel-Version: the major number is understood, the minor may grow. */
static int check_wheel_version(struct wheel *wheel, const struct buffer *value, struct error *error)
{
	const char *text = value->data, *dot = memchr(text, '.', value->length);
	size_t major = dot ? (size_t)(dot - text) : value->length;

	if (!dot || value->length < 3 || strspn(text, "0123456789.") != value->length)
		return error_set(error, -EBADMSG, "its WHEEL has a wrong Wheel-Version, '%s'",
				 QUOTE_TEXT(text, value->length));
	if (!text_equals(text, major, "1"))
		return error_set(error, -EBADMSG,
				 "it is of Wheel-Version %s, and only version 1 is understood",
				 QUOTE_TEXT(text, value->length));
	if (text_equals(text, value->length, "1.0"))
		return 0;
	return add_warning(&wheel->warnings,
			   "it is of Wheel-Version %s, which is newer than 1.0, the one known here",
			   QUOTE_TEXT(text, value->length));
}

/* Where a wheel does not say, it is platlib, as pip has it. In an environment both are the same. */
static int set_purelib(struct wheel *wheel, const struct buffer *value, struct error *error)
{
	if (strcasecmp(value->data, "true") == 0)
		wheel->purelib = true;
	else if (strcasecmp(value->data, "false") != 0)
		return error_set(error, -EBADMSG, "its WHEEL has a wrong Root-Is-Purelib, '%s'",
				 QUOTE_TEXT(value->data, value->length));
	return 0;
}

static int parse_wheel(struct wheel *wheel, const char *text, size_t length, struct error *error)
{
	unsigned versions = 0, purelibs = 0;
	struct header_field field = {0};
	int r = 0;

	while (r == 0 && header_next(&text, &length, &field)) {
		if (header_is(&field, "Wheel-Version")) {
			versions++;
			r = check_wheel_version(wheel, &field.value, error);
		} else if (header_is(&field, "Root-Is-Purelib")) {
			purelibs++;
			r = set_purelib(wheel, &field.value, error);
		}
	}
	if (r == 0)
		r = buffer_status(&field.value);
	buffer_free(&field.value);
	if (r < 0)
		return r;
	if (versions != 1 || purelibs > 1)
		return error_set(error, -EBADMSG, "its WHEEL has %s",
				 versions == 0 ? "no Wheel-Version" : "the same field twice");
	return 0;
}

static int read_wheel(struct wheel *wheel, struct archive_reader *reader, struct error *error)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = read_required(wheel, reader, "WHEEL", WHEEL_METADATA_MAX, &text, error);

	return r < 0 ? r : parse_wheel(wheel, text.data, text.length, error);
}

static int read_metadata(struct wheel *wheel, struct archive_reader *reader, struct error *error)
{
	const struct wheel_metadata *metadata = &wheel->metadata;
	const struct wheel_name *name = &wheel->name;
	_cleanup_buffer_ struct buffer text = {0};
	int r = read_required(wheel, reader, "METADATA", WHEEL_METADATA_MAX, &text, error);

	if (r == 0)
		r = refused(wheel_metadata_parse(text.data, text.length, &wheel->metadata,
						 &wheel->warnings, error));
	if (r < 0)
		return r;
	if (!project_name_equal(metadata->name, strlen(metadata->name), name->name,
				strlen(name->name)))
		return error_set(error, -EBADMSG, "METADATA names the project '%s', not '%s'",
				 metadata->name, name->name);
	if (version_compare(&metadata->version, &name->version) != 0)
		return error_set(error, -EBADMSG, "METADATA has the version %s, not %s",
				 QUOTE(metadata->version.text), QUOTE(name->version.text));
	return 0;
}

static int read_entry_points(struct wheel *wheel, struct archive_reader *reader,
			     struct error *error)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = read_file(wheel, reader, "entry_points.txt", WHEEL_METADATA_MAX, &text, error);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return refused(entry_points_parse(text.data, text.length, &wheel->entry_points, error));
}

int wheel_read_info(struct wheel *wheel, struct error *error)
{
	_cleanup_archive_reader_ struct archive_reader *reader = NULL;
	int r;

	r = find_dist_info(wheel, error);
	if (r == 0)
		r = archive_reader_open(wheel->archive, &reader, error);
	if (r == 0)
		r = read_record(wheel, reader, error);
	if (r == 0)
		r = check_listed(wheel, error);
	if (r == 0)
		r = check_present(wheel, error);
	if (r == 0)
		r = read_wheel(wheel, reader, error);
	if (r == 0)
		r = read_metadata(wheel, reader, error);
	if (r == 0)
		r = read_entry_points(wheel, reader, error);
	return r;
}
