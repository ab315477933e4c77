/*
 * A layer's bytecode is for that layer's sources.
 *
 * Python takes a .pyc for up to date when it names the second and the size of its source. An edit
 * may keep both, so what is below __pycache__ in a layer only shows while the source beside it is
 * that same layer's own; a source of the upper, or of a higher layer, hides it.
 */
#pragma once

#include <stdbool.h>

#include "tree_internal.h"

/* Whether @name in @parent, which layer number @layer has, is bytecode of another source than what
 * shows. tree.names held. */
bool bytecode_is_stale(struct tree *tree, const struct node *parent, const char *name,
		       unsigned layer);

/* @name in @directory, which was a layer's, is no longer: if it is a source, its bytecode goes out
 * of sight. tree.names held exclusively. */
void bytecode_source_changed(struct tree *tree, struct node *directory, const char *name);
