/* What the files of src/tree/tree_*.c and copyup.c share. */
#pragma once

#include <pthread.h>

#include "node.h"
#include "stack.h"
#include "venvfs/cleanup.h"
#include "venvfs/tree.h"
#include "view.h"

#define COPYUP_LOCKS	64
#define CONTROL_NAME	".venvfs"
#define CONTROL_ENTRIES 16

struct control_file {
	char *name;
	int (*render)(void *arg, struct buffer *out);
	void *arg;
};

struct tree {
	struct stack *stack;
	struct node_table *nodes;
	struct content_cache *contents;
	pthread_rwlock_t names; /* see node.h for the order of locks */
	pthread_mutex_t copyup_locks[COPYUP_LOCKS];
	int upper_fd, work_fd; /* -1: no upper */
	dev_t upper_device;
	bool read_only;
	bool sets_owners; /* we are root: new files get their caller's ids */
	struct control_file control[CONTROL_ENTRIES];
	unsigned control_count;
	struct node *control_directory;
	struct timespec opened;
	struct tree_listener listener; /* its functions may be NULL */
};

/* Holds tree.names until the end of the block. */
static inline void names_unlock(struct tree **tree)
{
	if (*tree)
		pthread_rwlock_unlock(&(*tree)->names);
}

#define NAMES_SHARED(tree)                                                                         \
	__attribute__((cleanup(names_unlock), unused)) struct tree *names_held_ = (tree);          \
	pthread_rwlock_rdlock(&names_held_->names)

#define NAMES_EXCLUSIVE(tree)                                                                      \
	__attribute__((cleanup(names_unlock), unused)) struct tree *names_held_ = (tree);          \
	pthread_rwlock_wrlock(&names_held_->names)

/* What is at a name: of the upper, or else of the highest layer. */
struct found {
	enum node_source source;
	unsigned layer;
	struct stat st;	     /* st_ino is what programs are to see */
	uint64_t upper_ino;  /* inode_of_upper() of the upper's file, else 0 */
	bool lower_hidden;   /* a whiteout or an opaque directory hides all but core entries below */
};

/* The node for a request: -ESTALE when it is unknown. */
int tree_node(struct tree *tree, uint64_t id, struct node **out);

/* The same for a directory that names are to be changed in: also -EROFS, -ENOTDIR, and -EPERM for
 * .venvfs. Its view is loaded. tree.names held. */
int tree_writable_directory(struct tree *tree, uint64_t id, struct node **out);

/* Whether users may create @name in @parent: -EINVAL for reserved names, -EPERM for .venvfs. */
int tree_check_new_name(struct tree *tree, const struct node *parent, const char *name);

/* Tells the listener. Any lock may be held. */
void tree_tell_entry(const struct tree *tree, const struct node *parent, const char *name);
void tree_tell_listing(const struct tree *tree, const struct node *directory);

/* Lets the listener be heard before the request is answered. No lock is held. */
void tree_settle(const struct tree *tree);

/* Loads the view of a directory. tree.names held. */
int tree_load_view(struct tree *tree, struct node *directory);

/* An O_PATH descriptor of a directory of the upper, cached. The caller drops it. tree.names held.
 * For a directory that was removed: what is left of it. */
int tree_upper_directory(struct tree *tree, const struct node *directory, struct content **out);

/* The same, or *out NULL when the directory is in the layers alone. */
int tree_upper_directory_if_any(struct tree *tree, const struct node *directory,
				struct content **out);

/* The directory of the upper that has @node, and its name there (to be freed). tree.names held.
 * -ESTALE: it has no name any more. */
int tree_upper_place(struct tree *tree, const struct node *node, struct content **directory,
		     char **name);

/* Finds @name in @parent, whose view is loaded. tree.names held. -ENOENT. */
int tree_find(struct tree *tree, struct node *parent, const char *name, struct found *out);

/* Finds and obtains: the look-up of tree_lookup(), with tree.names held. */
int tree_obtain(struct tree *tree, struct node *parent, const char *name, struct tree_entry *out);

/* The node of what was found, its look-up count raised. tree.names held exclusively since it was
 * found, so that it is still true. */
int tree_obtain_found(struct tree *tree, struct node *parent, const char *name,
		      const struct found *found, struct node **out);

/* As tree_obtain(), for what the caller has just made in the upper: a directory holds nothing. */
int tree_obtain_made(struct tree *tree, struct node *parent, const char *name,
		     struct tree_entry *out);

/* Attributes. tree.names held. */
int tree_attributes(struct tree *tree, struct node *node, struct stat *out);

/* The path of a file or directory in its layer's terms, to be freed. tree.names held. */
int tree_lower_path(struct tree *tree, const struct node *node, char **out);

/* A regular file of the upper, opened for reading and writing, cached. */
int tree_open_upper(struct tree *tree, struct node *node, struct content **out);

/* A descriptor for whatever the node is in the upper: O_PATH, not cached. tree.names held. */
int tree_upper_handle(struct tree *tree, const struct node *node, int *out);

/*
 * copyup.c. Brings what a layer shows into the upper; the node stays the same.
 */

/* A file, link or special file; of a regular file the first @keep bytes. Takes locks: nothing is
 * held by the caller. 0 when it is there already. */
int copyup_file(struct tree *tree, struct node *node, off_t keep);

/* A directory and those above it, without their contents. tree.names held. */
int copyup_directory(struct tree *tree, struct node *directory);

/* Makes sure that the node's bytes and attributes may be changed: copies up what is not yet in the
 * upper. -EROFS, -EPERM (.venvfs). Nothing is held by the caller. */
int copyup_node(struct tree *tree, struct node *node, off_t keep);

/*
 * control.c: the directory .venvfs.
 */
int control_new(struct tree *tree);
void control_free(struct tree *tree);
int control_lookup(struct tree *tree, const char *name, struct tree_entry *out);
int control_getattr(struct tree *tree, const struct node *node, struct stat *out);
int control_list(struct tree *tree, uint64_t cookie, tree_list_fn *fn, void *arg);

/*
 * identity.c: making files as the caller.
 */

/* Takes the caller's ids for file system checks in this thread until identity_drop(), keeping our
 * capabilities. Does nothing where they are ours already, or we are not root. -EPERM. */
int identity_assume(const struct tree *tree, const struct tree_caller *caller);
void identity_drop(const struct tree *tree, const struct tree_caller *caller);
