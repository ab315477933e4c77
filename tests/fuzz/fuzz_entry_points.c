/*
 * Any bytes as the text files of a dist-info: entry_points.txt, RECORD and METADATA. What comes out
 * of the first two is used in names and in code, so it must be what it may be.
 */
#include "fuzz.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/entry_points.h"
#include "venvfs/record.h"
#include "venvfs/wheel_metadata.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

static void require_only(const char *text, const char *allowed)
{
	require(text[0] != '\0' && text[strspn(text, allowed)] == '\0');
}

static void try_entry_points(const char *text, size_t length)
{
	_cleanup_entry_points_ struct entry_points points = {0};
	_cleanup_error_ struct error error = ERROR_INIT;

	require_answer(entry_points_parse(text, length, &points, &error), -EINVAL, &error);
	for (size_t i = 0; i < points.count; i++) {
		const struct entry_point *point = &points.items[i];

		require_only(point->name, LETTERS DIGITS "._-+");
		require(strlen(point->name) <= 255 && !strchr(".-", point->name[0]));
		require(!entry_points_is_python(point->name));
		require_only(point->module, LETTERS DIGITS "_.");
		require_only(point->object, LETTERS DIGITS "_.");
		require(!strstr(point->module, "..") && !strchr(DIGITS ".", point->module[0]));
		require(!strstr(point->object, "..") && !strchr(DIGITS ".", point->object[0]));
	}
}

/* What was read is read again from what is written of it. */
static void try_record(const char *text, size_t length)
{
	_cleanup_record_ struct record record = {0}, again = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer written = {0};

	require_answer(record_parse(text, length, &record, &error), -EINVAL, &error);
	for (size_t i = 0; i < record.count; i++) {
		const struct record_row *row = &record.rows[i];

		require(record_find(&record, row->path) != NULL);
		record_append(&written, row->path, row->hash, row->size);
	}
	require(record_parse(written.data ? written.data : "", written.length, &again, NULL) == 0);
	require(again.count == record.count);
	for (size_t i = 0; i < record.count; i++)
		require(strcmp(again.rows[i].path, record.rows[i].path) == 0);
}

static void try_metadata(const char *text, size_t length)
{
	_cleanup_wheel_metadata_ struct wheel_metadata metadata = {0};
	_cleanup_string_list_ struct string_list warnings = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = wheel_metadata_parse(text, length, &metadata, &warnings, &error);

	require_answer(r, -EINVAL, &error);
	require(r < 0 || (metadata.name && metadata.version.text));
	for (size_t i = 0; i < metadata.requires_count; i++)
		require(metadata.requires[i] -> name != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";

	try_entry_points(text, size);
	try_record(text, size);
	try_metadata(text, size);
	return 0;
}
