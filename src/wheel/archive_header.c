/* The headers of an entry: the one in the central directory, which counts, and the local one and
 * the data descriptor beside the data, which may not contradict it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "venvfs/cleanup.h"
#include "archive_format.h"
#include "text.h"

/* Extra fields (APPNOTE 4.5, 4.6). */
#define EXTRA_ZIP64        0x0001
#define EXTRA_UNICODE_PATH 0x7075
#define EXTRA_HEADER_SIZE  4

/* Bits that change nothing of what is read. */
#define FLAGS_UNDERSTOOD (ZIP_FLAG_DEFLATE_LEVEL | ZIP_FLAG_DESCRIPTOR | ZIP_FLAG_UTF8)
#define FLAG_ENCRYPTED   0x0001

/* MS-DOS's attribute, in the lower half. */
#define ATTRIBUTE_DIRECTORY 0x10

/* How much of a local header's extra fields is read along with it. Few have more. */
#define EXTRA_GUESS 64

struct extra {
	const unsigned char *zip64;
	size_t zip64_length; /* 0: none */
};

static int refuse(const char *name, size_t length, const char *fault, struct error *error)
{
	return error_set(error, -EBADMSG, "the entry '%s' has %s", QUOTE_TEXT(name, length), fault);
}

/* Walks the extra fields. What is wrong with them, or NULL. */
static const char *read_extra(const unsigned char *extra, size_t length, struct extra *out)
{
	*out = (struct extra){0};
	while (length > 0) {
		size_t size = length < EXTRA_HEADER_SIZE ? 0 : le16(extra + 2);

		if (length < EXTRA_HEADER_SIZE || size > length - EXTRA_HEADER_SIZE)
			return "a damaged extra field";
		if (le16(extra) == EXTRA_UNICODE_PATH)
			return "a second name in an extra field";
		if (le16(extra) == EXTRA_ZIP64) {
			if (out->zip64 || size == 0)
				return "a wrong zip64 field";
			out->zip64 = extra + EXTRA_HEADER_SIZE;
			out->zip64_length = size;
		}
		extra += EXTRA_HEADER_SIZE + size;
		length -= EXTRA_HEADER_SIZE + size;
	}
	return NULL;
}

/* Replaces *value by the next number of the zip64 field where it says so. */
static bool widen(uint64_t *value, struct extra *extra)
{
	if (*value != ZIP64_SENTINEL)
		return true;
	if (extra->zip64_length < 8)
		return false;
	*value = le64(extra->zip64);
	extra->zip64 += 8;
	extra->zip64_length -= 8;
	return true;
}

/* The zip64 field of a central header holds what does not fit elsewhere, and no more. */
static const char *widen_central(struct archive_entry *entry, struct extra *extra)
{
	if (widen(&entry->size, extra) && widen(&entry->compressed_size, extra) &&
	    widen(&entry->header, extra) && extra->zip64_length == 0)
		return NULL;
	return "a wrong zip64 field";
}

/* Whether a size stands in the header, or is said to stand in the zip64 field, as it does there. */
static bool agrees(uint64_t narrow, uint64_t wide)
{
	return narrow == ZIP64_SENTINEL || narrow == wide;
}

/* The zip64 field of a local header holds both sizes (APPNOTE 4.5.3); some writers have one always.
 */
static const char *widen_local(uint64_t *size, uint64_t *compressed_size, const struct extra *extra)
{
	if (!extra->zip64)
		return NULL;
	if (extra->zip64_length != 16 || !agrees(*size, le64(extra->zip64)) ||
	    !agrees(*compressed_size, le64(extra->zip64 + 8)))
		return "a wrong zip64 field";
	*size = le64(extra->zip64);
	*compressed_size = le64(extra->zip64 + 8);
	return NULL;
}

/* What is wrong with how the entry is stored, or NULL. */
static const char *method_fault(const struct archive_entry *entry)
{
	if (entry->flags & FLAG_ENCRYPTED)
		return "encrypted data";
	if (entry->flags & ~FLAGS_UNDERSTOOD)
		return "flags that are not understood";
	if (entry->method != ZIP_METHOD_STORED && entry->method != ZIP_METHOD_DEFLATED)
		return "a compression that is neither 'stored' nor 'deflated'";
	if (entry->method == ZIP_METHOD_DEFLATED)
		return NULL;
	if (entry->size != entry->compressed_size)
		return "two sizes although it is not compressed";
	/* Whoever reads from the front could not tell where such data ends. */
	if ((entry->flags & ZIP_FLAG_DESCRIPTOR) && entry->size > 0)
		return "no size before its data, which is not compressed";
	return NULL;
}

