/*
 * The zip file that a wheel is, read as strictly as it can be: a file in which two readers might
 * see two things is refused, whatever the second reader would be. Private to src/wheel.
 *
 * archive_open() reads the structure itself: the entries fill the file from its first byte to the
 * central directory, which fills it to its end records; each local header says what the central
 * directory says; nothing overlaps, and nothing is hidden in between. Before the contents are read,
 * libzip parses the file once more and has to agree.
 *
 * Format: PKWARE's APPNOTE.TXT 6.3.10, of which wheels use little (PEP 427; packaging.python.org,
 * "Binary distribution format").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venvfs/error.h"

/* What is refused beyond, whatever it is. */
#define ARCHIVE_FILE_MAX      (8ull << 30)  /* bytes of the file itself */
#define ARCHIVE_CONTENT_MAX   (32ull << 30) /* bytes of all entries, unpacked */
#define ARCHIVE_ENTRIES_MAX   200000
#define ARCHIVE_DIRECTORY_MAX (64u << 20) /* bytes of the central directory */
#define ARCHIVE_PATH_MAX      1024        /* bytes of an entry's name */
#define ARCHIVE_NAME_MAX      255         /* bytes of a name between slashes */
#define ARCHIVE_DEPTH_MAX     64          /* names between slashes */

/* Zip bombs: a file may unpack to this many bytes for each of its own, and this many more. Wheels
 * unpack to some 3 bytes for each; deflate can do 1032. */
#define ARCHIVE_RATIO_MAX   100
#define ARCHIVE_RATIO_SLACK (64ull << 20)

struct archive_entry {
	const char *path; /* relative, normalised; a directory's without its slash */
	uint64_t header;  /* where its local header begins, in bytes from the start */
	uint64_t data;    /* where its data begins */
	uint64_t size;    /* unpacked */
	uint64_t compressed_size;
	uint32_t crc;   /* CRC-32 of what is unpacked */
	uint32_t index; /* in the central directory */
	uint16_t flags, method;
	uint16_t time, date; /* MS-DOS */
	uint32_t attributes; /* external ones: st_mode in the upper half */
	bool directory;
};

struct archive {
	int fd; /* borrowed */
	uint64_t size;
	struct archive_entry *entries; /* in the order of their data */
	struct archive_entry **sorted; /* by path, see archive_compare_paths() */
	size_t count;
	uint64_t content_size; /* of all entries, unpacked */
	char *paths;
};

/* Reads and checks the structure of the file at @fd, which has to stay open, and the same, until
 * archive_free(); its offset is not used. -EBADMSG and the reason: it is refused; -ENOMEM, -EIO
 * and the like. Once made, any thread may read the archive. */
int archive_open(int fd, struct archive **out, struct error *error);
void archive_free(struct archive *archive);
void archive_freep(struct archive **archive);

#define _cleanup_archive_ __attribute__((cleanup(archive_freep)))

/* The entry of that path, or NULL. */
const struct archive_entry *archive_find(const struct archive *archive, const char *path);

/* The order of paths in which a directory is followed by all that is in it: bytes, but "/" before
 * any other. */
int archive_compare_paths(const char *a, const char *b);

/* Whether the x bits of a regular file are set. As pip has it: without S_IFREG they do not count.
 */
bool archive_entry_is_executable(const struct archive_entry *entry);

/* Seconds since 1970. The stored time has no zone and is taken for UTC; what is before 1980-01-02,
 * or no date at all, is 1980-01-02. */
int64_t archive_entry_mtime(const struct archive_entry *entry);

/* Reads contents; for one thread at a time. Several may read one archive. */
struct archive_reader;

int archive_reader_open(const struct archive *archive, struct archive_reader **out,
			struct error *error);
void archive_reader_free(struct archive_reader *reader);
void archive_reader_freep(struct archive_reader **reader);

#define _cleanup_archive_reader_ __attribute__((cleanup(archive_reader_freep)))

/* Takes the next bytes of an entry. 0: go on; anything else ends the reading. */
typedef int archive_sink(void *context, const void *data, size_t length);

/*
 * Unpacks an entry into @sink. 0: all of it was handed over, and size and CRC are right. A return
 * value of the sink other than 0 is passed on, with nothing more verified. -EBADMSG and the reason:
 * the content is not what the directory says, which is known only after the last byte.
 */
int archive_reader_read(struct archive_reader *reader, const struct archive_entry *entry,
			archive_sink *sink, void *context, struct error *error);
