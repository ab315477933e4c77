/* Making and removing names. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bytecode.h"
#include "inode.h"
#include "name_place.h"
#include "upper.h"

/* What is to be made. */
struct birth {
	mode_t mode; /* with the kind */
	dev_t device;
	const char *target; /* of a link */
};

/* Makes it as @name in @directory of the upper; *fd is a new regular file's descriptor, or -1. */
static int make(const struct birth *birth, int directory, const char *name, int *fd)
{
	mode_t mode = birth->mode & 07777;
	int r;

	*fd = -1;
	switch (birth->mode & S_IFMT) {
	case S_IFLNK:
		r = symlinkat(birth->target, directory, name);
		break;
	case S_IFDIR:
		r = mkdirat(directory, name, mode);
		break;
	case S_IFREG:
		r = *fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		break;
	default:
		r = mknodat(directory, name, birth->mode, birth->device);
		break;
	}
	return r < 0 ? -errno : 0;
}

/* Makes it in a directory of the upper, as @caller. */
static int make_as(struct tree *tree, const struct birth *birth, struct node *parent,
		   const char *name, const struct tree_caller *caller, int *fd)
{
	_cleanup_content_ struct content *directory = NULL;
	int r = tree_upper_directory(tree, parent, &directory);

	if (r < 0)
		return r;
	/* The lock keeps a copy-up below from putting the directory's old times back. */
	pthread_mutex_lock(&parent->view->lock);
	r = identity_assume(tree, caller);
	if (r == 0) {
		r = make(birth, directory->fd, name, fd);
		identity_drop(tree, caller);
	}
	parent->view->listing_stale = true;
	pthread_mutex_unlock(&parent->view->lock);
	return r;
}

/* Whether a layer's file of this name is known still, though it is out of sight (bytecode.h). */
static bool is_known(struct tree *tree, struct node *parent, const char *name)
{
	struct node *node = node_obtain_known(tree->nodes, parent, name);
	bool known = node && node->source == NODE_LOWER && !S_ISDIR(node->kind);

	if (node)
		tree_forget(tree, node->id, 1);
	return known;
}

/* -EAGAIN: what is known of the name is to be dropped first, which wants tree.names exclusively. */
static int create_entry(struct tree *tree, uint64_t parent_id, const char *name,
			const struct birth *birth, const struct tree_caller *caller,
			struct tree_entry *out)
{
	_cleanup_content_ struct content *content = NULL;
	struct stack_entry lower;
	struct node *parent;
	int fd = -1, r;

	NAMES_SHARED(tree);
	r = tree_writable_directory(tree, parent_id, &parent);
	if (r == 0)
		r = tree_check_new_name(tree, parent, name);
	if (r == 0)
		r = copyup_directory(tree, parent);
	if (r < 0)
		return r;
	/* What the upper has, the file system itself will refuse to make again. */
	r = view_find_lower(parent->view, tree->stack, name, &lower, NULL);
	if (r == 0 && bytecode_is_stale(tree, parent, name, lower.layer, lower.st.st_mode))
		r = is_known(tree, parent, name) ? -EAGAIN : -ENOENT;
	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	r = make_as(tree, birth, parent, name, caller, &fd);
	if (r < 0)
		return r;
	/* Its maker is about to write: the descriptor is worth keeping. */
	content = fd >= 0 ? content_from_fd(fd) : NULL;
	r = tree_obtain_made(tree, parent, name, out);
	if (r == 0 && content)
		content_cache_put(tree->contents, out->id, CONTENT_WRITE, content);
	return r;
}

static int drop_stale(struct tree *tree, uint64_t parent_id, const char *name)
{
	struct node *parent;
	int r;

	NAMES_EXCLUSIVE(tree);
	r = tree_node(tree, parent_id, &parent);
	return r < 0 ? r : name_place_drop_lower(tree, parent, name);
}

static int create(struct tree *tree, uint64_t parent_id, const char *name,
		  const struct birth *birth, const struct tree_caller *caller,
		  struct tree_entry *out)
{
	struct node *parent;
	int r;

	while ((r = create_entry(tree, parent_id, name, birth, caller, out)) == -EAGAIN) {
		r = drop_stale(tree, parent_id, name);
		if (r < 0)
			return r;
	}
	if (r == 0 && tree_node(tree, parent_id, &parent) == 0)
		bytecode_source_made(tree, parent, name);
	return r;
}

int tree_mknod(struct tree *tree, uint64_t parent, const char *name, mode_t mode, dev_t device,
	       const struct tree_caller *caller, struct tree_entry *out)
{
	struct birth birth = {.mode = mode & S_IFMT ? mode : mode | S_IFREG, .device = device};

	return create(tree, parent, name, &birth, caller, out);
}

