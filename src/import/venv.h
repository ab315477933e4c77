/*
 * Between the files of this room.
 *
 * venv_base.c    the environment itself: pyvenv.cfg and the base interpreter
 * venv_dist.c    one distribution in it, compared with its RECORD
 * venv_wheel.c   makes a wheel of it again
 * venv_match.c   or finds the layer that it came from
 * venv_left.c    the packages that were not taken over, and which files are theirs
 * venv_needs.c   what those that were taken over require of them
 * venv_rest.c    what no package owns
 * venv_import.c  the whole: store, spec, requirements, lock
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "venvfs/buffer.h"
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
	struct string_list requires; /* Requires-Dist, as METADATA has it */
	char *file;                  /* the name of its wheel */
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

/* Appends the file @name of the dist-info, or egg-info, @directory of site-packages, as
 * io_read_fd(). */
int venv_read_info(const struct venv *venv, const char *directory, const char *name,
		   struct buffer *out);

/* The path in a row of RECORD, which counts from site-packages, as one below the environment, to be
 * freed. -EXDEV: it leads out. */
int venv_row_path(const struct venv *venv, const char *row, char **out);

/* Whether @name of site-packages is a file of the dist-info @directory that an installer makes, and
 * so no wheel has. */
bool venv_is_installers(const char *directory, const char *name);

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

/* A package that was not taken over. */
struct venv_left {
	char *package;    /* as it is reported */
	char *normalised; /* its name */
	struct string_list
		paths; /* its files, sorted, below the environment; as far as RECORD tells */
	struct string_list roots; /* and what is at or below these paths */
	size_t finding;           /* the report's index */
};

struct venv_lefts {
	struct venv_left *items;
	size_t count;
};

/* Adds the package of which @entry of site-packages tells, a dist-info or what eggs have. @finding
 * is that of the report. -ENOMEM. */
int venv_left_add(struct venv_lefts *lefts, const struct venv *venv, const char *package,
		  const char *entry, size_t finding);
void venv_lefts_clear(struct venv_lefts *lefts);

/* Whose @path below the environment is; NULL: none's that is known. */
const struct venv_left *venv_left_owner(const struct venv_lefts *lefts, const char *path);

/* The package of that normalised name, or NULL. */
const struct venv_left *venv_left_find(const struct venv_lefts *lefts, const char *normalised);

/* What a package that was taken over requires. */
struct venv_need {
	char *name; /* normalised */
	char *version;
	struct string_list requires; /* Requires-Dist */
	struct string_list extras;   /* of it that others ask for */
};

struct venv_needs {
	struct venv_need *items;
	size_t count;
};

int venv_need_add(struct venv_needs *needs, const struct venv_dist *dist);
void venv_needs_clear(struct venv_needs *needs);

/* Finds all that they require, that none of them is, and that the base does not bring. As pip does,
 * it passes over a requirement that makes no sense. -ENOMEM. */
int venv_find_unmet(const struct venv *venv, struct venv_needs *needs,
		    const struct venv_lefts *lefts, struct venv_import_result *result);

void venv_unmet_clear(struct venv_unmet *unmet);

/* Takes out those that the files meet which were copied meanwhile. */
void venv_unmet_forget_copied(const struct venv_lefts *lefts, struct venv_import_result *result);

/* Finds the files that are not in @owned, which is sorted, and not made by whoever made the
 * environment: a finding each, but for bytecode. */
int venv_find_rest(const struct venv *venv, const struct string_list *owned,
		   const struct venv_lefts *lefts, struct venv_import_result *result);

void venv_list_sort(struct string_list *list);

/* Whether the sorted list has it. */
bool venv_list_has(const struct string_list *sorted, const char *text);

/* Copies the files of all findings into the store of the environment of the spec at @spec, and
 * notes that in the findings, those of packages in @lefts too. */
int venv_copy_rest(const struct venv *venv, const char *spec, const struct venv_lefts *lefts,
		   struct venv_import_result *result, struct error_list *errors);
