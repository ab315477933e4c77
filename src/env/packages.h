/* The packages of an environment: the layers that a spec's lock names, found and held. */
#pragma once

#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/layer.h"
#include "venvfs/spec.h"

struct packages;

/* No package takes more layers than this: one for each part (wheel_layer.h). */
#define PACKAGE_LAYERS_MAX 5

/* Finds the packages of @spec, making its lock if need be. *out is NULL where it has no
 * requirements. While they are held, no store on this host removes them. */
int packages_open(const struct spec *spec, const struct interpreter *interpreter,
		  struct packages **out, struct error_list *errors);
void packages_free(struct packages *packages); /* NULL is fine */

size_t packages_count(const struct packages *packages);

/*
 * Puts the layers of all packages into @layers, which has room for PACKAGE_LAYERS_MAX times as
 * many, and adds their number to *count. @head: what the scripts of this environment begin with.
 */
int packages_attach(const struct packages *packages, const struct interpreter *interpreter,
		    const char *head, struct layer **layers, unsigned *count);
