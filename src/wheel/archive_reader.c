/* The contents of an archive. libzip has to understand the file as we did, and an entry's size, CRC
 * and method, too. The data are read and inflated here: libzip does not tell whether something
 * follows the end of the deflated data, where whoever reads from the front would see the next
 * entry; and it reads the local header once more, which archive_open() has checked. */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include "venvfs/cleanup.h"
#include "archive_format.h"
#include "text.h"

#define WHOLE_MAX   (4u << 20) /* packed and unpacked together; most files are far smaller */
#define INPUT_SIZE  (64u << 10)
#define OUTPUT_SIZE (256u << 10)

struct archive_reader {
	const struct archive *archive;
	zip_t *zip;
	uint64_t position; /* of libzip in the file */
	zip_error_t error;
	z_stream stream;
	bool inflating; /* stream is initialised */
	unsigned char input[INPUT_SIZE], output[OUTPUT_SIZE];
	struct libdeflate_decompressor *whole;
	unsigned char *buffer; /* for an entry's data, packed and unpacked */
	size_t buffer_size;
};

/* One entry that is being read. */
struct reading {
	const struct archive_entry *entry;
	archive_sink *sink;
	void *context;
	struct error *error;
	uint64_t size; /* so far */
	uint32_t crc;  /* likewise */
};

/* The file as libzip's source. It has no offset of its own, so that several threads may read it. */

static zip_int64_t source_read(struct archive_reader *reader, void *data, zip_uint64_t length)
{
	ssize_t n;

	do
		n = pread(reader->archive->fd, data, length, (off_t)reader->position);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		zip_error_set(&reader->error, ZIP_ER_READ, errno);
		return -1;
	}
	reader->position += (uint64_t)n;
	return n;
}

static zip_int64_t source_stat(const struct archive_reader *reader, void *data)
{
	zip_stat_t *st = data;

	zip_stat_init(st);
	st->size = reader->archive->size;
	st->valid = ZIP_STAT_SIZE;
	return sizeof(*st);
}

