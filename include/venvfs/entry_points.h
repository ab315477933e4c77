/*
 * entry_points.txt (packaging.python.org, "Entry points specification") as far as it asks for
 * scripts: the groups console_scripts and gui_scripts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"

struct entry_point {
	char *name;   /* of the script: letters, digits, ".", "_", "-" and "+", ASCII */
	char *module; /* dotted: "pip._internal.cli.main" */
	char *object; /* dotted: "main" */
	bool gui;
	unsigned line;
};

struct entry_points {
	struct entry_point *items; /* in the order written; no name twice */
	size_t count;
};

#define _cleanup_entry_points_ __attribute__((cleanup(entry_points_clear)))

/*
 * Reads an entry_points.txt. As the name becomes the name of a program, and the rest becomes code,
 * nothing but what is described above is taken; a name that an environment has for itself (see
 * below) is refused. -EINVAL and the reason, with the line; -ENOMEM. @out is set on success only,
 * and then to be cleared.
 */
int entry_points_parse(const char *text, size_t length, struct entry_points *out,
		       struct error *error);
void entry_points_clear(struct entry_points *points);

/* Whether @name in bin/ is the interpreter's: "python", and with a version and letters behind it,
 * such as "python3", "python3.13t", "pythonw". "python-argcomplete" is not. */
bool entry_points_is_python(const char *name);