/* The longest that deflate makes of nothing: one block that is stored. */
#define EMPTY_STREAM_MAX 5

/* What is wrong with the kind of file that it is, or NULL. */
static const char *type_fault(const struct archive_entry *entry)
{
	mode_t type = (entry->attributes >> 16) & S_IFMT;
	bool directory = S_ISDIR(type) || (entry->attributes & ATTRIBUTE_DIRECTORY);

	if (S_ISLNK(type))
		return "the type of a symbolic link";
	if (type != 0 && !S_ISREG(type) && !S_ISDIR(type))
		return "the type of a special file";
	if (entry->directory ? S_ISREG(type) : directory)
		return "the type of a file and the name of a directory, or the other way round";
	/* Some write a stream of deflate that is empty. */
	if (entry->directory && (entry->size > 0 || entry->compressed_size > EMPTY_STREAM_MAX))
		return "data although it is a directory";
	return NULL;
}

int archive_read_central(const unsigned char *bytes, size_t available, struct archive_entry *entry,
			 const char **name, size_t *name_length, size_t *consumed,
			 struct error *error)
{
	size_t extra_length, comment_length;
	struct extra extra;
	const char *fault;

	if (available < ZIP_CENTRAL_SIZE || le32(bytes) != ZIP_CENTRAL_SIGNATURE)
		return error_set(error, -EBADMSG, "its central directory is damaged");
	*name_length = le16(bytes + 28);
	extra_length = le16(bytes + 30);
	comment_length = le16(bytes + 32);
	*consumed = ZIP_CENTRAL_SIZE + *name_length + extra_length + comment_length;
	if (available < *consumed)
		return error_set(error, -EBADMSG, "its central directory is damaged");
	*name = (const char *)bytes + ZIP_CENTRAL_SIZE;
	*entry = (struct archive_entry){
		.flags = le16(bytes + 8),
		.method = le16(bytes + 10),
		.time = le16(bytes + 12),
		.date = le16(bytes + 14),
		.crc = le32(bytes + 16),
		.compressed_size = le32(bytes + 20),
		.size = le32(bytes + 24),
		.attributes = le32(bytes + 38),
		.header = le32(bytes + 42),
		.directory = *name_length > 0 && (*name)[*name_length - 1] == '/',
	};
	fault = le16(bytes + 34) != 0 ? "a place on another disk" : NULL;
	if (!fault)
		fault = read_extra(bytes + ZIP_CENTRAL_SIZE + *name_length, extra_length, &extra);
	if (!fault)
		fault = widen_central(entry, &extra);
	if (!fault)
		fault = method_fault(entry);
	if (!fault)
		fault = type_fault(entry);
	return fault ? refuse(*name, *name_length, fault, error) : 0;
}

/* The name in a local header is that of the central directory, where a directory ends in a slash.
 */
static bool is_name(const unsigned char *name, size_t length, const struct archive_entry *entry)
{
	size_t expected = strlen(entry->path);

	if (length != expected + entry->directory || memcmp(name, entry->path, expected) != 0)
		return false;
	return !entry->directory || name[expected] == '/';
}

/* Compares what the local header says with what the central one did. @wide: it has a zip64 field.
 * What is wrong, or NULL. */
static const char *local_fault(const unsigned char *local, const struct archive_entry *entry,
			       bool *wide)
{
	size_t name_length = le16(local + 26), extra_length = le16(local + 28);
	uint64_t size = le32(local + 22), compressed_size = le32(local + 18);
	bool described = entry->flags & ZIP_FLAG_DESCRIPTOR;
	uint32_t crc = le32(local + 14);
	struct extra extra;
	const char *fault;

	if (!is_name(local + ZIP_LOCAL_SIZE, name_length, entry))
		return "another name in its local header";
	fault = read_extra(local + ZIP_LOCAL_SIZE + name_length, extra_length, &extra);
	*wide = !fault && extra.zip64;
	if (!fault)
		fault = widen_local(&size, &compressed_size, &extra);
	if (fault)
		return fault;
	if (le16(local + 6) != entry->flags || le16(local + 8) != entry->method ||
	    le16(local + 10) != entry->time || le16(local + 12) != entry->date)
		return "a local header that disagrees with the central directory";
	/* Where CRC and sizes come after the data, zeros may stand for them. */
	if (described && crc == 0 && size == 0 && compressed_size == 0)
		return NULL;
	if (crc != entry->crc || size != entry->size || compressed_size != entry->compressed_size)
		return "a local header that disagrees with the central directory";
	return NULL;
}