static zip_int64_t source(void *state, void *data, zip_uint64_t length, zip_source_cmd_t command)
{
	struct archive_reader *reader = state;
	zip_int64_t position;

	switch (command) {
	case ZIP_SOURCE_OPEN:
		reader->position = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return source_read(reader, data, length);
	case ZIP_SOURCE_SEEK:
		position = zip_source_seek_compute_offset(reader->position, reader->archive->size,
							  data, length, &reader->error);
		if (position < 0)
			return -1;
		reader->position = (uint64_t)position;
		return 0;
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)reader->position;
	case ZIP_SOURCE_STAT:
		return source_stat(reader, data);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&reader->error, data, length);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE:
		return 0;
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(
			ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
			ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
			ZIP_SOURCE_SUPPORTS, -1);
	default:
		zip_error_set(&reader->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

static int open_zip(struct archive_reader *reader, struct error *error)
{
	zip_error_t problem;
	zip_source_t *zip_source;
	int r = 0;

	zip_error_init(&problem);
	zip_source = zip_source_function_create(source, reader, &problem);
	if (!zip_source)
		return -ENOMEM;
	reader->zip = zip_open_from_source(zip_source, ZIP_RDONLY, &problem);
	if (!reader->zip) {
		r = error_set(error, -EBADMSG, "libzip does not read it: %s",
			      zip_error_strerror(&problem));
		zip_source_free(zip_source);
	} else if ((uint64_t)zip_get_num_entries(reader->zip, 0) != reader->archive->count) {
		r = error_set(error, -EBADMSG, "libzip sees other entries in it");
	}
	zip_error_fini(&problem);
	return r;
}

int archive_reader_open(const struct archive *archive, struct archive_reader **out,
			struct error *error)
{
	_cleanup_archive_reader_ struct archive_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->archive = archive;
	zip_error_init(&reader->error);
	reader->whole = libdeflate_alloc_decompressor();
	reader->inflating = inflateInit2(&reader->stream, -MAX_WBITS) == Z_OK;
	r = reader->inflating && reader->whole ? open_zip(reader, error) : -ENOMEM;
	if (r < 0)
		return r;
	*out = TAKE_PTR(reader);
	return 0;
}

void archive_reader_free(struct archive_reader *reader)
{
	if (!reader)
		return;
	if (reader->zip)
		zip_discard(reader->zip);
	if (reader->inflating)
		inflateEnd(&reader->stream);
	libdeflate_free_decompressor(reader->whole);
	free(reader->buffer);
	zip_error_fini(&reader->error);
	free(reader);
}

void archive_reader_freep(struct archive_reader **reader)
{
	archive_reader_free(*reader);
}

static int refuse(const struct reading *reading, const char *fault)
{
	return error_set(reading->error, -EBADMSG, "the entry '%s' %s", QUOTE(reading->entry->path),
			 fault);
}

/* Whether libzip has understood the entry as we did. */
static bool libzip_agrees(const struct archive_reader *reader, const struct archive_entry *entry)
{
	const zip_uint64_t known =
		ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD;
	const char *name = zip_get_name(reader->zip, entry->index, ZIP_FL_ENC_RAW);
	size_t length = strlen(entry->path);
	zip_stat_t st;

	if (!name || strncmp(name, entry->path, length) != 0 ||
	    strcmp(name + length, entry->directory ? "/" : "") != 0)
		return false;
	if (zip_stat_index(reader->zip, entry->index, ZIP_FL_ENC_RAW, &st) < 0)
		return false;
	return (st.valid & known) == known && st.size == entry->size &&
	       st.comp_size == entry->compressed_size && st.crc == entry->crc &&
	       st.comp_method == entry->method;
}

/* Hands unpacked bytes on, but none beyond the size that was announced. */
static int emit(struct reading *reading, const void *data, size_t length)
{
	if (length > reading->entry->size - reading->size)
		return refuse(reading, "is longer than the central directory says");
	reading->size += length;
	reading->crc = libdeflate_crc32(reading->crc, data, length);
	return length > 0 ? reading->sink(reading->context, data, length) : 0;
}

/* Unpacks what stands in the input. @last: nothing comes after it. */
static int inflate_input(struct archive_reader *reader, struct reading *reading, size_t length,
			 bool last)
{
	z_stream *stream = &reader->stream;
	int status = Z_OK, r = 0;

	stream->next_in = reader->input;
	stream->avail_in = (uInt)length;
	while (r == 0 && status == Z_OK) {
		stream->next_out = reader->output;
		stream->avail_out = OUTPUT_SIZE;
		status = inflate(stream, Z_NO_FLUSH);
		if (status == Z_MEM_ERROR)
			return -ENOMEM;
		if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
			return refuse(reading, "has damaged data");
		r = emit(reading, reader->output, OUTPUT_SIZE - stream->avail_out);
	}
	if (r != 0)
		return r;
	if (last && status != Z_STREAM_END)
		return refuse(reading, "has data that ends too early");
	if (status == Z_STREAM_END && (!last || stream->avail_in > 0))
		return refuse(reading, "has bytes behind the end of its data");
	return 0;
}

static int read_input(const struct archive_reader *reader, const struct reading *reading,
		      uint64_t offset, void *data, size_t length)
{
	int r = archive_pread(reader->archive->fd, data, length, reading->entry->data + offset);

	if (r == -EBADMSG)
		return refuse(reading, "has data that ends too early");
	return r < 0 ? error_set_errno(reading->error, r, "cannot read the entry '%s'",
				       QUOTE(reading->entry->path))
		     : 0;
}

static bool make_room(struct archive_reader *reader, size_t size)
{
	if (size <= reader->buffer_size)
		return true;
	free(reader->buffer);
	reader->buffer = malloc(size);
	reader->buffer_size = reader->buffer ? size : 0;
	return reader->buffer;
}

/* Unpacks data at once, which takes less than half of the time. False: they are too much for that,
 * or anything about them is not as announced; what, the other way tells. Else *result is
 * read_all()'s. */
static bool read_whole(struct archive_reader *reader, struct reading *reading, int *result)
{
	const struct archive_entry *entry = reading->entry;
	size_t packed = entry->compressed_size, size = entry->size, used, made;

	if (entry->method != ZIP_METHOD_DEFLATED || entry->compressed_size > WHOLE_MAX ||
	    entry->size > WHOLE_MAX - entry->compressed_size || !make_room(reader, packed + size))
		return false;
	*result = read_input(reader, reading, 0, reader->buffer, packed);
	if (*result < 0)
		return true;
	if (libdeflate_deflate_decompress_ex(reader->whole, reader->buffer, packed,
					     reader->buffer + packed, size, &used,
					     &made) != LIBDEFLATE_SUCCESS ||
	    used != packed || made != size)
		return false;
	for (size_t done = 0; *result == 0 && done < size; done += OUTPUT_SIZE)
		*result = emit(reading, reader->buffer + packed + done,
			       size - done < OUTPUT_SIZE ? size - done : OUTPUT_SIZE);
	return true;
}

static int read_all(struct archive_reader *reader, struct reading *reading)
{
	const struct archive_entry *entry = reading->entry;
	uint64_t left = entry->compressed_size;

	if (entry->method == ZIP_METHOD_DEFLATED && left == 0)
		return refuse(reading, "has data that ends too early");
	inflateReset(&reader->stream);
	while (left > 0) {
		size_t wanted = left < INPUT_SIZE ? (size_t)left : INPUT_SIZE;
		int r = read_input(reader, reading, entry->compressed_size - left, reader->input,
				   wanted);

		left -= wanted;
		if (r == 0 && entry->method == ZIP_METHOD_DEFLATED)
			r = inflate_input(reader, reading, wanted, left == 0);
		else if (r == 0)
			r = emit(reading, reader->input, wanted);
		if (r != 0)
			return r;
	}
	return 0;
}

int archive_reader_read(struct archive_reader *reader, const struct archive_entry *entry,
			archive_sink *sink, void *context, struct error *error)
{
	struct reading reading = {.entry = entry, .sink = sink, .context = context, .error = error};
	int r;

	if (!libzip_agrees(reader, entry))
		return refuse(&reading, "is another one to libzip");
	if (!read_whole(reader, &reading, &r))
		r = read_all(reader, &reading);
	if (r != 0)
		return r;
	if (reading.size != entry->size)
		return refuse(&reading, "is shorter than the central directory says");
	if (reading.crc != entry->crc)
		return refuse(&reading, "has a wrong CRC");
	return 0;
}
