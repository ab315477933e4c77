/*
 * The stack of layers below the upper, seen as one read-only tree of lower paths.
 *
 * A lower path is where a file would show if the upper were empty. The stack never changes while it
 * is mounted; whiteouts and renames are the upper's business.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "venvfs/layer.h"

struct stack {
	struct layer **layers; /* highest first; owned */
	unsigned count;
	uid_t uid; /* of the daemon: the owner that files of other owners are shown with, */
	gid_t gid;
	bool show_owners;   /* unless it is root, who may see them as they are */
	uint16_t numbers[]; /* 0, 1, 2 …: what a directory of one layer has as its sources */
};

struct stack_entry {
	unsigned layer;
	struct stat st; /* owner, mode and st_ino as programs are to see them */
};

/* The layers, highest first, that a directory merges. */
struct stack_sources {
	const uint16_t *layers; /* their numbers */
	unsigned count;
	bool owned; /* else they are the stack's */
};

/* A stack of the @count layers at @layers, both owned from now on; NULL, and nothing taken, without
 * memory. */
struct stack *stack_new(struct layer **layers, unsigned count);
void stack_free(struct stack *stack);

/*
 * Finds @name in the directory @directory, which @sources merge. @core_only: of the layers, just
 * what is always there (layer_ops.is_core) is looked at. -ENOENT: no layer has it.
 */
int stack_find(const struct stack *stack, const struct stack_sources *sources,
	       const char *directory, const char *name, bool core_only, struct stack_entry *out);

/*
 * Which layers have @path as a directory that shows: a file in a layer hides those below it. No
 * other layers than @among are asked (those of the directory above it); NULL: all are. The result
 * is to be freed with stack_sources_clear(); it may be empty.
 */
int stack_directory_sources(const struct stack *stack, const char *path, bool core_only,
			    const struct stack_sources *among, struct stack_sources *out);
void stack_sources_clear(struct stack_sources *sources);

/* What layer number @layer says of @path. */
int stack_getattr(const struct stack *stack, unsigned layer, const char *path, struct stat *out);
int stack_list(const struct stack *stack, unsigned layer, const char *path, bool core_only,
	       layer_list_fn *fn, void *arg);
int stack_readlink(const struct stack *stack, unsigned layer, const char *path, char *buffer,
		   size_t size);
int stack_open(const struct stack *stack, unsigned layer, const char *path, struct content **out);
ssize_t stack_getxattr(const struct stack *stack, unsigned layer, const char *path,
		       const char *name, void *value, size_t size);
ssize_t stack_listxattr(const struct stack *stack, unsigned layer, const char *path, char *list,
			size_t size);

/* Whether @path is core in some layer, and hiding it there until the next mount. */
bool stack_is_core(const struct stack *stack, const char *path);
void stack_hide_core(const struct stack *stack, const char *path);