/* Checks the data descriptor, the @length bytes behind the data: signature, CRC and both sizes. */
static int check_descriptor(int fd, const struct archive_entry *entry, uint64_t position,
			    uint64_t length, bool wide, struct error *error)
{
	unsigned char bytes[24] = {0};
	uint64_t size, compressed_size;
	int r;

	if (length != (wide ? 24 : 16))
		return refuse(entry->path, strlen(entry->path),
			      "a gap behind its data, or overlaps the next", error);
	r = archive_pread(fd, bytes, (size_t)length, position);
	if (r < 0)
		return error_set_errno(error, r, "cannot read the entry '%s'", QUOTE(entry->path));
	compressed_size = wide ? le64(bytes + 8) : le32(bytes + 8);
	size = wide ? le64(bytes + 16) : le32(bytes + 12);
	if (le32(bytes) == ZIP_DESCRIPTOR_SIGNATURE && le32(bytes + 4) == entry->crc &&
	    compressed_size == entry->compressed_size && size == entry->size)
		return 0;
	return refuse(entry->path, strlen(entry->path),
		      "a data descriptor that disagrees with the central directory", error);
}

/* Reads the local header at @position, up to its data, in *out (to be freed) and *length. */
static int read_local(int fd, const struct archive_entry *entry, uint64_t end, unsigned char **out,
		      size_t *length, struct error *error)
{
	uint64_t room = end - entry->header;
	size_t guess = ZIP_LOCAL_SIZE + strlen(entry->path) + EXTRA_GUESS;
	_cleanup_free_ unsigned char *bytes = NULL;
	int r;

	if (guess > room)
		guess = (size_t)room;
	bytes = malloc(guess > 0 ? guess : 1);
	if (!bytes)
		return -ENOMEM;
	r = archive_pread(fd, bytes, guess, entry->header);
	if (r < 0)
		return error_set_errno(error, r, "cannot read the entry '%s'", QUOTE(entry->path));
	if (guess < ZIP_LOCAL_SIZE || le32(bytes) != ZIP_LOCAL_SIGNATURE)
		return refuse(entry->path, strlen(entry->path), "no local header", error);
	*length = ZIP_LOCAL_SIZE + (size_t)le16(bytes + 26) + le16(bytes + 28);
	if (*length > room)
		return refuse(entry->path, strlen(entry->path),
			      "a local header that overlaps the next", error);
	if (*length > guess) {
		unsigned char *more = realloc(bytes, *length);

		if (!more)
			return -ENOMEM;
		bytes = more;
		r = archive_pread(fd, bytes, *length, entry->header);
		if (r < 0)
			return error_set_errno(error, r, "cannot read the entry '%s'",
					       QUOTE(entry->path));
	}
	*out = TAKE_PTR(bytes);
	return 0;
}

int archive_check_local(int fd, struct archive_entry *entry, uint64_t end, struct error *error)
{
	_cleanup_free_ unsigned char *local = NULL;
	uint64_t left;
	const char *fault;
	size_t length;
	bool wide;
	int r;

	r = read_local(fd, entry, end, &local, &length, error);
	if (r < 0)
		return r;
	fault = local_fault(local, entry, &wide);
	if (fault)
		return refuse(entry->path, strlen(entry->path), fault, error);
	entry->data = entry->header + length;
	left = end - entry->data;
	if (entry->compressed_size > left)
		return refuse(entry->path, strlen(entry->path), "data that overlaps the next",
			      error);
	left -= entry->compressed_size;
	if (entry->flags & ZIP_FLAG_DESCRIPTOR)
		return check_descriptor(fd, entry, end - left, left, wide, error);
	if (left > 0)
		return refuse(entry->path, strlen(entry->path),
			      "bytes behind its data that belong to no entry", error);
	return 0;
}
