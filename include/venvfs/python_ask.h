/*
 * What only the base interpreter's own code knows. Each is one short run, isolated as when it is
 * probed, and with the pip wheel that it has at hand as its library.
 */
#pragma once

#include <jansson.h>

#include "venvfs/error.h"
#include "venvfs/interpreter.h"

/* What decides which packages it takes: {"markers": {NAME: TEXT, …}, "tags": "TAG TAG …"}, tags best
 * first; checked by nobody. -ENOENT with the package to install: it has no pip wheel; -EIO. *out is
 * the caller's. */
int python_ask_facts(const struct interpreter *interpreter, json_t **out, struct error *error);

/* Reads the TOML file at @path. -EINVAL: it is none, with file and line in @error; -EIO. *out is the
 * caller's. */
int python_read_toml(const struct interpreter *interpreter, const char *path, json_t **out,
		     struct error *error);
