/*
 * The spec: what an environment is made of, as its owner wrote it (venvfs.cfg(5)).
 *
 * Loading reads and checks the text alone; whether the interpreter runs or the layers exist is for
 * those who use them. All paths in a loaded spec are absolute and normalised, links unresolved;
 * relative ones counted from the spec's directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/string_list.h"

struct spec_layer {
	char *name; /* the key, for messages */
	char *path;
	bool prefix; /* laid out like a whole environment ("prefix:PATH"), not like site-packages */
	unsigned line; /* where it stands in the spec */
};

/* What becomes of bytecode that the layers of the packages do not have yet. */
enum spec_bytecode {
	SPEC_BYTECODE_BACKGROUND, /* made after mounting; the next mount shows it */
	SPEC_BYTECODE_WAIT,       /* made before mounting */
	SPEC_BYTECODE_NO,         /* neither made nor shown */
};

struct spec {
	char *path; /* of the spec itself */
	char *text; /* its bytes, for .venvfs/spec */

	/* [environment] */
	char *prompt; /* NULL: the last part of the mount point */
	bool system_site_packages;

	/* [base-executable] */
	char *executable; /* an absolute path, or a bare name to look for on PATH; default "python3"
			   */
	unsigned executable_line;
	char *python_version; /* "3.11" or "3.11.4", or NULL: any */
	unsigned python_version_line;

	/* [install-scripts] */
	bool relocatable;

	/* [store] */
	char *store;         /* default: $XDG_DATA_HOME/venvfs/envs/NAME-HASH, of the spec's path */
	unsigned store_line; /* 0: the default */

	/* [packages] */
	bool pip;
	char *requirements; /* absolute path of a requirements file, or NULL */
	unsigned requirements_line;
	struct string_list find_links; /* absolute paths of directories, or URLs */
	unsigned find_links_line;
	struct string_list unlinked; /* names, normalised, of projects that have no links */
	struct string_list find_links_written; /* the same, as the spec has them */
	char *wheel_store;                     /* NULL: the user's own */
	unsigned wheel_store_line;
	enum spec_bytecode bytecode;

	/* [layers], highest first */
	struct spec_layer *layers;
	size_t layer_count;
};

/*
 * Loads the spec at @path. On success *out is set and @errors is untouched. Otherwise a negative
 * errno, and @errors has everything that is wrong with it, each with file and line: not only the
 * first. -ENOENT and the like: it could not be read; -EINVAL: it is not a valid spec.
 */
int spec_load(const char *path, struct spec **out, struct error_list *errors);

/* As spec_load(), for who wants to know all that is wrong: where it returns -EINVAL, *out is what
 * the rest of the text says, with defaults for what is missing or wrong; or NULL. */
int spec_load_in_part(const char *path, struct spec **out, struct error_list *errors);
void spec_free(struct spec *spec);