int tree_mkdir(struct tree *tree, uint64_t parent, const char *name, mode_t mode,
	       const struct tree_caller *caller, struct tree_entry *out)
{
	struct birth birth = {.mode = S_IFDIR | (mode & 07777)};

	return create(tree, parent, name, &birth, caller, out);
}

int tree_symlink(struct tree *tree, const char *target, uint64_t parent, const char *name,
		 const struct tree_caller *caller, struct tree_entry *out)
{
	struct birth birth = {.mode = S_IFLNK | 0777, .target = target};

	return create(tree, parent, name, &birth, caller, out);
}

static int link_upper(struct tree *tree, struct node *node, int directory, const char *name)
{
	_cleanup_content_ struct content *from = NULL;
	_cleanup_free_ char *old_name = NULL;
	int r = tree_upper_place(tree, node, &from, &old_name);

	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	return linkat(from->fd, old_name, directory, name, 0) < 0 ? -errno : 0;
}

/* With the file in the upper and tree.names held exclusively. */
static int link_locked(struct tree *tree, struct node *node, struct name_place *place,
		       struct tree_entry *out)
{
	struct stat st;
	int r;

	if (place->exists)
		return -EEXIST;
	r = name_place_prepare(place);
	if (r == 0)
		r = link_upper(tree, node, place->directory->fd, place->name);
	if (r < 0)
		return r;
	view_touch(place->parent->view);
	if (fstatat(place->directory->fd, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = node_add_name(tree->nodes, node, place->parent, place->name,
			  inode_of_upper(tree->upper_device, st.st_dev, st.st_ino));
	return r < 0 ? r : tree_obtain(tree, place->parent, place->name, out);
}

int tree_link(struct tree *tree, uint64_t id, uint64_t parent_id, const char *name,
	      struct tree_entry *out)
{
	_cleanup_name_place_ struct name_place place = {0};
	struct node *node, *parent;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (S_ISDIR(node->kind))
		return -EPERM;
	r = copyup_node(tree, node, INT64_MAX);
	if (r < 0)
		return r;
	{
		NAMES_EXCLUSIVE(tree);
		r = tree_writable_directory(tree, parent_id, &parent);
		if (r == 0)
			r = tree_check_new_name(tree, parent, name);
		if (r == 0)
			r = name_place_find(tree, parent, name, &place);
		if (r == 0)
			r = link_locked(tree, node, &place, out);
	}
	if (r == 0)
		bytecode_source_made(tree, parent, name);
	return r;
}

/* The place of a name that is to be removed. */
static int find_for_removal(struct tree *tree, uint64_t parent_id, const char *name,
			    struct name_place *out)
{
	struct node *parent;
	int r = tree_writable_directory(tree, parent_id, &parent);

	if (r < 0)
		return r;
	r = tree_check_new_name(tree, parent, name);
	if (r < 0)
		return r == -EINVAL ? -ENOENT : r; /* a reserved name never shows */
	r = name_place_find(tree, parent, name, out);
	return r < 0 ? r : out->exists ? 0 : -ENOENT;
}

int tree_unlink(struct tree *tree, uint64_t parent_id, const char *name)
{
	_cleanup_name_place_ struct name_place place = {0};
	int r;

	NAMES_EXCLUSIVE(tree);
	r = find_for_removal(tree, parent_id, name, &place);
	if (r == 0 && S_ISDIR(place.node->kind))
		r = -EISDIR;
	if (r == 0)
		r = name_place_pin(&place);
	if (r == 0)
		r = name_place_hide_lower(&place);
	if (r == 0 && place.found.source == NODE_UPPER &&
	    unlinkat(place.directory->fd, name, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	name_place_removed(&place);
	/* While the source was the layer's own, its bytecode has been in sight. */
	if (place.found.source == NODE_UPPER)
		bytecode_source_changed(tree, place.parent, name);
	return 0;
}

/* Removes the directory from the upper; what it shows has been found to be nothing. */
static int remove_upper_directory(struct name_place *place)
{
	int r = name_place_prepare(place);

	if (r < 0)
		return r;
	if (unlinkat(place->directory->fd, place->name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	r = name_place_clear_marks(place);
	if (r < 0)
		return r;
	return unlinkat(place->directory->fd, place->name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_rmdir(struct tree *tree, uint64_t parent_id, const char *name)
{
	_cleanup_name_place_ struct name_place place = {0};
	int r;

	NAMES_EXCLUSIVE(tree);
	r = find_for_removal(tree, parent_id, name, &place);
	if (r == 0 && !S_ISDIR(place.node->kind))
		r = -ENOTDIR;
	if (r == 0)
		r = name_place_check_empty(&place);
	if (r == 0)
		r = name_place_pin(&place);
	if (r == 0)
		r = name_place_hide_lower(&place);
	if (r == 0 && place.found.source == NODE_UPPER)
		r = remove_upper_directory(&place);
	if (r == 0) {
		content_cache_remove(tree->contents, place.node->id);
		name_place_removed(&place);
	}
	return r;
}
