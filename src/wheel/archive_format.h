/*
 * The parts of a zip file. Private to archive*.c.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "archive.h"

#define ZIP_LOCAL_SIGNATURE         0x04034b50u
#define ZIP_DESCRIPTOR_SIGNATURE    0x08074b50u
#define ZIP_CENTRAL_SIGNATURE       0x02014b50u
#define ZIP_END_SIGNATURE           0x06054b50u
#define ZIP64_END_SIGNATURE         0x06064b50u
#define ZIP64_END_LOCATOR_SIGNATURE 0x07064b50u

/* Sizes without the parts that vary. */
#define ZIP_LOCAL_SIZE         30
#define ZIP_CENTRAL_SIZE       46
#define ZIP_END_SIZE           22
#define ZIP64_END_SIZE         56
#define ZIP64_END_LOCATOR_SIZE 20

/* General purpose flags. Bits 1 and 2 say how hard the packer tried. */
#define ZIP_FLAG_DEFLATE_LEVEL 0x0006
#define ZIP_FLAG_DESCRIPTOR    0x0008 /* CRC and sizes follow the data */
#define ZIP_FLAG_UTF8          0x0800

#define ZIP_METHOD_STORED   0
#define ZIP_METHOD_DEFLATED 8

/* Where a 32-bit field says "see the zip64 extra field". */
#define ZIP64_SENTINEL 0xffffffffu

static inline uint16_t le16(const unsigned char *p)
{
	uint16_t value;

	memcpy(&value, p, sizeof(value));
	return le16toh(value);
}

static inline uint32_t le32(const unsigned char *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static inline uint64_t le64(const unsigned char *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

/* Reads exactly @length bytes. -EBADMSG when the file ends before. */
int archive_pread(int fd, void *data, size_t length, uint64_t offset);

/* archive_end.c: where the central directory is, from the records at the end of the file. */
struct archive_directory {
	uint64_t offset, size, entries;
};

int archive_find_directory(int fd, uint64_t file_size, struct archive_directory *out,
			   struct error *error);

/* archive_header.c */

/*
 * Reads the central header at @bytes, of which *consumed bytes are its own. @entry is filled but
 * for path and data; its name, not yet checked, is *name_length bytes at *name.
 */
int archive_read_central(const unsigned char *bytes, size_t available, struct archive_entry *entry,
			 const char **name, size_t *name_length, size_t *consumed,
			 struct error *error);

/* Checks the local header of @entry, and what follows its data, against the central one. @end is
 * where the next entry, or the central directory, begins. Sets @entry->data. */
int archive_check_local(int fd, struct archive_entry *entry, uint64_t end, struct error *error);

/* archive_path.c: whether a name may be unpacked. @utf8: it is said to be UTF-8. */
int archive_check_path(const char *path, size_t length, bool utf8, struct error *error);
