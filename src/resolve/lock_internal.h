/*
 * The making of a lock, between its files.
 *
 * lock.c         whether one has to be made, and writing it
 * lock_inputs.c  what it is made from
 * lock_check.c   what can be said without making anything
 * gather.c       where wheels may lie
 * obtain.c       what the requirements come to, and all of it in a store
 * exact.c        wheels that are known by digest: of a lock whose layers are gone, or of a
 *                pylock.toml
 * pip_wheels.c   what only pip can get
 * pip_blame.c    whose fault it is when pip cannot
 */
#pragma once

#include "candidate.h"
#include "exact.h"
#include "resolve.h"
#include "target.h"
#include "venvfs/lock.h"
#include "venvfs/requirements_file.h"
#include "venvfs/scratch.h"

/* What a lock is made from: a requirements file with all that it includes, or a pylock.toml. */
struct lock_inputs {
	struct requirements *requirements; /* NULL: it is a pylock.toml */
	char *digest;
};

/* Reads the spec's requirements file as requirements_load() does; that it cannot be read is the
 * spec's error. */
int lock_inputs_load(const struct spec *spec, struct requirements **out, struct error_list *errors);
int lock_inputs_read(const struct spec *spec, const struct interpreter *interpreter,
		     struct lock_inputs *out, struct error_list *errors);
void lock_inputs_clear(struct lock_inputs *inputs);

/* A lock that is being made. */
struct making {
	const struct spec *spec;
	const struct interpreter *interpreter;
	const struct lock_inputs *inputs;
	const struct lockfile *pinned; /* of the same inputs, with layers that are gone; or NULL */
	const char *path;              /* of the lock */
	struct lock_stores stores;     /* for reading */
	struct store *store; /* the spec's own, open for adding; held but while pip runs */
	struct target target;
	struct candidates candidates;
	char *asked; /* why pip was asked; NULL: it was not */
};

void making_clear(struct making *making);

/*
 * Looks at the lock that is there, and opens the stores. 1: it is good as it is, and *out has it.
 * 0: it has to be made; one of the same inputs is in *current, which is the caller's to free.
 */
int lock_look(struct making *making, enum lock_demand demand, struct lockfile **current,
	      struct lock_result *out, struct error_list *errors);

/* gather.c */

/*
 * What obtain_packages() begins with, and lock_check() too: asks the Python what it takes, and
 * finds all wheels of the places that spec and requirements name, in their order, then of the
 * stores. *web: one of the places is for pip to look at.
 */
int gather(struct making *making, bool *web, struct error_list *errors);

/* Prints what is odd in what was resolved. */
void print_warnings(const struct resolution *resolution);

/* obtain.c */

/* Adds the packages to @exacts, and returns 1, where they are known exactly: by the lock that was
 * there, or by a pylock.toml. 0: they are what requirements come to. */
int obtain_exacts(const struct making *making, struct exacts *exacts, struct error_list *errors);

/* Fills @lock with all packages that the requirements come to. */
int obtain_packages(struct making *making, struct lockfile *lock, struct error_list *errors);

/* pip_wheels.c */

/* A scratch directory of the store, for pip to put wheels into. */
struct pip_wheels {
	struct making *making;
	struct scratch scratch;
	char *directory; /* its path; NULL: there is none */
};

#define _cleanup_pip_wheels_ __attribute__((cleanup(pip_wheels_clear)))

int pip_wheels_new(struct making *making, struct pip_wheels *out, struct error *error);
void pip_wheels_clear(struct pip_wheels *wheels);

/*
 * Has pip put wheels into it: all that the spec's requirements come to, within @constraints; or,
 * when
 * @exact is given, what that text of requirements names and nothing else. Meanwhile the store is
 * not held.
 */
int pip_wheels_make(struct pip_wheels *wheels, const char *constraints, const char *exact,
		    struct error *error);

/* Gives an error of pip's the file and line of the requirement that it is about, or else those of
 * the spec's requirements. */
void pip_blame(const struct making *making, struct error *error);
