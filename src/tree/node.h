/*
 * Nodes: what the kernel knows by number.
 *
 * A node is one file, directory, link … of the environment; a name leads from a directory to a
 * node. A file of the upper may have several names (hard links); a directory has one. Nodes exist
 * for what was looked up and not yet forgotten by the kernel, and for the directories above.
 *
 * Identity. `id` is never used twice, so that a late request for a dead node is recognised. `ino`
 * is the st_ino that programs see: it is taken from where the file comes from (see inode.c), and
 * kept when the file is copied up or renamed.
 *
 * Ownership. The table owns nodes and names. A node lives while the kernel counts look-ups on it
 * or names below it remain; its view, orphan and snapshot go with it. A request may use the nodes
 * that it names until it is answered, because the kernel holds them.
 *
 * Order of locks, outermost first:
 *   1. a copy-up lock of tree.copyup_locks (one file being copied up)
 *   2. tree.names: shared by whoever turns a node into a path, exclusive for whoever removes or
 *      moves a name, or changes where a file's bytes are
 *   3. view.lock, a child before its parent
 *   4. node_table.lock, and the locks inside caches: leaves, nothing is called under them
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "venvfs/buffer.h"
#include "venvfs/content.h"

struct view;

enum node_source {
	NODE_LOWER,   /* in a layer */
	NODE_UPPER,   /* in the upper; a directory may merge with layers below (view.h) */
	NODE_CONTROL, /* .venvfs and what it holds */
};

/* One name of a node. Protected by node_table.lock; changed only under tree.names exclusively, so
 * that holding tree.names shared is enough to follow names upwards. */
struct name {
	struct node *node, *parent;
	struct name *chain; /* in the hash bucket */
	struct name *alias; /* the next name of the same node */
	uint32_t hash;
	char text[];
};

/* A node whose last name is gone while the kernel still uses it. */
struct orphan {
	int fd;      /* O_PATH descriptor of the file in the upper, or -1 */
	char *lower; /* or its path in its layer, or NULL */
};

struct node {
	uint64_t id;
	uint64_t ino;
	uint64_t lookups;      /* the kernel's count; node_table.lock */
	uint32_t children;     /* names whose parent this is; node_table.lock */
	uint16_t layer;        /* NODE_LOWER and no directory: index in the stack */
	uint16_t kind;         /* S_IFMT bits */
	struct name *names;    /* NULL: the root, a control file, or an orphan */
	struct orphan *orphan; /* tree.names */
	union {
		struct view *view;        /* directories, but .venvfs; NULL for other kinds */
		struct content *snapshot; /* NODE_CONTROL: the bytes of this look-up, or NULL */
	};
	union {
		uint64_t linked_ino;    /* nonzero: found by this number of the upper too */
		struct node *next_dead; /* once it is out of the table */
	};
	_Atomic uint8_t source; /* enum node_source; changes once, from lower to upper */
};

/* What is known of a node that may have to be made. */
struct node_template {
	enum node_source source;
	uint16_t layer;
	mode_t kind;
	uint64_t ino;
	uint64_t upper_ino;       /* of a file of the upper, else 0 */
	bool has_names;           /* that file has several */
	struct view *view;        /* taken over when a node is made, else left to the caller */
	struct content *snapshot; /* the same */
};

struct node_table;

/* A table that holds the root, whose id is 1 and whose view is @view (owned from now on, unless
 * this fails and gives NULL). */
struct node_table *node_table_new(struct view *view, uint64_t root_ino, enum node_source source);
void node_table_free(struct node_table *table);

struct node *node_table_root(struct node_table *table);
size_t node_table_count(struct node_table *table);

/* The node with this id, or NULL when it is dead or never was. */
struct node *node_get(struct node_table *table, uint64_t id);

/*
 * The node called @name in @parent, found or made from @template, with its look-up count raised.
 * *made tells which. A file of the upper may be found under another name of it, even one that is
 * gone by now; it then gets this one as an alias. -EAGAIN: not found, and the tree has changed
 * since @epoch was read, so that the template may be out of date.
 */
int node_obtain(struct node_table *table, struct node *parent, const char *name,
		struct node_template *template, uint64_t epoch, struct node **out, bool *made);

/* As node_obtain(), only when it is already known; NULL otherwise. */
struct node *node_obtain_known(struct node_table *table, struct node *parent, const char *name);

/* Raises the look-up count of a node that the caller knows to be alive. */
void node_raise(struct node_table *table, struct node *node);

/* A node without a name, whose look-up count is 1: a control file. */
struct node *node_add_nameless(struct node_table *table, struct node_template *template);

/* Takes back @count look-ups; frees the node, and parents that nobody needs, when it was the last.
 * Tells whether the node is gone. */
bool node_forget(struct node_table *table, uint64_t id, uint64_t count);

/* Adds a name (a hard link). -ENOMEM. */
int node_add_name(struct node_table *table, struct node *node, struct node *parent,
		  const char *name, uint64_t upper_ino);

/* Takes the name away from whatever node has it. tree.names exclusively. */
void node_remove_name(struct node_table *table, struct node *parent, const char *name);

/* Moves a name, which must be known. tree.names exclusively. -ENOMEM and nothing changed. */
int node_move_name(struct node_table *table, struct node *parent, const char *name,
		   struct node *new_parent, const char *new_name);

/* Swaps what two names lead to; either may be unknown. tree.names exclusively. */
int node_exchange_names(struct node_table *table, struct node *parent_a, const char *a,
			struct node *parent_b, const char *b);

/* Appends the node's path from the root ("" for the root), which may be longer than PATH_MAX. Any
 * one name serves. -ESTALE: it has none. tree.names shared. */
int node_path(struct node_table *table, const struct node *node, struct buffer *out);

/* The directory of the node's first name and, in *name (to be freed), that name. NULL: it has none.
 * tree.names shared. */
struct node *node_parent(struct node_table *table, const struct node *node, char **name);

/* Whether @node is @directory or below it. tree.names shared. */
bool node_is_within(struct node_table *table, const struct node *node,
		    const struct node *directory);

/* Calls @fn for each node, with the table locked: it must not come back here. */
void node_each(struct node_table *table, void (*fn)(void *arg, const struct node *node), void *arg);

/*
 * The epoch counts changes of where a file's bytes are (copy-ups); see node_obtain().
 */
uint64_t node_epoch(struct node_table *table);
void node_advance_epoch(struct node_table *table);

/*
 * Inode numbers of the upper that are shown as another number (a file was copied up and keeps the
 * number that programs have seen), and, for files with several names, the node that they belong to.
 */
int node_remember_inode(struct node_table *table, uint64_t upper_ino, uint64_t shown);
uint64_t node_shown_inode(struct node_table *table, uint64_t upper_ino);
void node_forget_inode(struct node_table *table, uint64_t upper_ino);
