/* One name that is about to change: what is there, and what must be done before it goes. */
#pragma once

#include "tree_internal.h"

/*
 * A name in a directory. The node's look-up count is raised while the place exists, so it may be
 * used freely. Made and used with tree.names held exclusively.
 */
struct name_place {
	struct tree *tree;
	struct node *parent;
	const char *name;
	bool exists;
	struct found found;        /* if it exists, */
	struct node *node;         /* as is this */
	struct content *directory; /* the parent in the upper, once prepared */
	struct orphan *orphan;     /* what the node will live on with, once pinned */
};

#define _cleanup_name_place_ __attribute__((cleanup(name_place_clear)))

/* Finds what is there. A missing entry is no error; what is known of one that went out of sight
 * meanwhile (bytecode.h) is dropped, so that nothing made here is taken for it. */
int name_place_find(struct tree *tree, struct node *parent, const char *name,
		    struct name_place *out);
void name_place_clear(struct name_place *place);

/* Brings the parent into the upper. */
int name_place_prepare(struct name_place *place);

/* Whether a layer would show something here if the upper had no entry: 0, 1 or -errno. */
int name_place_shows_lower(struct name_place *place);

/*
 * Makes sure that no layer's entry shows here from now on: a whiteout, and core entries are hidden
 * until the next mount. Where the upper has an entry, nothing changes for whoever looks.
 */
int name_place_hide_lower(struct name_place *place);

/* Keeps hold of the file, which is about to lose this name; before it does. */
int name_place_pin(struct name_place *place);

/* A layer's file is not to show under this name any more, for a reason that is not its own: whoever
 * has it open keeps it. Where it is not known there is nothing to do. -ENOMEM: it still shows. */
int name_place_drop_lower(struct tree *tree, struct node *parent, const char *name);

/* Takes the name from the node. If it was the last, the node lives on with what was pinned. */
void name_place_removed(struct name_place *place);

/* -ENOTEMPTY when the directory shows anything. */
int name_place_check_empty(struct name_place *place);

/*
 * Clears an empty directory of the upper of its marks, so that the file system takes it for empty
 * too. The layers' entries here must be hidden already.
 */
int name_place_clear_marks(struct name_place *place);
