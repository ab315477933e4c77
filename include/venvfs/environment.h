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
#include "venvfs/share.h"
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
	struct share share;
	struct env_store *store;   /* NULL: read-only, and there is none */
	struct packages *packages; /* NULL: the spec has no requirements */
	struct tree *tree;
	struct layer *generated; /* the tree's layer 0; belongs to the tree */
	char *executable;        /* of the base; constant, unlike what is known about it */
	char *stdlib;            /* likewise: the directory of its standard library, */
	char *cache_tag;         /* and what its bytecode is called after */
	char *site_packages;     /* where packages are, from the environment's root */
	int minor;               /* of 3.X */
	_Atomic int base_state;
	time_t mounted;
};

/* What the mount is to be, as far as it matters here. */
struct environment_options {
	bool read_only;
	bool others; /* other users than the mounter can reach it */
	enum share_mode share;
};

/*
 * Puts the environment of @spec_path together, to be shown at @mountpoint. On failure nothing is
 * left behind but caches, and @errors says everything that is known to be wrong.
 */
int environment_open(const char *spec_path, const char *mountpoint,
		     const struct environment_options *options, struct environment **out,
		     struct error_list *errors);
void environment_free(struct environment *environment);

/* A file of the kind that its packages show, or one of the base's where it has none: a descriptor,
 * for trying out what the kernel can do, or a negative errno. */
int environment_open_sample(const struct environment *environment);

/* Whether layers of the environment are to be compiled once it can be used, and doing that. */
bool environment_lacks_bytecode(const struct environment *environment);
void environment_compile(const struct environment *environment);

/* Has the layers of a spec that is locked compiled, as the spec says: before this returns, or in
 * the background. */
int environment_compile_locked(const struct spec *spec, const struct interpreter *interpreter,
			       struct error_list *errors);

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
