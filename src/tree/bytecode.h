/*
 * A layer's bytecode is for that layer's sources.
 *
 * Python takes a .pyc for up to date when it names the second and the size of its source. An edit
 * may keep both, so what is below __pycache__ in a layer does not show while the source beside it
 * is another than that layer's own: one of another layer, or one of the upper that is not the same
 * to the byte. So chmod, chown and links take no bytecode away, neither from Python nor from a
 * program that goes through a list of all files.
 *
 * Where there is no source, it shows. Python does not use it, and a program that has listed a
 * package and then removes it file by file, as pip does, must find every file.
 */
#pragma once

#include <stdbool.h>

#include "tree_internal.h"

/* Whether @name in @parent, which layer number @layer has as a @kind (S_IFMT), is bytecode of
 * another source than what shows. tree.names held. */
bool bytecode_is_stale(struct tree *tree, const struct node *parent, const char *name,
		       unsigned layer, mode_t kind);

/* What shows as @name in @directory is another file than before, or none: if it is a source, its
 * bytecode in the layers goes out of sight or comes back. tree.names held exclusively. */
void bytecode_source_changed(struct tree *tree, struct node *directory, const char *name);

/* @directory was called @from and is @to now: what was no bytecode there may be, and the reverse.
 * tree.names held exclusively. */
void bytecode_directory_moved(struct tree *tree, struct node *directory, const char *from,
			      const char *to);

/* As bytecode_source_changed(), with tree.names not held, for a name that was just made. */
void bytecode_source_made(struct tree *tree, struct node *directory, const char *name);

/* The same for all names of a file whose bytes or time have changed. */
void bytecode_file_changed(struct tree *tree, const struct node *node);
