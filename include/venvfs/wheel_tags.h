/*
 * What the file name of a wheel says (PEP 427), and which wheels an interpreter takes (PEP 425,
 * 600): name, version, an optional build number, and the interpreters, ABIs and platforms that it
 * is for.
 *
 *	numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
 */
#pragma once

#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/version.h"

struct wheel_name {
	char *name;       /* as written */
	char *normalised; /* PEP 503 */
	struct version version;
	char *build; /* begins with a digit; NULL: none */
	/* Each one tag, or several with dots between them ("py2.py3"); lower case. */
	char *python;
	char *abi;
	char *platform;
};

#define _cleanup_wheel_name_ __attribute__((cleanup(wheel_name_clear)))

/* Reads a file name without its directory. -EINVAL and the reason: it is not one of a wheel;
 * -ENOMEM. @out is set on success only, and then to be cleared. */
int wheel_name_parse(const char *file_name, struct wheel_name *out, struct error *error);
void wheel_name_clear(struct wheel_name *name);

/* Less than, equal to, or greater than zero: of two wheels of the same version that fit equally
 * well, the one with the greater build number is preferred; none is the least. */
int wheel_name_compare_builds(const struct wheel_name *a, const struct wheel_name *b);

/* The tags that an interpreter supports. Any thread may ask once it is made. */
struct wheel_tags;

#define _cleanup_wheel_tags_ __attribute__((cleanup(wheel_tags_freep)))

/* From the list that pip has for that interpreter (packaging.tags.sys_tags()), best first, with white
 * space between ("cp311-cp311-manylinux_2_36_x86_64 …"). -ENOMEM, or -EINVAL: it is empty. */
int wheel_tags_new(const char *list, struct wheel_tags **out);
void wheel_tags_free(struct wheel_tags *tags);
void wheel_tags_freep(struct wheel_tags **tags);

/* How well a wheel fits: the place of the best of its tags in that list, 0 for the first of all.
 * Of two wheels of a version, the lower one is to be taken. -ENOENT: it does not fit. */
int wheel_tags_rank(const struct wheel_tags *tags, const struct wheel_name *name);
