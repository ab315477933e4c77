/*
 * The names of projects and of extras (PEP 503, 508, 685): "Foo.Bar" and "foo-bar" are one name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether the @length bytes at @name are letters, digits, ".", "-" and "_", with a letter or a
 * digit at both ends; ASCII, at most 255 bytes. */
bool project_name_is_valid(const char *name, size_t length);

/* Lower case, with each run of ".", "-" and "_" made one "-". To be freed; NULL without memory. */
char *project_name_normalise(const char *name, size_t length);

/* Whether both have the same normalised form. */
bool project_name_equal(const char *a, size_t a_length, const char *b, size_t b_length);
