/* Asking pip itself for what only it can do: resolving, downloading, building. */
#pragma once

#include "venvfs/error.h"
#include "venvfs/interpreter.h"

/*
 * Runs pip with @arguments (NULL-terminated, without "pip") in @interpreter, from the layer that
 * pip_layer_ensure() gave, with @directory as its working directory. The user's pip configuration
 * holds; nothing else of their Python does. It may take as long as downloading and building take:
 * an hour at most. -EIO and @error, which has what pip complained of.
 */
int pip_run(const struct interpreter *interpreter, const char *pip_layer, const char *directory,
	    const char *const *arguments, struct error *error);
