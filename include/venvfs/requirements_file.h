/*
 * Requirements files, in pip's format: requirements one a line, options of pip, comments,
 * continued lines, "${VARIABLE}", and other such files by -r and -c.
 *
 * Reading decides nothing: it says what each line is, and which lines only pip itself can follow.
 * Where pip looks at the working directory, paths here count from the file that names them, as all
 * paths of a spec do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/requirement.h"
#include "venvfs/string_list.h"

enum requirements_kind {
	REQUIREMENTS_NAMED,       /* `requirement`, from wherever it can be had */
	REQUIREMENTS_WHEEL,       /* the wheel at `value`, an absolute path; `requirement` has its
				   * name, extras and marker */
	REQUIREMENTS_FIND_LINKS,  /* -f: `value` is an absolute path, or a URL that is no file's */
	REQUIREMENTS_OPTION,      /* an option about indexes, which only pip reads: `value` */
	REQUIREMENTS_NEEDS_PIP,   /* `value` says why: "an editable install" */
	REQUIREMENTS_FILE,        /* -r: `value` is an absolute path (never after loading) */
	REQUIREMENTS_CONSTRAINTS, /* -c: likewise */
};

struct requirements_line {
	enum requirements_kind kind;
	const char *file; /* where it stands */
	unsigned line;    /* the first, when it is continued */
	bool constraint;  /* in a file that -c names: narrows, but asks for nothing */
	bool editable;    /* -e */
	char *text;       /* the whole line, joined, without its comment */
	struct requirement *requirement; /* or NULL */
	char *value;                     /* or NULL */
	struct string_list hashes;       /* "sha256:HEX", lower case; any of them will do */
};

struct requirements {
	struct requirements_line *lines;
	size_t count;
	struct string_list files; /* all that were read, in that order: absolute paths */
	bool require_hashes;      /* --require-hashes, or any line has one (pip's rule) */
	bool no_index;
	bool pre;
};

#define _cleanup_requirements_ __attribute__((cleanup(requirements_freep)))

/* The longest file, in bytes, and how many there may be, one that is named twice counted twice. */
#define REQUIREMENTS_FILE_MAX  (16 << 20)
#define REQUIREMENTS_FILES_MAX 256

/* Reads the file at @path, an absolute path, and all that it names. On success *out is set and
 * @errors untouched; else everything that is wrong is in @errors, with file and line. -EINVAL: the
 * text is wrong; -ENOENT and the like: a file could not be read; -ENOMEM. */
int requirements_load(const char *path, struct requirements **out, struct error_list *errors);

/* As requirements_load(), from memory and without opening any file: -r and -c are lines of their
 * own. @path, absolute, is what the text is called and what relative paths count from. */
int requirements_parse(const char *path, const char *text, size_t length, struct requirements **out,
		       struct error_list *errors);

void requirements_free(struct requirements *requirements);
void requirements_freep(struct requirements **requirements);
