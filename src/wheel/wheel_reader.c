/* The contents of a wheel's files, checked against its RECORD as they are read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "text.h"
#include "wheel_internal.h"

struct wheel_reader {
	const struct wheel *wheel;
	struct archive_reader *archive;
	struct record_hasher *hasher;
};

/* Hashes what passes by. */
struct tap {
	struct record_hasher *hasher;
	wheel_sink *sink;
	void *context;
};

static int tap_sink(void *context, const void *data, size_t length)
{
	struct tap *tap = context;
	int r = record_hasher_add(tap->hasher, data, length);

	return r < 0 ? r : tap->sink(tap->context, data, length);
}

int wheel_read_entry(struct archive_reader *reader, struct record_hasher **hasher,
		     const struct archive_entry *entry, const char *hash, wheel_sink *sink,
		     void *context, uint8_t sha256[RECORD_SHA256_SIZE], struct error *error)
{
	struct tap tap = {.sink = sink, .context = context};
	int r = *hasher ? record_hasher_restart(*hasher, hash) : record_hasher_new(hash, hasher);

	if (r < 0)
		return r;
	tap.hasher = *hasher;
	r = archive_reader_read(reader, entry, tap_sink, &tap, error);
	if (r != 0)
		return r;
	r = record_hasher_finish(*hasher, sha256);
	if (r == -EBADMSG)
		return error_set(error, r, "'%s' is not what RECORD says: its hash is another",
				 QUOTE(entry->path));
	return r;
}

int wheel_reader_open(const struct wheel *wheel, struct wheel_reader **out, struct error *error)
{
	_cleanup_wheel_reader_ struct wheel_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->wheel = wheel;
	r = archive_reader_open(wheel->archive, &reader->archive, error);
	if (r < 0)
		return r;
	*out = TAKE_PTR(reader);
	return 0;
}

void wheel_reader_free(struct wheel_reader *reader)
{
	if (!reader)
		return;
	archive_reader_free(reader->archive);
	record_hasher_free(reader->hasher);
	free(reader);
}

void wheel_reader_freep(struct wheel_reader **reader)
{
	wheel_reader_free(*reader);
}

int wheel_reader_read(struct wheel_reader *reader, const struct wheel_file *file, wheel_sink *sink,
		      void *context, uint8_t sha256[RECORD_SHA256_SIZE], struct error *error)
{
	return wheel_read_entry(reader->archive, &reader->hasher, file->entry, file->hash, sink,
				context, sha256, error);
}

static int ignore(void *context, const void *data, size_t length)
{
	(void)context;
	(void)data;
	(void)length;
	return 0;
}

int wheel_verify(const struct wheel *wheel, struct error *error)
{
	_cleanup_wheel_reader_ struct wheel_reader *reader = NULL;
	int r = wheel_reader_open(wheel, &reader, error);

	for (size_t i = 0; r == 0 && i < wheel->count; i++)
		r = wheel_reader_read(reader, &wheel->files[i], ignore, NULL, NULL, error);
	return r;
}

size_t wheel_script_head(const void *data, size_t length)
{
	const char *end;

	if (!text_starts_with(data, length, "#!python"))
		return 0;
	end = memchr(data, '\n', length);
	return end ? (size_t)(end - (const char *)data) + 1 : length;
}
