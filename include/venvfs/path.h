/*
 * Paths as text, and opening them without being led elsewhere.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

/* Absolute and normalised ("//", "." and ".." folded) without resolving links, in *out (to be
 * freed). A relative @path counts from @base, or from the working directory when @base is NULL.
 * -ENOMEM, or what getcwd says. */
int path_absolute(const char *path, const char *base, char **out);

/* As path_absolute(), and a leading "~" or "~/" stands for $HOME (from the password database when
 * unset). -ENOENT when there is no home. */
int path_expand(const char *path, const char *base, char **out);

/* "a/b" in *out (to be freed); an empty @a gives "b", an empty @b gives "a". */
int path_join(const char *a, const char *b, char **out);

/* Whether normalised @path is @directory or lies below it, by name. */
bool path_is_within(const char *path, const char *directory);

/* Whether users of neither owner nor group may search each directory on the way to @path, and it;
 * links are followed. */
bool path_others_can_search(const char *path);

/* What follows the last slash. */
const char *path_basename(const char *path);

/* Whether it is named as a shared library is: "libx.so", "libx.so.1". */
bool path_is_shared_library(const char *path);

/* "$variable/venvfs", or "$HOME/fallback/venvfs" when the variable is unset or not absolute
 * (XDG Base Directory Specification). E.g. ("XDG_DATA_HOME", ".local/share"). */
int path_xdg(const char *variable, const char *fallback, char **out);

/* Opens @path below @root by openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
 * RESOLVE_NO_SYMLINKS); an empty @path is @root itself. O_CLOEXEC is added. Returns a descriptor
 * or a negative errno (-ELOOP: a component is a link; -EXDEV: it leads out of root). */
int path_open_beneath(int root, const char *path, int flags, mode_t mode);
