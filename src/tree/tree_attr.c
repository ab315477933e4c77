/* Changing attributes, extended attributes, links' targets, the file system's figures. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bytecode.h"
#include "loan.h"
#include "tree_internal.h"

/* /proc/self/fd/N: chmod(2) and the xattr calls take no O_PATH descriptor. */
struct handle {
	int fd;
	struct content *content; /* whose fd it is, or NULL: it is ours */
	char path[32];
};

static void handle_close(struct handle *handle)
{
	if (!handle->content)
		cleanup_close(&handle->fd);
	content_drop(handle->content);
}

#define _cleanup_handle_ __attribute__((cleanup(handle_close)))

/* A file that was just written is open already, and so is a directory that was looked into. */
static int handle_open(struct tree *tree, struct node *node, struct handle *out)
{
	int r = 0;

	NAMES_SHARED(tree);
	out->content = content_cache_get(tree->contents, node->id,
					 S_ISDIR(node->kind) ? CONTENT_DIRECTORY : CONTENT_WRITE);
	if (out->content)
		out->fd = out->content->fd;
	else
		r = tree_upper_handle(tree, node, &out->fd);
	if (r == 0)
		snprintf(out->path, sizeof(out->path), "/proc/self/fd/%d", out->fd);
	return r;
}

static int set_size(struct tree *tree, struct node *node, off_t size)
{
	_cleanup_content_ struct content *content = NULL;
	int r;

	if (!S_ISREG(node->kind))
		return S_ISDIR(node->kind) ? -EISDIR : -EINVAL;
	r = tree_open_upper(tree, node, &content);
	if (r < 0)
		return r;
	return ftruncate(content->fd, size) < 0 ? -errno : 0;
}

