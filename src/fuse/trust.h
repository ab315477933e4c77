/* Whether other users may be let into an environment. */
#pragma once

#include "venvfs/environment.h"

/*
 * With allow_other, code of this environment is run by others. Refused when somebody else than root
 * and the mounter could change what it is made of: the spec, the store, the base interpreter, a
 * layer, or a directory above one of them (the rule of sshd's StrictModes). -EPERM and @error.
 */
int trust_check(const struct environment *environment, struct error *error);
