/* The packages of an environment: the layers that a spec's lock names, found and held. */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/layer.h"
#include "venvfs/share.h"
#include "venvfs/spec.h"
#include "venvfs/string_list.h"

struct packages;

/* No package takes more layers than this: one for each part (wheel_layer.h). */
#define PACKAGE_LAYERS_MAX 5

/* Finds the packages of @spec, making its lock if need be, and pip, the interpreter's own unless
 * the lock has one; and their bytecode, if the spec says so. *out is NULL where it has no
 * requirements and wants no pip. While they are held, no store on this host removes them. */
int packages_open(const struct spec *spec, const struct interpreter *interpreter,
		  struct packages **out, struct error_list *errors);
void packages_free(struct packages *packages); /* NULL is fine */

/* What packages_open() would say, as far as that can be told without changing anything, except of
 * pip; as lock_check(). */
int packages_check(const struct spec *spec, const struct interpreter *interpreter,
		   struct string_list *unseen, struct error_list *errors);

/* Whether there are layers without bytecode for the interpreter that are to be compiled while the
 * environment is used. */
bool packages_lack_bytecode(const struct packages *packages);

/* Compiles them, as far as nobody does it already. */
void packages_compile(const struct packages *packages);

size_t packages_count(const struct packages *packages);

/* Of a package. Its version is NULL for the interpreter's own pip. */
const char *packages_name(const struct packages *packages, size_t index);
const char *packages_version(const struct packages *packages, size_t index);

/* Shows the packages as @share says, or less of them as links, which is noted there. @others: other
 * users than the mounter can reach the mount. Before packages_attach(); -ENOMEM. */
int packages_share(struct packages *packages, const struct spec *spec, bool others,
		   struct share *share);

/* An image of one of them, opened for reading; or -ENOENT. */
int packages_open_image(const struct packages *packages);

/*
 * Puts the layers of all packages into @layers, which has room for PACKAGE_LAYERS_MAX times as
 * many, and adds their number to *count. @head: what the scripts of this environment begin with.
 */
int packages_attach(const struct packages *packages, const struct interpreter *interpreter,
		    const char *head, struct layer **layers, unsigned *count);
