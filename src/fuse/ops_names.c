/* Looking up, making, removing and renaming names. */
#include <errno.h>

#include "ops.h"

struct fuse_entry_param ops_entry(const struct tree_entry *entry)
{
	return (struct fuse_entry_param){
		.ino = entry->id,
		.attr = entry->attr,
		.attr_timeout = OPS_FOREVER,
		.entry_timeout = entry->is_volatile ? 0 : OPS_FOREVER,
	};
}

void ops_reply_entry(fuse_req_t req, int r, const struct tree_entry *entry)
{
	struct tree *tree = ops_tree(req);
	struct fuse_entry_param param;

	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	param = ops_entry(entry);
	if (fuse_reply_entry(req, &param) < 0)
		tree_forget(tree, entry->id, 1);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param absent = {.entry_timeout = OPS_FOREVER};
	struct tree_entry entry;
	int r = tree_lookup(ops_tree(req), parent, name, &entry);

	if (r == -ENOENT || (r == 0 && !entry.is_volatile))
		ops_note(req, parent, name, r == 0 ? AHEAD_FOUND : AHEAD_ABSENT);
	if (r == -ENOENT)
		fuse_reply_entry(req, &absent);
	else
		ops_reply_entry(req, r, &entry);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	tree_forget(ops_tree(req), ino, count);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		tree_forget(ops_tree(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* Answers a request that was to make @name in @parent. */
static void reply_made(fuse_req_t req, int r, fuse_ino_t parent, const char *name,
		       const struct tree_entry *entry)
{
	if (r == 0)
		ops_note_made(req, parent, name);
	ops_reply_entry(req, r, entry);
}

static struct tree_caller caller_of(fuse_req_t req)
{
	const struct fuse_ctx *context = fuse_req_ctx(req);

	return (struct tree_caller){.uid = context->uid, .gid = context->gid};
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	struct tree_caller caller = caller_of(req);
	struct tree_entry entry;
	int r = tree_mknod(ops_tree(req), parent, name, mode, device, &caller, &entry);

	reply_made(req, r, parent, name, &entry);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct tree_caller caller = caller_of(req);
	struct tree_entry entry;
	int r = tree_mkdir(ops_tree(req), parent, name, mode, &caller, &entry);

	reply_made(req, r, parent, name, &entry);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct tree_caller caller = caller_of(req);
	struct tree_entry entry;
	int r = tree_symlink(ops_tree(req), target, parent, name, &caller, &entry);

	reply_made(req, r, parent, name, &entry);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct tree_entry entry;
	int r = tree_link(ops_tree(req), ino, parent, name, &entry);

	reply_made(req, r, parent, name, &entry);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	ops_reply(req, tree_unlink(ops_tree(req), parent, name));
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	ops_reply(req, tree_rmdir(ops_tree(req), parent, name));
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	int r = tree_rename(ops_tree(req), parent, name, new_parent, new_name, flags);

	if (r == 0)
		ops_note_made(req, new_parent, new_name);
	ops_reply(req, r);
}

void ops_fill_names(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = op_lookup;
	ops->forget = op_forget;
	ops->forget_multi = op_forget_multi;
	ops->mknod = op_mknod;
	ops->mkdir = op_mkdir;
	ops->symlink = op_symlink;
	ops->link = op_link;
	ops->unlink = op_unlink;
	ops->rmdir = op_rmdir;
	ops->rename = op_rename;
}
