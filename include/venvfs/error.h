/*
 * Errors.
 *
 * Functions return 0, or a negative errno that callers pass on unchanged. Where a person has to
 * read what went wrong, the function also takes a `struct error *` and fills it at the place where
 * the cause is known: one sentence, where it happened (file and line of a spec, say), and what to
 * do about it. Callers add nothing and swallow nothing.
 *
 * A `struct error` may be passed on the stack; it owns its strings. Every function here accepts
 * NULL for it and then only passes the code through.
 */
#pragma once

#include <stddef.h>

struct error {
	char *message; /* one sentence without a newline; NULL: no error */
	char *file;    /* what it is about, or NULL */
	unsigned line; /* 1-based line in file; 0: none */
	char *hint;    /* what to do, or NULL */
};

#define ERROR_INIT                                                                                 \
	{                                                                                          \
		NULL, NULL, 0, NULL                                                                \
	}
#define _cleanup_error_ __attribute__((cleanup(error_clear)))

/* Sets the message (replacing an older one) and returns @code, a negative errno. */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set(), and appends ": " and strerror(-code). */
int error_set_errno(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds where it happened. @line 0: the file as a whole. */
void error_at(struct error *error, const char *file, unsigned line);

/* Adds what to do about it. */
void error_hint(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *error);

/* "file:line: message\n  hint" in a new string, or NULL when there is no memory. */
char *error_format(const struct error *error);

/* Several errors at once, for a checker that reports all that is wrong. Zero-initialised. */
struct error_list {
	struct error *items;
	size_t count;
};

#define _cleanup_error_list_ __attribute__((cleanup(error_list_clear)))

/* A new, empty error at the end of the list, or NULL without memory; the list owns it. The pointer
 * is valid until the next call. */
struct error *error_list_add(struct error_list *list);

/* Moves @error to the end of the list, unless it is empty, and returns @code. */
int error_list_take(struct error_list *list, struct error *error, int code);
void error_list_clear(struct error_list *list);
