/*
 * Between the files of this room.
 *
 * venv_base.c    the environment itself: pyvenv.cfg and the base interpreter
 * venv_dist.c    one distribution in it, compared with its RECORD
 * venv_wheel.c   makes a wheel of it again
 * venv_match.c   or finds the layer that it came from
 * venv_rest.c    what no package owns
 * venv_import.c  the whole: store, spec, requirements, lock
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "venvfs/entry_points.h"
#include "venvfs/interpreter.h"
#include "venvfs/lock.h"
#include "venvfs/record.h"
#include "venvfs/string_list.h"
#include "venvfs/venv_import.h"

/* The longest file of dist-info that is read. */
#define VENV_INFO_MAX (64u << 20)

struct venv {
	char *path;      /* absolute, as named */
	char *real;      /* links resolved */
	int root;        /* O_RDONLY directory */
	int site;        /* likewise, of site-packages */
	char *site_path; /* "lib/python3.11/site-packages" */
	char *prompt;    /* NULL: it has none of its own */
	bool system_site_packages;
	struct interpreter *interpreter;
};

/* Opens it, and asks @python, or the base that it names. Cleared in every case. */
int venv_open(const char *path, const char *python, struct venv *out, struct error *error);
void venv_clear(struct venv *venv);

/* Opens a regular file of the environment. -EINVAL: it is something else; -ELOOP: a link. */
int venv_open_file(const struct venv *venv, const char *path);

/* A row of RECORD. */
struct venv_row {
	char *path;       /* below the environment */
	char *in_wheel;   /* where the wheel has it; NULL: that is for the installer to make */
	const char *hash; /* as RECORD has it, or NULL */
	bool changed;     /* its bytes are not those of the hash */
	bool missing;     /* there is no such regular file */
};

struct venv_dist {
	char *directory; /* "numpy-1.26.4.dist-info" */
	char *name;      /* as METADATA has it */
	char *normalised;
	char *version;
	char *file; /* the name of its wheel */
	struct record record;
	struct entry_points scripts;
	struct venv_row *rows;
	size_t count;
	size_t changed, missing; /* of rows that the wheel has */
	char *problem; /* why it cannot be taken; NULL: it can, as far as RECORD is true */
	enum venv_finding_kind kind; /* of the problem */
};

/* Reads the distribution in @directory of site-packages. What is wrong with it is its `problem`,
 * and no error. Cleared in every case. */
int venv_dist_read(const struct venv *venv, const char *directory, struct venv_dist *out);
void venv_dist_clear(struct venv_dist *dist);

/* Compares its files with RECORD. */
int venv_dist_compare(const struct venv *venv, struct venv_dist *dist);

/* Writes its wheel to @path, which does not exist. */
int venv_wheel_write(const struct venv *venv, const struct venv_dist *dist, const char *path,
		     struct error *error);

/* Finds a layer that is of a wheel of the same name, version and tags, and of the same files. 1
 * with
 * @out, whose strings are to be freed; 0: there is none. */
int venv_match_layer(const struct lock_stores *stores, const struct venv_dist *dist,
		     struct lock_package *out);

/* Appends a finding. -ENOMEM. */
int venv_note(struct venv_import_result *result, enum venv_finding_kind kind, const char *what,
	      const char *detail);

/* Finds the files that are not in @owned, which is sorted, and not made by whoever made the
 * environment: a finding each, but for bytecode. */
int venv_find_rest(const struct venv *venv, const struct string_list *owned,
		   struct venv_import_result *result);

/* Whether the sorted list has it. */
bool venv_list_has(const struct string_list *sorted, const char *text);

/* Copies the files of all findings into the store of the environment of the spec at @spec. */
int venv_copy_rest(const struct venv *venv, const char *spec, struct venv_import_result *result,
		   struct error_list *errors);