static int set_times(const struct handle *handle, const struct stat *attr, unsigned what)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (what & TREE_SET_ATIME)
		times[0] = attr->st_atim;
	if (what & TREE_SET_MTIME)
		times[1] = attr->st_mtim;
	if (what & TREE_SET_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	if (what & TREE_SET_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	return utimensat(handle->fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* In the kernel's own order: the owner first, because that clears set-id bits, then the mode. */
static int set_attributes(struct node *node, const struct handle *handle, const struct stat *attr,
			  unsigned what)
{
	uid_t uid = what & TREE_SET_UID ? attr->st_uid : (uid_t)-1;
	gid_t gid = what & TREE_SET_GID ? attr->st_gid : (gid_t)-1;
	int r;

	if (what & (TREE_SET_UID | TREE_SET_GID) &&
	    fchownat(handle->fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (what & TREE_SET_MODE) {
		if (S_ISLNK(node->kind))
			return -EOPNOTSUPP;
		r = loan_chmod(handle->fd, attr->st_mode);
		if (r < 0)
			return r;
	}
	if (what & (TREE_SET_ATIME | TREE_SET_MTIME | TREE_SET_ATIME_NOW | TREE_SET_MTIME_NOW))
		return set_times(handle, attr, what);
	return 0;
}

int tree_setattr(struct tree *tree, uint64_t id, const struct stat *attr, unsigned what,
		 struct stat *out)
{
	_cleanup_handle_ struct handle handle = {.fd = -1};
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	/* Bytes that are cut off at once need not be copied. */
	r = copyup_node(tree, node, what & TREE_SET_SIZE ? attr->st_size : INT64_MAX);
	if (r == 0 && what & TREE_SET_SIZE)
		r = set_size(tree, node, attr->st_size);
	if (r == 0 && what & ~(unsigned)TREE_SET_SIZE) {
		r = handle_open(tree, node, &handle);
		if (r == 0)
			r = set_attributes(node, &handle, attr, what);
	}
	/* With its old time back, an edited source would pass for the one before. */
	if (r == 0 && what & TREE_SET_MTIME && S_ISREG(node->kind))
		bytecode_file_changed(tree, node);
	return r < 0 ? r : tree_getattr(tree, id, out);
}

int tree_readlink(struct tree *tree, uint64_t id, char *buffer, size_t size)
{
	_cleanup_close_ int handle = -1;
	_cleanup_free_ char *path = NULL;
	struct node *node;
	ssize_t length;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (!S_ISLNK(node->kind))
		return -EINVAL;
	NAMES_SHARED(tree);
	if (node->source == NODE_LOWER) {
		r = tree_lower_path(tree, node, &path);
		return r < 0 ? r : stack_readlink(tree->stack, node->layer, path, buffer, size);
	}
	r = tree_upper_handle(tree, node, &handle);
	if (r < 0)
		return r;
	length = readlinkat(handle, "", buffer, size - 1);
	if (length < 0)
		return -errno;
	buffer[length] = '\0';
	return 0;
}

/* Extended attributes are for users, on files and directories. ACLs would be stored and not
 * enforced; capabilities and labels are not ours to give. */
static bool is_user_attribute(const char *name)
{
	return strncmp(name, "user.", 5) == 0;
}

static bool has_user_attributes(const struct node *node)
{
	return node->source != NODE_CONTROL && (S_ISREG(node->kind) || S_ISDIR(node->kind));
}

/* Where a layer keeps a node's attributes: *path is to be freed. */
static int lower_place(struct tree *tree, const struct node *node, unsigned *layer, char **path)
{
	NAMES_SHARED(tree);
	*layer = S_ISDIR(node->kind) && view_merges(node->view) ? node->view->sources.layers[0]
								: node->layer;
	return tree_lower_path(tree, node, path);
}

ssize_t tree_getxattr(struct tree *tree, uint64_t id, const char *name, void *value, size_t size)
{
	_cleanup_handle_ struct handle handle = {.fd = -1};
	_cleanup_free_ char *path = NULL;
	struct node *node;
	unsigned layer;
	ssize_t n;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (strncmp(name, "system.", 7) == 0)
		return -EOPNOTSUPP;
	if (!is_user_attribute(name) || !has_user_attributes(node))
		return -ENODATA;
	if (node->source == NODE_LOWER) {
		r = lower_place(tree, node, &layer, &path);
		return r < 0 ? r : stack_getxattr(tree->stack, layer, path, name, value, size);
	}
	r = handle_open(tree, node, &handle);
	if (r < 0)
		return r;
	n = getxattr(handle.path, name, value, size);
	return n < 0 ? -errno : n;
}

/* Keeps the names of users' attributes in a list as from listxattr(2). */
static ssize_t keep_user_names(char *list, ssize_t length)
{
	ssize_t kept = 0;

	for (ssize_t i = 0; i < length;) {
		size_t size = strlen(list + i) + 1;

		if (is_user_attribute(list + i)) {
			memmove(list + kept, list + i, size);
			kept += (ssize_t)size;
		}
		i += (ssize_t)size;
	}
	return kept;
}

ssize_t tree_listxattr(struct tree *tree, uint64_t id, char *list, size_t size)
{
	_cleanup_handle_ struct handle handle = {.fd = -1};
	_cleanup_free_ char *path = NULL;
	char all[XATTR_LIST_MAX];
	struct node *node;
	unsigned layer;
	ssize_t n;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (!has_user_attributes(node))
		return 0;
	if (node->source == NODE_LOWER) {
		r = lower_place(tree, node, &layer, &path);
		n = r < 0 ? r : stack_listxattr(tree->stack, layer, path, all, sizeof(all));
	} else {
		r = handle_open(tree, node, &handle);
		n = r < 0 ? r : listxattr(handle.path, all, sizeof(all));
		if (r == 0 && n < 0)
			n = -errno;
	}
	if (n < 0)
		return n == -EOPNOTSUPP ? 0 : n;
	n = keep_user_names(all, n);
	if (size == 0)
		return n;
	if ((size_t)n > size)
		return -ERANGE;
	memcpy(list, all, (size_t)n);
	return n;
}

/* The way to a node of the upper whose attributes are to be changed. */
static int handle_for_change(struct tree *tree, uint64_t id, const char *name, struct handle *out)
{
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (!is_user_attribute(name))
		return -EOPNOTSUPP;
	if (!has_user_attributes(node))
		return -EPERM;
	r = copyup_node(tree, node, INT64_MAX);
	return r < 0 ? r : handle_open(tree, node, out);
}

int tree_setxattr(struct tree *tree, uint64_t id, const char *name, const void *value, size_t size,
		  int flags)
{
	_cleanup_handle_ struct handle handle = {.fd = -1};
	int r = handle_for_change(tree, id, name, &handle);

	if (r < 0)
		return r;
	return setxattr(handle.path, name, value, size, flags) < 0 ? -errno : 0;
}

int tree_removexattr(struct tree *tree, uint64_t id, const char *name)
{
	_cleanup_handle_ struct handle handle = {.fd = -1};
	int r = handle_for_change(tree, id, name, &handle);

	if (r < 0)
		return r;
	return removexattr(handle.path, name) < 0 ? -errno : 0;
}

int tree_statfs(struct tree *tree, struct statvfs *out)
{
	if (tree->upper_fd < 0) {
		*out = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
		return 0;
	}
	return fstatvfs(tree->upper_fd, out) < 0 ? -errno : 0;
}
