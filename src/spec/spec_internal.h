/*
 * Between the two halves of this room: spec_ini.c knows what INI is and nothing of venvfs; spec.c
 * knows the sections and keys and nothing of lines.
 */
#pragma once

#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/spec.h"

/* The longest line, in bytes, without the blanks around it: what inih's usual buffer of 200 bytes
 * holds. */
#define SPEC_LINE_MAX 198

/* The largest spec, in bytes. */
#define SPEC_SIZE_MAX (1024 * 1024)

/* One "key = value" line. The strings are valid until the handler returns. */
struct spec_entry {
	const char *section; /* NULL: before the first section */
	const char *key;     /* never empty */
	const char *value;   /* may be empty */
	unsigned line;
};

/*
 * Who is told what a text holds, line by line. A handler returns 0; or -EINVAL after it has added
 * an error to the list, and reading goes on; anything else ends the reading.
 */
struct spec_ini_handlers {
	/* A section is seen for the first time. */
	int (*section)(void *user, const char *name, unsigned line);
	/* A key is seen for the first time in its section. */
	int (*entry)(void *user, const struct spec_entry *entry);
};

/*
 * Reads the @length bytes of @text; @file is its name for messages. Whatever is not plain UTF-8,
 * not INI, too long or said twice is added to @errors. 0; -EINVAL when an error was added, by us or
 * by a handler; or what a handler returned.
 */
int spec_ini_read(const char *text, size_t length, const char *file,
		  const struct spec_ini_handlers *handlers, void *user, struct error_list *errors);

/* Remembers on which line a text was seen first, in O(log n), because a spec may have any number
 * of layers. Zero-initialised. */
struct first_lines {
	void *root; /* of tsearch(3) */
};

/* The first line that @text was added with: @line itself when it is new. 0: no memory. */
unsigned first_lines_add(struct first_lines *seen, const char *text, unsigned line);
void first_lines_clear(struct first_lines *seen);

/*
 * spec_load() for a text that is in memory already. @path is absolute and normalised; no file is
 * touched. Same results.
 */
int spec_parse(const char *path, const char *text, size_t length, struct spec **out,
	       struct error_list *errors);
