/* The bytes of files: reading, writing, making them durable. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bytecode.h"
#include "loan.h"
#include "tree_internal.h"

int tree_upper_handle(struct tree *tree, const struct node *node, int *out)
{
	_cleanup_content_ struct content *directory = NULL;
	_cleanup_free_ char *name = NULL;
	int r;

	if (S_ISDIR(node->kind)) {
		r = tree_upper_directory(tree, node, &directory);
		*out = r < 0 ? -1 : fcntl(directory->fd, F_DUPFD_CLOEXEC, 3);
	} else if (node->orphan) {
		r = node->orphan->fd < 0 ? -ESTALE : 0;
		*out = r < 0 ? -1 : fcntl(node->orphan->fd, F_DUPFD_CLOEXEC, 3);
	} else {
		r = tree_upper_place(tree, node, &directory, &name);
		if (r == 0)
			r = *out = loan_handle(directory->fd, name);
		return r < 0 ? r : 0;
	}
	return r < 0 ? r : *out < 0 ? -errno : 0;
}

/* Without opens the kernel has checked who may use the file, perhaps under a mode that has changed
 * since, or that was not meant for its maker (git creates 0444). */
static int open_handle(int handle, int flags)
{
	struct stat st;

	if (fstat(handle, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL; /* not even opened: a FIFO would block, a device would act */
	return loan_open(handle, flags, S_IRUSR | S_IWUSR);
}

/* A cached descriptor of a file of the upper, for @purpose. tree.names held: what is put into the
 * cache must still be true. */
static int open_upper(struct tree *tree, struct node *node, enum content_purpose purpose,
		      struct content **out)
{
	_cleanup_close_ int handle = -1;
	int r, fd;

	/* One that can be written serves readers too. */
	*out = content_cache_get(tree->contents, node->id, CONTENT_WRITE);
	if (!*out && purpose == CONTENT_READ)
		*out = content_cache_get(tree->contents, node->id, CONTENT_READ);
	if (*out)
		return 0;
	r = tree_upper_handle(tree, node, &handle);
	if (r < 0)
		return r;
	fd = open_handle(handle, purpose == CONTENT_WRITE ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	*out = content_from_fd(fd);
	if (!*out)
		return -ENOMEM;
	content_cache_put(tree->contents, node->id, purpose, *out);
	return 0;
}

static int open_lower(struct tree *tree, struct node *node, struct content **out)
{
	_cleanup_free_ char *path = NULL;
	int r;

	*out = content_cache_get(tree->contents, node->id, CONTENT_READ);
	if (*out)
		return 0;
	r = tree_lower_path(tree, node, &path);
	if (r == 0)
		r = stack_open(tree->stack, node->layer, path, out);
	/* What is in memory may be replaced by the layer: it is kept there, not here. */
	if (r == 0 && (*out)->fd >= 0)
		content_cache_put(tree->contents, node->id, CONTENT_READ, *out);
	return r;
}

int tree_open(struct tree *tree, uint64_t id, struct content **out)
{
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (!S_ISREG(node->kind))
		return S_ISDIR(node->kind) ? -EISDIR : -EINVAL;
	if (node->source == NODE_CONTROL) {
		*out = content_ref(node->snapshot);
		return 0;
	}
	NAMES_SHARED(tree);
	return node->source == NODE_UPPER ? open_upper(tree, node, CONTENT_READ, out)
					  : open_lower(tree, node, out);
}

/* The file in the upper, to be changed; copied up if need be. */
static int open_for_change(struct tree *tree, uint64_t id, struct content **out)
{
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (!S_ISREG(node->kind))
		return S_ISDIR(node->kind) ? -EISDIR : -EINVAL;
	r = copyup_node(tree, node, INT64_MAX);
	return r < 0 ? r : tree_open_upper(tree, node, out);
}

int tree_open_upper(struct tree *tree, struct node *node, struct content **out)
{
	NAMES_SHARED(tree);
	return open_upper(tree, node, CONTENT_WRITE, out);
}

static ssize_t write_at(int fd, const char *data, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, data + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done > 0 ? (ssize_t)done : -errno;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t tree_write(struct tree *tree, uint64_t id, const void *data, size_t size, off_t offset)
{
	_cleanup_content_ struct content *content = NULL;
	const struct node *node = node_get(tree->nodes, id);
	bool is_lower = node && node->source == NODE_LOWER;
	ssize_t n;
	int r = open_for_change(tree, id, &content);

	if (r < 0)
		return r;
	n = write_at(content->fd, data, size, offset);
	if (is_lower)
		bytecode_file_changed(tree, node);
	return n;
}

int tree_fallocate(struct tree *tree, uint64_t id, int mode, off_t offset, off_t length)
{
	_cleanup_content_ struct content *content = NULL;
	int r = open_for_change(tree, id, &content);

	if (r < 0)
		return r;
	return fallocate(content->fd, mode, offset, length) < 0 ? -errno : 0;
}

ssize_t tree_copy_range(struct tree *tree, uint64_t from, off_t from_offset, uint64_t to,
			off_t to_offset, size_t length)
{
	_cleanup_content_ struct content *source = NULL, *target = NULL;
	ssize_t n;
	int r = tree_open(tree, from, &source);

	if (r == 0)
		r = open_for_change(tree, to, &target);
	if (r < 0)
		return r;
	if (!content_is_file(source))
		return -EOPNOTSUPP; /* the kernel falls back to read and write */
	n = copy_file_range(source->fd, &from_offset, target->fd, &to_offset, length, 0);
	if (n < 0)
		return errno == EXDEV ? -EOPNOTSUPP : -errno;
	return n;
}

int tree_fsync(struct tree *tree, uint64_t id, bool data_only)
{
	_cleanup_content_ struct content *content = NULL;
	_cleanup_close_ int directory = -1;
	struct node *node;
	int fd = -1, r = tree_node(tree, id, &node);

	if (r < 0 || node->source != NODE_UPPER || tree->read_only)
		return r; /* a layer's bytes are as durable as they will be */
	if (S_ISDIR(node->kind)) {
		NAMES_SHARED(tree);
		r = tree_upper_directory(tree, node, &content);
		if (r < 0)
			return r;
		fd = directory = loan_open(content->fd, O_RDONLY | O_DIRECTORY, S_IRUSR);
		if (fd < 0)
			return fd;
	} else if (S_ISREG(node->kind)) {
		r = tree_open_upper(tree, node, &content);
		if (r < 0)
			return r;
		fd = content->fd;
	} else {
		return 0;
	}
	return (data_only ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}
