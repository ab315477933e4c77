/*
 * The FUSE operations: each takes a request apart, asks the tree, and answers. What the kernel may
 * keep, and for how long, is said here; what a file is and where it comes from is the tree's.
 */
#pragma once

#include "channel.h"
#include "venvfs/ahead.h"
#include "venvfs/tree.h"

/* Nobody but us changes the tree, so what the kernel was told stays true until it is told more. */
#define OPS_FOREVER 1e9

/* The user data of the session is its channel. */
static inline struct tree *ops_tree(fuse_req_t req)
{
	const struct channel *channel = fuse_req_userdata(req);

	return channel->tree;
}

/* Notes what was asked of @ino, or of the entry @name in it, for the next mount (ahead.h). */
static inline void ops_note(fuse_req_t req, fuse_ino_t ino, const char *name, enum ahead_what what)
{
	const struct channel *channel = fuse_req_userdata(req);

	ahead_note(channel->ahead, ino, name, what, fuse_req_ctx(req)->pid);
}

static inline void ops_note_made(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct channel *channel = fuse_req_userdata(req);

	ahead_made(channel->ahead, parent, name);
}

/* The result of an operation that answers with nothing but success: 0 or a negative errno. */
static inline void ops_reply(fuse_req_t req, int r)
{
	fuse_reply_err(req, r < 0 ? -r : 0);
}

struct fuse_entry_param ops_entry(const struct tree_entry *entry);

/* Answers with @entry if @r is 0; the look-up is taken back when the kernel did not get it. */
void ops_reply_entry(fuse_req_t req, int r, const struct tree_entry *entry);

/* The operations, room by room. */
typedef void ops_fill_fn(struct fuse_lowlevel_ops *ops);
ops_fill_fn ops_fill_attributes; /* ops_attr.c: attributes, xattrs, statfs */
ops_fill_fn ops_fill_data;       /* ops_data.c: the bytes of files */
ops_fill_fn ops_fill_names;      /* ops_names.c: looking up, making, removing, renaming */
ops_fill_fn ops_fill_listing;    /* ops_list.c: directories */

/* A buffer of at least @size bytes of this thread's own, valid until the next call; NULL without
 * memory. For answers: requests are many, and their sizes are the same again and again. */
char *ops_buffer(size_t size);

/* Frees the buffer of this thread, which ends. */
void ops_buffer_free(void);
