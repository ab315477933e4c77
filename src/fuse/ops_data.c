/*
 * The bytes of files. There are no opens: ENOSYS to the first OPEN tells the kernel to do without
 * them for as long as the mount lives, so a request carries nothing but the node.
 */
#include <errno.h>

#include "ops.h"

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	ops_reply(req, -ENOSYS);
}

/* The kernel makes the file with MKNOD then, and opens it silently. */
static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)name;
	(void)mode;
	op_open(req, parent, fi);
}

static void note_read(fuse_req_t req, fuse_ino_t ino, off_t offset, ssize_t n)
{
	const struct channel *channel = fuse_req_userdata(req);

	ahead_note_read(channel->ahead, ino, (uint64_t)offset, (uint64_t)n,
			fuse_req_ctx(req)->pid);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	_cleanup_content_ struct content *content = NULL;
	char *buffer = ops_buffer(size);
	ssize_t n = buffer ? tree_open(ops_tree(req), ino, &content) : -ENOMEM;

	(void)fi;
	if (n == 0)
		n = content_read(content, buffer, size, offset);
	if (n > 0)
		note_read(req, ino, offset, n);
	if (n < 0)
		ops_reply(req, (int)n);
	else
		fuse_reply_buf(req, buffer, (size_t)n);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	ssize_t n = tree_write(ops_tree(req), ino, data, size, offset);

	(void)fi;
	if (n < 0)
		ops_reply(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
			 struct fuse_file_info *fi)
{
	(void)fi;
	ops_reply(req, tree_fallocate(ops_tree(req), ino, mode, offset, length));
}

static void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
			       struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_offset,
			       struct fuse_file_info *to_fi, size_t length, int flags)
{
	ssize_t n =
		flags ? -EINVAL
		      : tree_copy_range(ops_tree(req), from, from_offset, to, to_offset, length);

	(void)from_fi;
	(void)to_fi;
	if (n < 0)
		ops_reply(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	(void)fi;
	ops_reply(req, tree_fsync(ops_tree(req), ino, data_only));
}

void ops_fill_data(struct fuse_lowlevel_ops *ops)
{
	ops->open = op_open;
	ops->create = op_create;
	ops->read = op_read;
	ops->write = op_write;
	ops->fallocate = op_fallocate;
	ops->copy_file_range = op_copy_file_range;
	ops->fsync = op_fsync;
	/* Not here, so that libfuse says ENOSYS: FLUSH is then never sent again; LSEEK would not
	 * see stores to mapped pages; locks are the kernel's own business. IOCTL: channel.c. */
}
