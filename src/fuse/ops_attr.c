/* Attributes, extended attributes, and the file system's figures. */
#include <errno.h>
#include <limits.h>
#include <linux/limits.h>

#include "ops.h"

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat attr;
	int r = tree_getattr(ops_tree(req), ino, &attr);

	(void)fi;
	if (r < 0)
		ops_reply(req, r);
	else
		fuse_reply_attr(req, &attr, OPS_FOREVER);
}

static const struct {
	int fuse;
	unsigned tree;
} changes[] = {
	{FUSE_SET_ATTR_MODE, TREE_SET_MODE},
	{FUSE_SET_ATTR_UID, TREE_SET_UID},
	{FUSE_SET_ATTR_GID, TREE_SET_GID},
	{FUSE_SET_ATTR_SIZE, TREE_SET_SIZE},
	{FUSE_SET_ATTR_ATIME, TREE_SET_ATIME},
	{FUSE_SET_ATTR_MTIME, TREE_SET_MTIME},
	{FUSE_SET_ATTR_ATIME_NOW, TREE_SET_ATIME_NOW},
	{FUSE_SET_ATTR_MTIME_NOW, TREE_SET_MTIME_NOW},
};

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	unsigned what = 0;
	struct stat now;
	int r;

	(void)fi;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (to_set & changes[i].fuse)
			what |= changes[i].tree;
	r = tree_setattr(ops_tree(req), ino, attr, what, &now);
	if (r < 0)
		ops_reply(req, r);
	else
		fuse_reply_attr(req, &now, OPS_FOREVER);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX + 1];
	int r = tree_readlink(ops_tree(req), ino, target, sizeof(target));

	ops_note(req, ino, NULL, AHEAD_LINK);
	if (r < 0)
		ops_reply(req, r);
	else
		fuse_reply_readlink(req, target);
}

/* The kernel never asks for more than XATTR_SIZE_MAX or XATTR_LIST_MAX, which are the same; with
 * 0 it asks for the size. */
static void reply_xattr(fuse_req_t req, size_t size, const char *value, ssize_t n)
{
	if (n < 0)
		ops_reply(req, (int)n);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)n);
	else
		fuse_reply_buf(req, value, (size_t)n);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char *value = ops_buffer(XATTR_SIZE_MAX);
	ssize_t n = value ? tree_getxattr(ops_tree(req), ino, name, value,
					  size < XATTR_SIZE_MAX ? size : XATTR_SIZE_MAX)
			  : -ENOMEM;

	reply_xattr(req, size, value, n);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char *list = ops_buffer(XATTR_LIST_MAX);
	ssize_t n = list ? tree_listxattr(ops_tree(req), ino, list,
					  size < XATTR_LIST_MAX ? size : XATTR_LIST_MAX)
			 : -ENOMEM;

	reply_xattr(req, size, list, n);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	ops_reply(req, tree_setxattr(ops_tree(req), ino, name, value, size, flags));
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	ops_reply(req, tree_removexattr(ops_tree(req), ino, name));
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs figures;
	int r = tree_statfs(ops_tree(req), &figures);

	(void)ino;
	if (r < 0)
		ops_reply(req, r);
	else
		fuse_reply_statfs(req, &figures);
}

void ops_fill_attributes(struct fuse_lowlevel_ops *ops)
{
	ops->getattr = op_getattr;
	ops->setattr = op_setattr;
	ops->readlink = op_readlink;
	ops->getxattr = op_getxattr;
	ops->listxattr = op_listxattr;
	ops->setxattr = op_setxattr;
	ops->removexattr = op_removexattr;
	ops->statfs = op_statfs;
}
