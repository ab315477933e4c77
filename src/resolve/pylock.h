/*
 * pylock.toml (PEP 751; packaging.python.org, "pylock.toml Specification"): what another tool has
 * resolved. What is taken from it is one wheel for each package that is for this Python.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "exact.h"
#include "target.h"
#include "venvfs/interpreter.h"

/* Whether a file is called so: "pylock.toml", "pylock.NAME.toml". */
bool pylock_is_name(const char *name);

/* Reads the file at @path and selects. -EINVAL: all that is wrong is in @errors. */
int pylock_load(const char *path, const struct interpreter *interpreter,
		const struct target *target, struct exacts *out, struct error_list *errors);

/* The same from what the file says. @path is borrowed. */
int pylock_select(const json_t *root, const char *path, const struct target *target,
		  struct exacts *out, struct error_list *errors);
