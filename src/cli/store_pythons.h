/* Compiling what `venvfs store add` has added. */
#pragma once

#include <stddef.h>

#include "venvfs/store.h"

/* Compiles what the jobs have put into the store at @path for each interpreter in @pythons, named
 * as a person names it. An exit status. */
int store_pythons_compile(const struct string_list *pythons, const char *path,
			  const struct store_job *jobs, size_t count);
