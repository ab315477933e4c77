/*
 * Versions of distributions (PEP 440, "Version identifiers"): reading, comparing, normalising.
 *
 * Numbers may have any length; nothing is lost to an integer type.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A part of the normalised text, such as "2" or "ubuntu.1"; text is NULL when there is none. */
struct version_part {
	const char *text;
	size_t length;
};

struct version {
	char *text; /* normalised: "1!2.0rc1.post2.dev3+ubuntu.1" */

	/* All of these point into text and hold what follows the letters. */
	struct version_part epoch; /* none: 0 */
	struct version_part release;
	struct version_part pre;
	struct version_part post;
	struct version_part dev;
	struct version_part local;
	char pre_phase; /* 'a', 'b' or 'r', for alpha, beta and release candidate; 0 without pre */
};

#define _cleanup_version_ __attribute__((cleanup(version_clear)))

/* The longest version that is read, in bytes. */
#define VERSION_MAX 255

/* Reads the @length bytes at @text; white space around them, a "v" in front and the spellings that
 * PEP 440 lists are taken. -EINVAL: it is no version (@out is untouched); -ENOMEM. */
int version_parse(const char *text, size_t length, struct version *out);
void version_clear(struct version *version);

/* Less than, equal to, or greater than zero, in the order of PEP 440. "1.0" and "1" are equal;
 * "1.0" and "1.0+local" are not. */
int version_compare(const struct version *a, const struct version *b);

/* As version_compare(), without the local parts. */
int version_compare_public(const struct version *a, const struct version *b);

/* As version_compare(), with epoch and release alone. */
int version_compare_release(const struct version *a, const struct version *b);

/* How many numbers the release has: 3 for "1.2.3rc1". */
size_t version_release_count(const struct version *version);

/* Whether the epochs are equal and so are the first @count numbers of the releases; missing ones
 * are 0. */
bool version_release_matches(const struct version *a, const struct version *b, size_t count);

/* An alpha, beta, release candidate, or a development release of anything. */
bool version_is_prerelease(const struct version *version);
