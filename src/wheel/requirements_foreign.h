/* Files that are taken for requirements files and are none. */
#pragma once

#include <stddef.h>

#include "venvfs/error.h"

/* -EINVAL with what @text is, and what to do instead, when its first line that says anything is
 * TOML, INI, JSON or YAML, none of which a requirements file can begin with. @path tells TOML from
 * INI, where only its name does. */
int requirements_check_foreign(const char *path, const char *text, size_t length,
			       struct error *error);
