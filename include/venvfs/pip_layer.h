/*
 * The pip of an environment: the interpreter's own pip wheel, as a layer of a wheel store like any
 * other.
 *
 * The layer has no root in the store: what is mounted is held, and what `venvfs store gc` removes
 * in between is made again by the next mount, in a tenth of a second and from a file of this host.
 */
#pragma once

#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/spec.h"
#include "venvfs/store.h"

struct pip_layer {
	int directory; /* a descriptor that keeps the layer from being removed (flock) */
	char digest[STORE_DIGEST_SIZE];
	char *store; /* the path of the store that has it */
	char *file;  /* the name of its wheel */
};

#define _cleanup_pip_layer_ __attribute__((cleanup(pip_layer_clear)))

void pip_layer_clear(struct pip_layer *layer);

/*
 * Opens the layer, which is to be cleared when this succeeds. It is looked
 * for in the host's store and in the spec's own, and imported there when it is absent. Where that
 * store cannot be had or written to, the user's own serves, then one in their cache, and one in
 * $XDG_RUNTIME_DIR. -ENOENT: there is no pip wheel; -EBADMSG: it is refused; and what the first of
 * these stores says when none can be written to.
 */
int pip_layer_open(const struct spec *spec, const struct interpreter *interpreter,
		   struct pip_layer *out, struct error *error);
