/*
 * Taking over a virtual environment that exists: its packages become layers of a wheel store, and a
 * spec with its lock names them.
 *
 * The environment is only read, and not believed: it may be another user's. Files are opened
 * beneath its root, links are not followed, a package counts only as far as its RECORD is true, and
 * the interpreter that pyvenv.cfg names is run only when it is root's or the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"

struct venv_import_options {
	const char *venv;
	const char *spec;   /* NULL: NAME.cfg in the working directory, NAME being the venv's */
	const char *python; /* the base interpreter; NULL: the one of pyvenv.cfg */
	bool with_changes; /* what could not be taken over is copied into the environment's store */
};

/* Why something was not taken over. */
enum venv_finding_kind {
	VENV_EDITABLE,  /* a package that is a link to a project */
	VENV_BROKEN,    /* a package whose files are not those that RECORD lists */
	VENV_NO_RECORD, /* a package that no wheel installer has installed */
	VENV_CHANGED,   /* a file of a package that is there as a layer, unchanged */
	VENV_UNOWNED,   /* a file that no package owns */
};

struct venv_finding {
	enum venv_finding_kind kind;
	char *what;    /* the package, or the path below the environment */
	char *detail;  /* or NULL */
	char *package; /* of a file: the package that was not taken over and has it, or NULL */
	bool copied;   /* into the environment's store; of a package, the files that it has */
};

/* What a package that was taken over requires and the new environment lacks. */
struct venv_unmet {
	char *by, *version; /* the package and its version */
	char *requirement;  /* "six>=1.5", without its marker */
	char *name;         /* what is required, normalised */
	bool lost;          /* the virtual environment has it, but it was not taken over */
};

struct venv_package {
	char *name, *version;
	char *file;  /* the wheel's name */
	bool reused; /* its layer was in a store */
};

struct venv_import_result {
	char *spec, *requirements, *lock; /* what was written */
	struct venv_package *packages;    /* sorted by name */
	size_t package_count;
	struct venv_finding *findings;
	size_t finding_count;
	struct venv_unmet *unmet;
	size_t unmet_count;
	size_t copied; /* files */
};

#define _cleanup_venv_import_result_ __attribute__((cleanup(venv_import_result_clear)))

/* How a kind is called in JSON: "editable". */
const char *venv_finding_name(enum venv_finding_kind kind);

/*
 * Takes @options->venv over. -EEXIST: one of the files is there already; -EPERM: the interpreter is
 * another user's; -EINVAL: it is no virtual environment. Nothing is written then, but wheels that
 * were imported stay in the store until gc. @out is to be cleared in every case.
 */
int venv_import(const struct venv_import_options *options, struct venv_import_result *out,
		struct error_list *errors);
void venv_import_result_clear(struct venv_import_result *result);
