/*
 * A wheel (PEP 427; packaging.python.org, "Binary distribution format"), checked and taken apart
 * into the files that it installs. Nothing is written anywhere.
 *
 * wheel_open() checks everything but the contents: the zip file (every part of it accounted for,
 * see src/wheel/archive.h), names, WHEEL, METADATA, RECORD and entry points, and that file name,
 * dist-info and METADATA speak of the same version of the same project. A content is checked
 * against zip file and RECORD while it is read; until that says 0, what was read is not to be used.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "venvfs/entry_points.h"
#include "venvfs/error.h"
#include "venvfs/record.h"
#include "venvfs/string_list.h"
#include "venvfs/wheel_metadata.h"
#include "venvfs/wheel_tags.h"

struct archive;
struct archive_entry;

/* Which directory of the environment a path counts from (sysconfig's words). */
enum wheel_scheme {
	WHEEL_PURELIB, /* site-packages, as is platlib in an environment */
	WHEEL_PLATLIB,
	WHEEL_SCRIPTS, /* bin */
	WHEEL_DATA,    /* the environment itself */
	WHEEL_HEADERS, /* include/site/pythonX.Y/NAME */
	WHEEL_SCHEME_COUNT,
};

/* As a ".data" directory has it: "purelib". */
const char *wheel_scheme_name(enum wheel_scheme scheme);

struct wheel_file {
	enum wheel_scheme scheme;
	const char *path;   /* below the scheme's directory: relative, normalised, UTF-8 */
	const char *source; /* in the wheel */
	const char *hash;   /* as RECORD has it, for a new RECORD: "sha256=…"; NULL: unsigned */
	mode_t mode;        /* 0644 or 0755 */
	uint64_t size;
	int64_t mtime; /* seconds since 1970, not before 1980-01-02 */
	const struct archive_entry *entry;
};

struct wheel {
	struct wheel_name name;
	struct wheel_metadata metadata;
	struct entry_points entry_points;
	char *dist_info; /* its directory in site-packages: "numpy-1.26.4.dist-info" */
	bool purelib;    /* Root-Is-Purelib */

	/*
	 * What it installs, sorted by source, and no two to one place. Without RECORD, INSTALLER,
	 * REQUESTED and direct_url.json, which are the installer's to write, and without scripts
	 * that have the name of an entry point: pip makes its own in their place.
	 */
	struct wheel_file *files;
	size_t count;
	uint64_t size; /* of all files, in bytes */

	struct string_list warnings; /* sentences about what is odd but no reason to refuse it */

	int fd;
	struct archive *archive;
	struct record record;
};

#define _cleanup_wheel_ __attribute__((cleanup(wheel_freep)))

/* -EBADMSG and the reason: it is refused, and always will be; -ENOENT and the like: it cannot be
 * read; -ENOMEM. The error's file is @path. Once open, any thread may look at the wheel. */
int wheel_open(const char *path, struct wheel **out, struct error *error);

/* The same for an open file, which is taken over, also on failure; its offset is not used.
 * @file_name is that of the wheel, without a directory. */
int wheel_open_fd(int fd, const char *file_name, struct wheel **out, struct error *error);
void wheel_free(struct wheel *wheel);
void wheel_freep(struct wheel **wheel);

/* Reads contents; for one thread at a time. A wheel may have several, and outlives them. */
struct wheel_reader;

#define _cleanup_wheel_reader_ __attribute__((cleanup(wheel_reader_freep)))

int wheel_reader_open(const struct wheel *wheel, struct wheel_reader **out, struct error *error);
void wheel_reader_free(struct wheel_reader *reader);
void wheel_reader_freep(struct wheel_reader **reader);

/* Takes the next bytes of a file. 0: go on; anything else ends the reading. */
typedef int wheel_sink(void *context, const void *data, size_t length);

/*
 * Hands all bytes of a file to @sink, at most file->size. 0: they are what the wheel's directory
 * and its RECORD say; @sha256, which may be NULL, is their digest. -EBADMSG and the reason: they
 * are not, which is known only after the last one. What @sink returns other than 0 is passed on.
 */
int wheel_reader_read(struct wheel_reader *reader, const struct wheel_file *file, wheel_sink *sink,
		      void *context, uint8_t sha256[RECORD_SHA256_SIZE], struct error *error);

/* Reads every file once and keeps nothing: whether the whole wheel is good. */
int wheel_verify(const struct wheel *wheel, struct error *error);

/* How long the first line of a script is, its end included, when it stands for whatever interpreter
 * it will be installed for: "#!python", as PEP 427 has it. Else 0. */
size_t wheel_script_head(const void *data, size_t length);
