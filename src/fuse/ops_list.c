/*
 * Listing directories, always with attributes (READDIRPLUS): whoever lists a directory of Python
 * packages looks at what is in it next.
 */
#include <errno.h>
#include <stdlib.h>

#include "ops.h"

/* The smallest entry: its head and a name of one byte, aligned. */
#define ENTRY_MIN 160

/* An answer that is being filled. */
struct page {
	fuse_req_t req;
	char *buffer;
	size_t size, used;
	uint64_t *ids; /* of the nodes in it, each looked up once */
	size_t count;
};

static int add(void *arg, const char *name, const struct tree_entry *entry, uint64_t cookie)
{
	struct page *page = arg;
	struct fuse_entry_param param = ops_entry(entry);
	size_t left = page->size - page->used;
	size_t needed = fuse_add_direntry_plus(page->req, page->buffer + page->used, left, name,
					       &param, (off_t)cookie);

	if (needed > left)
		return 1;
	page->used += needed;
	if (entry->id)
		page->ids[page->count++] = entry->id;
	return 0;
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	ops_reply(req, -ENOSYS); /* as op_open() */
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie,
			   struct fuse_file_info *fi)
{
	struct tree *tree = ops_tree(req);
	struct page page = {
		.req = req,
		.buffer = ops_buffer(size),
		.size = size,
		.ids = calloc(size / ENTRY_MIN + 1, sizeof(*page.ids)),
	};
	int r = -ENOMEM;

	(void)fi;
	if (page.buffer && page.ids)
		r = tree_list(tree, ino, (uint64_t)cookie, add, &page);
	if (r == 0 && cookie == 0)
		ops_note(req, ino, NULL, AHEAD_LISTED);
	if (r == 0)
		r = fuse_reply_buf(req, page.buffer, page.used);
	else
		ops_reply(req, r);
	for (size_t i = 0; r < 0 && i < page.count; i++)
		tree_forget(tree, page.ids[i], 1);
	free(page.ids);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	(void)fi;
	ops_reply(req, tree_fsync(ops_tree(req), ino, data_only));
}

void ops_fill_listing(struct fuse_lowlevel_ops *ops)
{
	ops->opendir = op_opendir;
	ops->readdirplus = op_readdirplus;
	ops->fsyncdir = op_fsyncdir;
}
