/*
 * Making regular files of what an environment shows as links into a wheel store, for programs that
 * would change the file, or that look at its canonical path. A file is copied into the environment,
 * with its bytes, time and mode, and takes the place of the link in one step; the store is only
 * read.
 */
#pragma once

#include <stddef.h>

/*
 * Makes a file of @name in @directory. -EINVAL: it is no link; -ENOLINK: it is one that does not
 * lead to a layer's file; and what the file system says, with the link as it was.
 */
int materialize_file(int directory, const char *name);

/* Makes files of all such links in the directory @fd, which is taken over (a negative one is an
 * errno, and returned), and below it, on the same file system. *count grows by each. */
int materialize_tree(int fd, size_t *count);
