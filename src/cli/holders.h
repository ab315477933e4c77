/* Who keeps a mount busy, or a layer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * "bash (pid 12), python3 (pid 14)": processes with a working directory, program, open file or
 * mapped file at or below @mountpoint, as far as /proc tells us; "and others" after the first few.
 * To be freed; NULL when none is known. Asks the mounted file system nothing.
 */
char *holders_describe(const char *mountpoint);

/* Whether the process has @what open, as far as /proc tells us. */
bool holders_has_open(pid_t process, const struct stat *what);
