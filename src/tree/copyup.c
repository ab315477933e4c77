/*
 * Copy-up: what a layer shows is brought into the upper, at the first write or change of attributes.
 *
 * The copy is made under a temporary name in the work directory, with everything that the original
 * shows, made durable, and then put in place by one rename. So a crash leaves the layer's file
 * showing, or the whole copy. The directory that receives it keeps its times: its contents, as
 * programs see them, have not changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bytecode.h"
#include "inode.h"
#include "loan.h"
#include "tree_internal.h"
#include "upper.h"
#include "venvfs/io.h"

#define COPY_CHUNK 65536

/*
 * Puts the temporary @temporary in place as @name, in a directory whose times stay. The node keeps
 * the inode number that programs have seen. That is arranged first: once the copy is in place,
 * nothing may fail, or the upper would have what the node does not know of.
 */
static int put_in_place(struct tree *tree, const struct node *node, const char *temporary,
			int directory, const char *name)
{
	_cleanup_loan_ struct loan loan = LOAN_NONE;
	struct stat before, st;
	uint64_t ino;
	int r;

	if (fstat(directory, &before) < 0 ||
	    fstatat(tree->work_fd, temporary, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = loan_take(directory, S_IWUSR | S_IXUSR, &loan);
	if (r < 0)
		return r;
	ino = inode_of_upper(tree->upper_device, st.st_dev, st.st_ino);
	r = node_remember_inode(tree->nodes, ino, node->ino);
	if (r < 0)
		return r;
	if (renameat(tree->work_fd, temporary, directory, name) < 0) {
		r = -errno;
		node_forget_inode(tree->nodes, ino);
		return r;
	}
	/* Only the times are at stake, and they are not worth failing for. */
	(void)utimensat(directory, ".",
			(struct timespec[]){before.st_atim, before.st_mtim}, 0);
	return 0;
}

static int copy_xattrs(struct tree *tree, unsigned layer, const char *path, int fd)
{
	char list[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t length = stack_listxattr(tree->stack, layer, path, list, sizeof(list));

	for (const char *name = list; length > 0 && name < list + length;
	     name += strlen(name) + 1) {
		ssize_t size;

		if (strncmp(name, "user.", 5) != 0)
			continue;
		size = stack_getxattr(tree->stack, layer, path, name, value, sizeof(value));
		if (size < 0)
			return (int)size;
		if (fsetxattr(fd, name, value, (size_t)size, 0) < 0 && errno != EOPNOTSUPP)
			return -errno;
	}
	/* A directory that may be searched and not read keeps them to itself. */
	return length == -EOPNOTSUPP || length == -EACCES ? 0 : length < 0 ? (int)length : 0;
}

static int copy_data(const struct content *from, int to, off_t keep)
{
	_cleanup_free_ char *chunk = NULL;
	off_t done = 0;

	if (content_is_file(from))
		return io_copy(from->fd, to, keep);
	chunk = malloc(COPY_CHUNK);
	if (!chunk)
		return -ENOMEM;
	while (done < keep) {
		size_t want = keep - done < COPY_CHUNK ? (size_t)(keep - done) : COPY_CHUNK;
		ssize_t n = content_read(from, chunk, want, done);
		int r = n > 0 ? io_write_all(to, chunk, (size_t)n) : (int)n;

		if (r < 0 || n == 0)
			return r;
		done += n;
	}
	return 0;
}

/* Gives the temporary @fd the attributes that the original shows. */
static int copy_attributes(struct tree *tree, const struct stat *st, int fd)
{
	if (tree->sets_owners && fchown(fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	if (fchmod(fd, st->st_mode & 07777) < 0)
		return -errno;
	return futimens(fd, (struct timespec[]){st->st_atim, st->st_mtim}) < 0 ? -errno : 0;
}

static int copy_regular(struct tree *tree, unsigned layer, const char *path, const struct stat *st,
			off_t keep, const char *temporary)
{
	_cleanup_content_ struct content *original = NULL;
	_cleanup_close_ int fd = -1;
	struct stat shown = *st;
	int r = stack_open(tree->stack, layer, path, &original);

	if (r < 0)
		return r;
	fd = openat(tree->work_fd, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* Bytes that are cut off are a change, and must never show under the old time. */
	if (keep < st->st_size)
		shown.st_mtim.tv_nsec = UTIME_NOW;
	r = keep > 0 ? copy_data(original, fd, keep) : 0;
	if (r == 0)
		r = copy_xattrs(tree, layer, path, fd);
	if (r == 0)
		r = copy_attributes(tree, &shown, fd);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* A link, FIFO, socket or device. */
static int copy_special(struct tree *tree, unsigned layer, const char *path, const struct stat *st,
			const char *temporary)
{
	char target[PATH_MAX];
	int r = 0;

	if (S_ISLNK(st->st_mode)) {
		r = stack_readlink(tree->stack, layer, path, target, sizeof(target));
		if (r == 0 && symlinkat(target, tree->work_fd, temporary) < 0)
			r = -errno;
	} else if (mknodat(tree->work_fd, temporary, st->st_mode, st->st_rdev) < 0 ||
		   fchmodat(tree->work_fd, temporary, st->st_mode & 07777, 0) < 0) {
		r = -errno;
	}
	if (r == 0 && tree->sets_owners &&
	    fchownat(tree->work_fd, temporary, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && utimensat(tree->work_fd, temporary,
				(struct timespec[]){st->st_atim, st->st_mtim},
				AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

static int make_copy(struct tree *tree, struct node *node, off_t keep, const char *temporary)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	{
		NAMES_SHARED(tree);
		r = tree_lower_path(tree, node, &path);
	}
	if (r == 0)
		r = stack_getattr(tree->stack, node->layer, path, &st);
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode))
		return copy_regular(tree, node->layer, path, &st, keep, temporary);
	return copy_special(tree, node->layer, path, &st, temporary);
}

/* The file lost its name meanwhile: what is written goes where nobody else sees it. */
static int publish_orphan(struct tree *tree, struct node *node, const char *temporary)
{
	int fd = openat(tree->work_fd, temporary, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	unlinkat(tree->work_fd, temporary, 0);
	node->orphan->fd = fd;
	return 0;
}

/* Puts the copy in place of the original. *directory: what has to be made durable, or NULL. */
static int publish(struct tree *tree, struct node *node, const char *temporary,
		   struct content **directory)
{
	_cleanup_free_ char *name = NULL;
	struct node *parent = NULL;
	int r;

	NAMES_EXCLUSIVE(tree);
	if (node->orphan) {
		r = publish_orphan(tree, node, temporary);
	} else {
		parent = node_parent(tree->nodes, node, &name);
		r = parent ? copyup_directory(tree, parent) : -ENOMEM;
		if (r == 0)
			r = tree_upper_directory(tree, parent, directory);
		if (r == 0)
			r = put_in_place(tree, node, temporary, (*directory)->fd, name);
	}
	if (r < 0)
		return r;
	node->source = NODE_UPPER;
	node_advance_epoch(tree->nodes);
	content_cache_remove(tree->contents, node->id);
	if (name)
		bytecode_source_changed(tree, parent, name);
	return 0;
}

int copyup_file(struct tree *tree, struct node *node, off_t keep)
{
	pthread_mutex_t *lock = &tree->copyup_locks[node->id % COPYUP_LOCKS];
	_cleanup_content_ struct content *directory = NULL;
	char temporary[UPPER_TEMPORARY_SIZE];
	int r = 0;

	if (node->source == NODE_UPPER)
		return 0;
	upper_temporary_name(temporary);
	pthread_mutex_lock(lock);
	if (node->source != NODE_UPPER) {
		r = make_copy(tree, node, keep, temporary);
		if (r == 0)
			r = publish(tree, node, temporary, &directory);
		if (r < 0)
			unlinkat(tree->work_fd, temporary, 0);
		else if (directory)
			r = upper_sync(directory->fd);
	}
	pthread_mutex_unlock(lock);
	tree_settle(tree);
	return r;
}

/* Makes the directory, with the attributes of the highest layer's. *out is its descriptor. */
static int make_directory(struct tree *tree, const struct node *node, const struct stat *st,
			  const char *temporary, int *out)
{
	const struct view *view = node->view;
	struct stat shown = *st;
	int r;

	if (mkdirat(tree->work_fd, temporary, 0700) < 0)
		return -errno;
	*out = openat(tree->work_fd, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*out < 0)
		return -errno;
	/* Whoever moves a directory must be able to write to it (its ".." changes). */
	shown.st_mode |= S_IRWXU;
	r = copy_xattrs(tree, view->sources.layers[0], view->lower, *out);
	return r < 0 ? r : copy_attributes(tree, &shown, *out);
}

static int put_directory_in_place(struct tree *tree, struct node *parent, const struct node *node,
				  const char *temporary, int directory, const char *name)
{
	int r;

	pthread_mutex_lock(&parent->view->lock);
	r = put_in_place(tree, node, temporary, directory, name);
	pthread_mutex_unlock(&parent->view->lock);
	return r;
}

/* With the directory's view locked: its parents first, then itself. */
static int copyup_directory_locked(struct tree *tree, struct node *node)
{
	_cleanup_content_ struct content *directory = NULL;
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int own = -1;
	char temporary[UPPER_TEMPORARY_SIZE];
	struct node *parent = node_parent(tree->nodes, node, &name);
	struct stat st;
	int r;

	if (!parent)
		return -ENOENT; /* removed: nothing can be made in it any more */
	r = copyup_directory(tree, parent);
	if (r == 0)
		r = tree_upper_directory(tree, parent, &directory);
	if (r == 0)
		r = tree_attributes(tree, node, &st);
	if (r < 0)
		return r;
	upper_temporary_name(temporary);
	r = make_directory(tree, node, &st, temporary, &own);
	if (r == 0)
		r = put_directory_in_place(tree, parent, node, temporary, directory->fd, name);
	if (r < 0) {
		unlinkat(tree->work_fd, temporary, AT_REMOVEDIR);
		return r;
	}
	/* It could only be moved while its owner may write to it. */
	if ((st.st_mode & S_IRWXU) != S_IRWXU)
		(void)fchmod(own, st.st_mode & 07777);
	node->source = NODE_UPPER;
	node_advance_epoch(tree->nodes);
	return 0;
}

int copyup_directory(struct tree *tree, struct node *node)
{
	int r;

	if (node->source == NODE_UPPER)
		return 0;
	/* Its view is loaded first: what it says must not depend on the copy. */
	r = tree_load_view(tree, node);
	if (r < 0)
		return r;
	pthread_mutex_lock(&node->view->lock);
	r = node->source == NODE_UPPER ? 0 : copyup_directory_locked(tree, node);
	pthread_mutex_unlock(&node->view->lock);
	return r;
}

int copyup_node(struct tree *tree, struct node *node, off_t keep)
{
	if (node->source == NODE_CONTROL)
		return -EPERM;
	if (tree->read_only)
		return -EROFS;
	if (!S_ISDIR(node->kind))
		return copyup_file(tree, node, keep);
	NAMES_SHARED(tree);
	return copyup_directory(tree, node);
}
