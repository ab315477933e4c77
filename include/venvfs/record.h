/*
 * RECORD: the list of what a distribution has installed (PEP 376, 427; packaging.python.org,
 * "Recording installed projects"), a CSV file as Python's csv module writes it:
 *
 *	numpy/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venvfs/buffer.h"
#include "venvfs/error.h"
#include "venvfs/string_list.h"

struct record_row {
	const char *path;
	const char *hash; /* "ALGORITHM=DIGEST", sha256, sha384 or sha512; NULL: none */
	uint64_t size;
	bool has_size;
};

struct record {
	struct record_row *rows; /* sorted by path */
	size_t count;
	char *text; /* what the rows point into */
};

#define _cleanup_record_ __attribute__((cleanup(record_clear)))

/*
 * Reads a RECORD. -EINVAL and the reason, with the line; -ENOMEM. @out is set on success only, and
 * then to be cleared.
 *
 * Each path is there once. Rows that say the same are joined, those that do not are refused; but of
 * bytecode that a wheel brings, pip adds a row of its own when it compiles, without a hash: the
 * wheel's is the one that is kept.
 */
int record_parse(const char *text, size_t length, struct record *out, struct error *error);

/* Appends the paths that a RECORD lists, as far as it can be read, to @out. -ENOMEM. */
int record_list_paths(const char *text, size_t length, struct string_list *out);

void record_clear(struct record *record);

/* The row of that path, or NULL. */
const struct record_row *record_find(const struct record *record, const char *path);

/* Appends a row, as pip writes it; @hash NULL leaves hash and size out. */
void record_append(struct buffer *out, const char *path, const char *hash, uint64_t size);

#define RECORD_SHA256_SIZE 32
#define RECORD_HASH_SIZE   (sizeof("sha512=") + 88)

/* "sha256=…" for a digest. */
void record_format_sha256(const uint8_t digest[RECORD_SHA256_SIZE], char out[RECORD_HASH_SIZE]);

/* Hashes bytes as they come, to compare them with what a RECORD says, and by SHA-256 in any case.
 */
struct record_hasher;

#define _cleanup_record_hasher_ __attribute__((cleanup(record_hasher_freep)))

/* @hash is that of a row, which outlives the hasher, or NULL. */
int record_hasher_new(const char *hash, struct record_hasher **out);
/* The same with a hasher that has been used, also where that did not end: cheaper than a new one.
 */
int record_hasher_restart(struct record_hasher *hasher, const char *hash);
void record_hasher_free(struct record_hasher *hasher);
void record_hasher_freep(struct record_hasher **hasher);

int record_hasher_add(struct record_hasher *hasher, const void *data, size_t length);

/* Once, at the end. -EBADMSG: the hash is not that of the row. @sha256 may be NULL. */
int record_hasher_finish(struct record_hasher *hasher, uint8_t sha256[RECORD_SHA256_SIZE]);
