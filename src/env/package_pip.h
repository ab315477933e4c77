/* What an environment's pip has that its layer has not. */
#pragma once

#include <stdbool.h>

#include "venvfs/interpreter.h"
#include "venvfs/layer.h"

/*
 * A layer of the files in pip's dist-info that say how it was installed, to be put above @site, its
 * part in site-packages. Which scripts pip has depends on the Python, as pip's own installer makes
 * them: they are generated files, and RECORD has them. With @own it is the interpreter's pip, and
 * all is as ensurepip leaves it. -EUCLEAN: there is no dist-info.
 */
int package_pip_attach(struct layer *site, const struct interpreter *interpreter, bool own,
		       struct layer **out);
