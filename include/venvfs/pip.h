/* The pip that an interpreter has at hand, as a wheel; and asking it for what only it can do:
 * resolving, downloading, building. */
#pragma once

#include "venvfs/error.h"
#include "venvfs/interpreter.h"

/* -ENOENT, and the package to install: this host has no pip wheel for @interpreter. */
int pip_check(const struct interpreter *interpreter, struct error *error);

/*
 * What was noted of the interpreter's pip wheel, one that pip_check() found, while it was the file
 * that it is now: to be freed, NULL when there is nothing. The note is in the user's cache, and
 * theirs alone. Whoever looks at the file in order to note something asks before and after, and
 * notes it only when the file stayed the same: pip_wheel_identity().
 */
char *pip_wheel_recall(const struct interpreter *interpreter);
void pip_wheel_remember(const struct interpreter *interpreter,
			const struct interpreter_identity *identity, const char *note);
int pip_wheel_identity(const struct interpreter *interpreter, struct interpreter_identity *out);

/*
 * Runs pip with @arguments (NULL-terminated, without "pip") in @interpreter, straight from its
 * wheel, with @directory as its working directory. The user's pip configuration
 * holds; nothing else of their Python does. It may take as long as downloading and building take:
 * an hour at most. -EIO and @error, which has what pip complained of; and as pip_check().
 */
int pip_run(const struct interpreter *interpreter, const char *directory,
	    const char *const *arguments, struct error *error);
