/*
 * One environment, put together: spec, interpreter, store, layers, tree.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "venvfs/env_store.h"
#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/spec.h"
#include "venvfs/tree.h"

/* How the base interpreter is doing. */
enum base_state {
	BASE_OK,
	BASE_GONE,  /* it cannot be found any more */
	BASE_OTHER, /* another X.Y is in its place */
};

struct environment {
	struct spec *spec;
	char *mountpoint; /* absolute, as the user named it */
	char *prompt;
	bool read_only;
	struct env_store *store; /* NULL: read-only, and there is none */
	struct packages *packages; /* NULL: the spec has no requirements */
	struct tree *tree;
	struct layer *generated; /* the tree's layer 0; belongs to the tree */
	char *executable;	 /* of the base; constant, unlike what is known about it */
	int minor; /* of 3.X */
	_Atomic int base_state;
	time_t mounted;
};

/*
 * Puts the environment of @spec_path together, to be shown at @mountpoint. On failure nothing is
 * left behind but caches, and @errors says everything that is known to be wrong.
 */
int environment_open(const char *spec_path, const char *mountpoint, bool read_only,
		     struct environment **out, struct error_list *errors);
void environment_free(struct environment *environment);

/*
 * Watches the base interpreter in a thread of its own: when it is upgraded, what is generated is
 * rendered anew; when it is gone or becomes another X.Y, status and log say so. @invalidate is
 * called for each file whose bytes or (data false) attributes the kernel must forget. The watch
 * ends with base_watch_stop(). Failing to watch is a warning, not an error: NULL.
 */
struct base_watch;
struct base_watch *base_watch_start(struct environment *environment,
				    void (*invalidate)(void *arg, uint64_t id, bool data),
				    void *arg);
void base_watch_stop(struct base_watch *watch);
