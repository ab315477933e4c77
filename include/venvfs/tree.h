/*
 * The environment as a tree: the only door for src/fuse.
 *
 * Files are named by node ids as the kernel knows them; there are no open files. Every function may
 * be called by any thread, and returns 0 (or a count) or a negative errno that goes to the program
 * unchanged. Functions that hand out an entry raise the node's look-up count by one; tree_forget()
 * takes it back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "venvfs/buffer.h"
#include "venvfs/content.h"
#include "venvfs/layer.h"

#define TREE_ROOT_ID 1

struct tree;

struct tree_config {
	struct layer **layers; /* highest first; the tree takes ownership of array and layers */
	unsigned layer_count;
	int upper_fd; /* directory of the upper, owned by the tree; -1: none, the tree is read-only */
	int work_fd;  /* empty directory on the same file system, likewise */
	bool read_only;
};

/* -EINVAL, -ENOMEM, or what the upper says. What @config owns is taken over in every case. */
int tree_new(const struct tree_config *config, struct tree **out);
void tree_free(struct tree *tree);

/*
 * An ordinary user's tree gives itself permissions on files of the upper for a moment, where modes
 * forbid it what has to be done. From now on it does not, in this process: for a copy of one that
 * serves, which would not know of the other's. What needs it fails with -EACCES.
 */
void tree_forbid_loans(void);

/* Who asks: new files belong to them, when the daemon is root. */
struct tree_caller {
	uid_t uid;
	gid_t gid;
};

struct tree_entry {
	uint64_t id; /* 0: there is none, to be remembered */
	struct stat attr;
	bool is_volatile; /* another look-up may give another node: don't remember the name */
};

int tree_lookup(struct tree *tree, uint64_t parent, const char *name, struct tree_entry *out);
void tree_forget(struct tree *tree, uint64_t id, uint64_t count);
int tree_getattr(struct tree *tree, uint64_t id, struct stat *out);

/* What tree_setattr() is to change; the values come in a struct stat. */
enum {
	TREE_SET_MODE = 1 << 0,
	TREE_SET_UID = 1 << 1,
	TREE_SET_GID = 1 << 2,
	TREE_SET_SIZE = 1 << 3,
	TREE_SET_ATIME = 1 << 4,
	TREE_SET_MTIME = 1 << 5,
	TREE_SET_ATIME_NOW = 1 << 6,
	TREE_SET_MTIME_NOW = 1 << 7,
};

int tree_setattr(struct tree *tree, uint64_t id, const struct stat *attr, unsigned what,
		 struct stat *out);

/* NUL-terminated. */
int tree_readlink(struct tree *tree, uint64_t id, char *buffer, size_t size);

/* The bytes of a regular file, for content_read(). The caller drops the reference. */
int tree_open(struct tree *tree, uint64_t id, struct content **out);
ssize_t tree_write(struct tree *tree, uint64_t id, const void *data, size_t size, off_t offset);
int tree_fallocate(struct tree *tree, uint64_t id, int mode, off_t offset, off_t length);
ssize_t tree_copy_range(struct tree *tree, uint64_t from, off_t from_offset, uint64_t to,
			off_t to_offset, size_t length);
int tree_fsync(struct tree *tree, uint64_t id, bool data_only);

/* mknod for all kinds but directories and links. */
int tree_mknod(struct tree *tree, uint64_t parent, const char *name, mode_t mode, dev_t device,
	       const struct tree_caller *caller, struct tree_entry *out);
int tree_mkdir(struct tree *tree, uint64_t parent, const char *name, mode_t mode,
	       const struct tree_caller *caller, struct tree_entry *out);
int tree_symlink(struct tree *tree, const char *target, uint64_t parent, const char *name,
		 const struct tree_caller *caller, struct tree_entry *out);
int tree_link(struct tree *tree, uint64_t id, uint64_t parent, const char *name,
	      struct tree_entry *out);
int tree_unlink(struct tree *tree, uint64_t parent, const char *name);
int tree_rmdir(struct tree *tree, uint64_t parent, const char *name);

/* @flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE. */
int tree_rename(struct tree *tree, uint64_t parent, const char *name, uint64_t new_parent,
		const char *new_name, unsigned flags);

/*
 * Lists a directory from after @cookie (0: from the start). @fn gets each name with its entry and
 * cookie, and returns 0 to go on, or 1 when it has no room for this one. entry->id is 0 for "." and
 * ".." and other names that are listed without a look-up.
 */
typedef int tree_list_fn(void *arg, const char *name, const struct tree_entry *entry,
			 uint64_t cookie);
int tree_list(struct tree *tree, uint64_t id, uint64_t cookie, tree_list_fn *fn, void *arg);

/* As getxattr(2) …; @size 0 asks for the size. */
ssize_t tree_getxattr(struct tree *tree, uint64_t id, const char *name, void *value, size_t size);
ssize_t tree_listxattr(struct tree *tree, uint64_t id, char *list, size_t size);
int tree_setxattr(struct tree *tree, uint64_t id, const char *name, const void *value, size_t size,
		  int flags);
int tree_removexattr(struct tree *tree, uint64_t id, const char *name);

int tree_statfs(struct tree *tree, struct statvfs *out);

/*
 * Adds the file NAME to .venvfs. @render appends its content; it is called at each look-up, by any
 * thread. Before serving only.
 */
int tree_add_control(struct tree *tree, const char *name,
		     int (*render)(void *arg, struct buffer *out), void *arg);

/*
 * Who is to hear of changes that the kernel did not ask for: it holds names and listings for ever
 * otherwise. The first two functions are called with locks held and while the kernel may wait for
 * an answer: they must only take note. settle() is called without locks, before a request is
 * answered: it gives the notes of entries a moment to arrive, so that whoever made the change does
 * not see what it replaced.
 */
struct tree_listener {
	void (*entry_gone)(void *arg, uint64_t parent, const char *name);
	void (*listing_changed)(void *arg, uint64_t directory);
	void (*settle)(void *arg);
	void *arg;
};

/* Before serving only. */
void tree_set_listener(struct tree *tree, const struct tree_listener *listener);

/* Appends the path of a node, or of the entry @name in it unless that is NULL, from the root, whose
 * own is "". -ESTALE: it has none (any more). */
int tree_path(struct tree *tree, uint64_t id, const char *name, struct buffer *out);

/* Nodes that the kernel knows, for .venvfs/stats. */
size_t tree_node_count(struct tree *tree);

/*
 * Calls @fn for each file of layer number @layer that the kernel knows and whose bytes are still
 * the layer's: what to invalidate when the layer says something new.
 */
void tree_each_of_layer(struct tree *tree, unsigned layer, void (*fn)(void *arg, uint64_t id),
			void *arg);
