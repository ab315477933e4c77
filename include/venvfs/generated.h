/*
 * The generated files of an environment: one table of {path, kind, mode, render}. A renderer takes
 * spec, interpreter and mount point, and nothing else, so what it says is always true of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "venvfs/buffer.h"
#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/spec.h"

struct generated_context {
	const struct spec *spec;
	const struct interpreter *interpreter;
	const char *mountpoint; /* absolute, as the user named it */
	const char *prompt;     /* never NULL */
};

struct generated_entry {
	/* Below the root, "{X.Y}" standing for the version ("3.11"). Parents come before children.
	 */
	const char *path;
	mode_t mode; /* with the kind: S_IFDIR, S_IFREG or S_IFLNK */
	/* Appends the content of a file, or the target of a link. NULL for directories. 0 or
	 * -errno. */
	int (*render)(const struct generated_context *context, struct buffer *out);
	/* Whether this environment has the entry at all; NULL: always. */
	bool (*present)(const struct generated_context *context);
	/* Once deleted it stays so, like a package's script; the others are back at the next mount. */
	bool removable;
};

/* The table, sorted by nothing but parents first; ends with a NULL path. */
extern const struct generated_entry generated_table[];

/* @entry's path with the version filled in, to be freed, or NULL without memory. */
char *generated_path(const struct generated_entry *entry, const struct generated_context *context);

/* Whether an environment can be at @path: it must be fit for PATH (no colon), for scripts and for
 * pyvenv.cfg (UTF-8, no control characters). -EINVAL. */
int generated_check_mountpoint(const char *path, struct error *error);

/* What follows the first lines of a script that runs @object of @module, both dotted names of Python
 * (the "entry points" of packaging.python.org). */
void generated_script_body(struct buffer *out, const char *module, const char *object);

/*
 * The first lines of a script whose interpreter is @python (PEP 394, distlib): "#!PYTHON\n", or
 * the "#!/bin/sh" form with 'exec' when the path is too long for the kernel or holds a space.
 * Quoted for sh. Used for generated scripts and for those that are given the mount's shebang.
 */
void generated_shebang(struct buffer *out, const char *python);

/* As generated_shebang(), for `relocatable = true`: finds python beside the script. */
void generated_shebang_relocatable(struct buffer *out);
