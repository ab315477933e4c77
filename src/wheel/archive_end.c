/* The end of a zip file: the records that say where the central directory is. */
#include <errno.h>
#include <unistd.h>

#include "archive_format.h"

int archive_pread(int fd, void *data, size_t length, uint64_t offset)
{
	unsigned char *p = data;

	while (length > 0) {
		ssize_t n = pread(fd, p, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		p += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

/* A field that is given twice, narrow in the old record and wide in the zip64 one. */
static bool agree(uint64_t narrow, uint64_t sentinel, uint64_t wide)
{
	return narrow == wide || narrow == sentinel;
}

static int read_end(const unsigned char *end, struct archive_directory *out, struct error *error)
{
	if (le32(end) != ZIP_END_SIGNATURE)
		return error_set(error, -EBADMSG,
				 "it does not end as a zip file does: it is none, was cut short, "
				 "or something follows it");
	if (le16(end + 20) != 0)
		return error_set(error, -EBADMSG, "its end record announces a comment");
	if (le16(end + 4) != 0 || le16(end + 6) != 0 || le16(end + 8) != le16(end + 10))
		return error_set(error, -EBADMSG, "it is part of a zip file on several disks");
	out->entries = le16(end + 10);
	out->size = le32(end + 12);
	out->offset = le32(end + 16);
	return 0;
}

/* The zip64 records stand right before the end record, so that nothing fits in between. */
static int read_zip64_end(const unsigned char *end64, const unsigned char *locator,
			  uint64_t position, struct archive_directory *out, struct error *error)
{
	struct archive_directory wide;

	if (le32(locator + 4) != 0 || le64(locator + 8) != position || le32(locator + 16) != 1 ||
	    le32(end64) != ZIP64_END_SIGNATURE || le64(end64 + 4) != ZIP64_END_SIZE - 12)
		return error_set(error, -EBADMSG, "its zip64 end record is not where it should be");
	wide.entries = le64(end64 + 32);
	wide.size = le64(end64 + 40);
	wide.offset = le64(end64 + 48);
	if (le32(end64 + 16) != 0 || le32(end64 + 20) != 0 || le64(end64 + 24) != wide.entries ||
	    !agree(out->entries, 0xffff, wide.entries) ||
	    !agree(out->size, ZIP64_SENTINEL, wide.size) ||
	    !agree(out->offset, ZIP64_SENTINEL, wide.offset))
		return error_set(error, -EBADMSG, "its two end records disagree");
	*out = wide;
	return 0;
}

int archive_find_directory(int fd, uint64_t file_size, struct archive_directory *out,
			   struct error *error)
{
	unsigned char tail[ZIP64_END_SIZE + ZIP64_END_LOCATOR_SIZE + ZIP_END_SIZE] = {0};
	const unsigned char *locator = tail + ZIP64_END_SIZE;
	const unsigned char *end = locator + ZIP64_END_LOCATOR_SIZE;
	size_t length = file_size < sizeof(tail) ? (size_t)file_size : sizeof(tail);
	uint64_t behind = file_size - ZIP_END_SIZE;
	int r;

	if (file_size < ZIP_END_SIZE)
		return error_set(error, -EBADMSG, "it is too short for a zip file");
	r = archive_pread(fd, tail + sizeof(tail) - length, length, file_size - length);
	if (r < 0)
		return error_set_errno(error, r, "cannot read its end");
	r = read_end(end, out, error);
	if (r == 0 && le32(locator) == ZIP64_END_LOCATOR_SIGNATURE) {
		behind = file_size - sizeof(tail);
		r = read_zip64_end(tail, locator, behind, out, error);
	}
	if (r < 0)
		return r;
	if (out->entries > ARCHIVE_ENTRIES_MAX)
		return error_set(error, -EBADMSG, "it has more than %d entries",
				 ARCHIVE_ENTRIES_MAX);
	if (out->size > ARCHIVE_DIRECTORY_MAX)
		return error_set(error, -EBADMSG, "its central directory is larger than %u MiB",
				 ARCHIVE_DIRECTORY_MAX >> 20);
	if (out->offset > behind || out->size != behind - out->offset)
		return error_set(error, -EBADMSG,
				 "its central directory does not reach to its end record: data is "
				 "missing or hidden");
	return 0;
}
