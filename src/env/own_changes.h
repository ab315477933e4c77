/* What was installed or removed in an environment itself, where its packages are others by now. */
#pragma once

#include "packages.h"
#include "venvfs/env_store.h"

/*
 * Warns of each package of which the store has another version, or has removed another one: what
 * shows then is a mixture, of which pip and Python see a part each. @site_packages is its path in
 * the environment. It takes the reading of one directory of the store.
 */
void warn_of_own_changes(const struct packages *packages, const struct env_store *store,
			 const char *site_packages);
