/*
 * What the command line says to people: problems to stderr, in colour where that is wanted.
 */
#pragma once

#include <stddef.h>

#include "venvfs/error.h"

/* "venvfs: error: MESSAGE", with the program's own name. */
void output_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "venvfs: warning: MESSAGE" */
void output_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line that belongs to the problem before it, indented. */
void output_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A problem with its place and its hint; where a function failed and left none, what its negative
 * errno @code means. */
void output_error(const struct error *error, int code);

/* As output_error(), for all that a function has found wrong. */
void output_errors(const struct error_list *errors, int code);

/* Shows how far something is that takes long, in one line of the terminal that is written again
 * each time: "12/138 numpy-2.1…". Where stderr is no terminal, or a dumb one, nothing. A
 * progress_fn: without a name the line goes. */
void output_progress(size_t done, size_t total, const char *name);

/* Takes that line away; so does every message above by itself. */
void output_progress_clear(void);

/* The last word, a line that stays, where output_progress() has shown something. */
void output_progress_end(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* @text with control characters and backslashes as a backslash and three octal digits, so that the
 * name of a file can neither break a line nor steer the terminal. To be freed; NULL without memory.
 */
char *output_escape(const char *text);

/* How many columns the terminal @fd has; 0: it is none. */
size_t output_columns(int fd);

/* The columns that @text takes: its characters, taken as UTF-8. */
size_t output_width(const char *text);
