/*
 * The fields at the head of a text, as in a mail (RFC 5322, and what Python's email.parser makes of
 * it): METADATA and WHEEL are written so. Private to src/wheel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/buffer.h"

struct header_field {
	const char *name; /* points into the text */
	size_t name_length;
	struct buffer value; /* its lines joined by a space, without white space around */
};

/* Takes the next field off the text; its value is the one before, overwritten, and to be freed in
 * the end. False: the fields end here, at an empty line, at one that is no field, or without
 * memory, which buffer_status() of the value knows. */
bool header_next(const char **text, size_t *left, struct header_field *field);

/* Names have no case. */
bool header_is(const struct header_field *field, const char *name);
