/* Making and freeing a tree, looking names up, attributes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytecode.h"
#include "inode.h"
#include "loan.h"
#include "tree_internal.h"
#include "upper.h"
#include "venvfs/path.h"

#define CACHED_CONTENTS 256

/* The stack takes over the layers of @config. */
static struct stack *stack_of(const struct tree_config *config)
{
	struct stack *stack = stack_new(config->layers, config->layer_count);

	if (!stack) {
		for (unsigned i = 0; i < config->layer_count; i++)
			layer_free(config->layers[i]);
		free(config->layers);
	}
	return stack;
}

static int make_root(struct tree *tree)
{
	struct view *view;
	struct stat st;
	char *lower;

	if (tree->upper_fd >= 0) {
		if (fstat(tree->upper_fd, &st) < 0)
			return -errno;
		tree->upper_device = st.st_dev;
	}
	lower = strdup("");
	view = lower ? view_new(lower, false) : NULL;
	if (!view)
		return -ENOMEM;
	tree->nodes =
		node_table_new(view, TREE_ROOT_ID, tree->upper_fd >= 0 ? NODE_UPPER : NODE_LOWER);
	if (!tree->nodes) {
		view_free(view);
		return -ENOMEM;
	}
	return tree_load_view(tree, node_table_root(tree->nodes));
}

/* Whoever changes a name is let in before those who look up afterwards: the library's default lets
 * a few busy readers keep it waiting for seconds. So nobody may take the lock shared twice. */
static void names_init(pthread_rwlock_t *names)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(names, &attributes);
	pthread_rwlockattr_destroy(&attributes);
}

int tree_new(const struct tree_config *config, struct tree **out)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	struct stack *stack = stack_of(config);
	int r = -ENOMEM;

	if (!tree || !stack) {
		stack_free(stack);
		free(tree);
		if (config->upper_fd >= 0)
			close(config->upper_fd);
		if (config->work_fd >= 0)
			close(config->work_fd);
		return -ENOMEM;
	}
	names_init(&tree->names);
	for (unsigned i = 0; i < COPYUP_LOCKS; i++)
		pthread_mutex_init(&tree->copyup_locks[i], NULL);
	tree->stack = stack;
	tree->upper_fd = config->upper_fd;
	tree->work_fd = config->work_fd;
	tree->read_only = config->read_only || config->upper_fd < 0;
	tree->sets_owners = geteuid() == 0;
	clock_gettime(CLOCK_REALTIME, &tree->opened);
	tree->contents = content_cache_new(CACHED_CONTENTS);
	if (tree->contents)
		r = make_root(tree);
	if (r == 0)
		r = control_new(tree);
	if (r < 0) {
		tree_free(tree);
		return r;
	}
	*out = tree;
	return 0;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	control_free(tree);
	content_cache_free(tree->contents);
	node_table_free(tree->nodes);
	stack_free(tree->stack);
	if (tree->upper_fd >= 0)
		close(tree->upper_fd);
	if (tree->work_fd >= 0) {
		(void)unlinkat(tree->work_fd, UPPER_EMPTY_MARK, 0);
		close(tree->work_fd);
	}
	for (unsigned i = 0; i < COPYUP_LOCKS; i++)
		pthread_mutex_destroy(&tree->copyup_locks[i]);
	pthread_rwlock_destroy(&tree->names);
	free(tree);
}

int tree_node(struct tree *tree, uint64_t id, struct node **out)
{
	*out = node_get(tree->nodes, id);
	return *out ? 0 : -ESTALE;
}

int tree_writable_directory(struct tree *tree, uint64_t id, struct node **out)
{
	int r = tree_node(tree, id, out);

	if (r < 0)
		return r;
	if (tree->read_only)
		return -EROFS;
	if ((*out)->source == NODE_CONTROL)
		return -EPERM;
	if (!S_ISDIR((*out)->kind))
		return -ENOTDIR;
	return tree_load_view(tree, *out);
}

static bool is_control_name(struct tree *tree, const struct node *parent, const char *name)
{
	return parent == node_table_root(tree->nodes) && strcmp(name, CONTROL_NAME) == 0;
}

int tree_check_new_name(struct tree *tree, const struct node *parent, const char *name)
{
	if (upper_is_reserved(name))
		return -EINVAL;
	return is_control_name(tree, parent, name) ? -EPERM : 0;
}

void tree_set_listener(struct tree *tree, const struct tree_listener *listener)
{
	tree->listener = *listener;
}

void tree_tell_entry(const struct tree *tree, const struct node *parent, const char *name)
{
	if (tree->listener.entry_gone)
		tree->listener.entry_gone(tree->listener.arg, parent->id, name);
}

void tree_tell_listing(const struct tree *tree, const struct node *directory)
{
	if (tree->listener.listing_changed)
		tree->listener.listing_changed(tree->listener.arg, directory->id);
}

void tree_settle(const struct tree *tree)
{
	if (tree->listener.settle)
		tree->listener.settle(tree->listener.arg);
}

int tree_load_view(struct tree *tree, struct node *directory)
{
	_cleanup_content_ struct content *upper = NULL;
	const struct view *above = directory->names ? directory->names->parent->view : NULL;
	int r;

	if (directory->view->loaded)
		return 0;
	r = tree_upper_directory_if_any(tree, directory, &upper);
	if (r < 0)
		return r;
	r = view_load(directory->view, above, tree->stack, upper ? upper->fd : -1);
	return r == -EUCLEAN ? -EIO : r;
}

/* One name at a time, for where the modes of those above forbid the whole path. */
static int open_in_parent(struct tree *tree, const struct node *directory)
{
	_cleanup_content_ struct content *above = NULL;
	_cleanup_free_ char *name = NULL;
	int r = tree_upper_place(tree, directory, &above, &name);

	return r < 0 ? r : loan_handle(above->fd, name);
}

/* The short way, where the directory above is in the cache. */
static int open_in_open_parent(struct tree *tree, const struct node *directory)
{
	_cleanup_content_ struct content *above = NULL;
	_cleanup_free_ char *name = NULL;
	const struct node *parent = node_parent(tree->nodes, directory, &name);

	if (parent)
		above = content_cache_get(tree->contents, parent->id, CONTENT_DIRECTORY);
	return above ? openat(above->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
}

static int open_upper_directory(struct tree *tree, const struct node *directory)
{
	_cleanup_buffer_ struct buffer path = {0};
	int fd, r;

	if (directory->orphan) {
		fd = fcntl(directory->orphan->fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	fd = open_in_open_parent(tree, directory);
	if (fd >= 0)
		return fd;
	r = node_path(tree->nodes, directory, &path);
	if (r < 0)
		return r;
	r = path_open_beneath(tree->upper_fd, path.data, O_PATH | O_DIRECTORY, 0);
	return r == -EACCES ? open_in_parent(tree, directory) : r;
}

int tree_upper_directory(struct tree *tree, const struct node *directory, struct content **out)
{
	int fd;

	*out = content_cache_get(tree->contents, directory->id, CONTENT_DIRECTORY);
	if (*out)
		return 0;
	fd = open_upper_directory(tree, directory);
	if (fd < 0)
		return fd;
	*out = content_from_fd(fd);
	if (!*out)
		return -ENOMEM;
	content_cache_put(tree->contents, directory->id, CONTENT_DIRECTORY, *out);
	return 0;
}

int tree_upper_directory_if_any(struct tree *tree, const struct node *directory,
				struct content **out)
{
	*out = NULL;
	return directory->source == NODE_UPPER ? tree_upper_directory(tree, directory, out) : 0;
}

int tree_upper_place(struct tree *tree, const struct node *node, struct content **directory,
		     char **name)
{
	struct node *parent = node_parent(tree->nodes, node, name);
	int r;

	if (!parent)
		return -ESTALE;
	r = tree_upper_directory(tree, parent, directory);
	if (r < 0) {
		free(*name);
		*name = NULL;
	}
	return r;
}

/* The upper's own entry, if it has one. */
static int find_upper(struct tree *tree, struct node *parent, const char *name, struct found *out)
{
	_cleanup_content_ struct content *upper = NULL;
	int r = tree_upper_directory_if_any(tree, parent, &upper);

	if (r < 0)
		return r;
	if (!upper)
		return -ENOENT;
	if (fstatat(upper->fd, name, &out->st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	out->source = NODE_UPPER;
	out->upper_ino = inode_of_upper(tree->upper_device, out->st.st_dev, out->st.st_ino);
	out->st.st_ino = node_shown_inode(tree->nodes, out->upper_ino);
	return 0;
}

int tree_find(struct tree *tree, struct node *parent, const char *name, struct found *out)
{
	struct stack_entry entry;
	int r;

	*out = (struct found){0};
	r = find_upper(tree, parent, name, out);
	if (r == 0)
		out->lower_hidden = parent->view->core_only || view_hides(parent->view, name);
	if (r != -ENOENT)
		return r;
	r = view_find_lower(parent->view, tree->stack, name, &entry, &out->lower_hidden);
	if (r < 0)
		return r;
	if (bytecode_is_stale(tree, parent, name, entry.layer, entry.st.st_mode))
		return -ENOENT;
	out->source = NODE_LOWER;
	out->layer = entry.layer;
	out->st = entry.st;
	return 0;
}

/* The view of a directory that was found in @parent. */
static int make_view(struct node *parent, const char *name, const struct found *found,
		     struct view **out)
{
	char *lower = NULL;
	int r;

	if (parent->view->lower && view_merges(parent->view)) {
		r = path_join(parent->view->lower, name, &lower);
		if (r < 0)
			return r;
	}
	*out = view_new(lower, found->lower_hidden);
	return *out ? 0 : -ENOMEM;
}

static int obtain_found(struct tree *tree, struct node *parent, const char *name,
			const struct found *found, uint64_t epoch, struct node **out, bool *made)
{
	struct node_template template = {
		.source = found->source,
		.layer = (uint16_t)found->layer,
		.kind = found->st.st_mode & S_IFMT,
		.ino = found->st.st_ino,
	};
	int r = 0;

	if (S_ISDIR(template.kind))
		r = make_view(parent, name, found, &template.view);
	else
		template.upper_ino = found->upper_ino;
	template.has_names = template.upper_ino && found->st.st_nlink > 1;
	if (r == 0)
		r = node_obtain(tree->nodes, parent, name, &template, epoch, out, made);
	view_free(template.view);
	return r;
}

int tree_obtain_found(struct tree *tree, struct node *parent, const char *name,
		      const struct found *found, struct node **out)
{
	bool made;
	int r = 0;

	*out = node_obtain_known(tree->nodes, parent, name);
	if (!*out)
		r = obtain_found(tree, parent, name, found, node_epoch(tree->nodes), out, &made);
	if (r < 0 || !S_ISDIR((*out)->kind))
		return r;
	r = tree_load_view(tree, *out);
	if (r < 0) {
		node_forget(tree->nodes, (*out)->id, 1);
		*out = NULL;
	}
	return r;
}

/* *found is filled if *made. */
static int obtain(struct tree *tree, struct node *parent, const char *name, struct found *found,
		  struct node **out, bool *made)
{
	int r;

	*made = false;
	*out = node_obtain_known(tree->nodes, parent, name);
	if (*out)
		return 0;
	do {
		uint64_t epoch = node_epoch(tree->nodes);

		r = tree_find(tree, parent, name, found);
		if (r == 0)
			r = obtain_found(tree, parent, name, found, epoch, out, made);
	} while (r == -EAGAIN);
	return r;
}

static int fill_entry(struct tree *tree, struct node *node, const struct found *found, bool made,
		      struct tree_entry *out)
{
	int r;

	*out = (struct tree_entry){.id = node->id};
	if (made && !S_ISDIR(node->kind)) {
		out->attr = found->st;
		return 0;
	}
	r = tree_attributes(tree, node, &out->attr);
	if (r < 0)
		node_forget(tree->nodes, node->id, 1);
	return r;
}

int tree_obtain(struct tree *tree, struct node *parent, const char *name, struct tree_entry *out)
{
	struct found found;
	struct node *node;
	bool made;
	int r = obtain(tree, parent, name, &found, &node, &made);

	return r < 0 ? r : fill_entry(tree, node, &found, made, out);
}

int tree_obtain_made(struct tree *tree, struct node *parent, const char *name,
		     struct tree_entry *out)
{
	struct found found;
	struct node *node;
	bool made;
	int r = obtain(tree, parent, name, &found, &node, &made);

	if (r < 0)
		return r;
	/* Without a look at it: there are no marks yet. Where that fails, it is done below. */
	if (S_ISDIR(node->kind))
		(void)view_load(node->view, parent->view, tree->stack, -1);
	return fill_entry(tree, node, &found, made, out);
}

int tree_lookup(struct tree *tree, uint64_t parent_id, const char *name, struct tree_entry *out)
{
	struct node *parent;
	int r = tree_node(tree, parent_id, &parent);

	if (r < 0)
		return r;
	if (!S_ISDIR(parent->kind))
		return -ENOTDIR;
	if (parent->source == NODE_CONTROL || is_control_name(tree, parent, name))
		return control_lookup(tree, parent->source == NODE_CONTROL ? name : NULL, out);
	if (upper_is_reserved(name))
		return -ENOENT;

	NAMES_SHARED(tree);
	r = tree_load_view(tree, parent);
	return r < 0 ? r : tree_obtain(tree, parent, name, out);
}

void tree_forget(struct tree *tree, uint64_t id, uint64_t count)
{
	if (id != TREE_ROOT_ID && node_forget(tree->nodes, id, count))
		content_cache_remove(tree->contents, id);
}

static int upper_attributes(struct tree *tree, const struct node *node, struct stat *out)
{
	_cleanup_content_ struct content *directory = NULL;
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int handle = -1;
	int r;

	if (node->orphan && node->orphan->fd >= 0)
		return fstat(node->orphan->fd, out) < 0 ? -errno : 0;
	if (S_ISDIR(node->kind)) {
		r = tree_upper_directory(tree, node, &directory);
		return r < 0 ? r : fstat(directory->fd, out) < 0 ? -errno : 0;
	}
	r = tree_upper_place(tree, node, &directory, &name);
	if (r < 0)
		return r;
	if (fstatat(directory->fd, name, out, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != EACCES)
		return -errno;
	handle = loan_handle(directory->fd, name);
	return handle < 0 ? handle : fstat(handle, out) < 0 ? -errno : 0;
}

int tree_lower_path(struct tree *tree, const struct node *node, char **out)
{
	_cleanup_free_ char *name = NULL;
	const char *path = NULL;
	struct node *parent;

	if (node->orphan)
		path = node->orphan->lower;
	else if (S_ISDIR(node->kind))
		path = node->view->lower;
	if (path) {
		*out = strdup(path);
		return *out ? 0 : -ENOMEM;
	}
	parent = node_parent(tree->nodes, node, &name);
	if (!parent || !parent->view->lower)
		return -ESTALE;
	return path_join(parent->view->lower, name, out);
}

static int lower_attributes(struct tree *tree, const struct node *node, struct stat *out)
{
	_cleanup_free_ char *path = NULL;
	unsigned layer = node->layer;
	int r;

	if (S_ISDIR(node->kind)) {
		if (!view_merges(node->view))
			return -ENOENT;
		layer = node->view->sources.layers[0];
	}
	r = tree_lower_path(tree, node, &path);
	return r < 0 ? r : stack_getattr(tree->stack, layer, path, out);
}

int tree_attributes(struct tree *tree, struct node *node, struct stat *out)
{
	int r = 0;

	if (S_ISDIR(node->kind))
		r = tree_load_view(tree, node);
	if (r < 0)
		return r;
	r = node->source == NODE_UPPER ? upper_attributes(tree, node, out)
				       : lower_attributes(tree, node, out);
	if (r < 0)
		return r;
	/* Nobody counts the subdirectories of a merged directory: 1 says "unknown", as in btrfs. */
	if (S_ISDIR(node->kind) && !node->orphan &&
	    node->view->sources.count + (node->source == NODE_UPPER) > 1)
		out->st_nlink = 1;
	out->st_ino = node->ino;
	if (node->orphan)
		out->st_nlink =
			node->source == NODE_UPPER && !S_ISDIR(node->kind) ? out->st_nlink : 0;
	return 0;
}

int tree_getattr(struct tree *tree, uint64_t id, struct stat *out)
{
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (node->source == NODE_CONTROL)
		return control_getattr(tree, node, out);
	NAMES_SHARED(tree);
	return tree_attributes(tree, node, out);
}

int tree_path(struct tree *tree, uint64_t id, const char *name, struct buffer *out)
{
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	NAMES_SHARED(tree);
	r = node->source == NODE_CONTROL ? -ESTALE : node_path(tree->nodes, node, out);
	if (r < 0 || !name)
		return r;
	if (node != node_table_root(tree->nodes))
		buffer_putc(out, '/');
	buffer_puts(out, name);
	return buffer_status(out);
}

size_t tree_node_count(struct tree *tree)
{
	return node_table_count(tree->nodes);
}

/* Ids gathered under the table's lock, to be worked on without it. */
struct gathered {
	unsigned layer;
	uint64_t *ids;
	size_t count, capacity;
};

static void gather(void *arg, const struct node *node)
{
	struct gathered *gathered = arg;

	if (node->source != NODE_LOWER || S_ISDIR(node->kind) || node->layer != gathered->layer)
		return;
	if (gathered->count == gathered->capacity) {
		size_t capacity = gathered->capacity ? gathered->capacity * 2 : 64;
		uint64_t *ids = reallocarray(gathered->ids, capacity, sizeof(*ids));

		if (!ids)
			return;
		gathered->ids = ids;
		gathered->capacity = capacity;
	}
	gathered->ids[gathered->count++] = node->id;
}

void tree_each_of_layer(struct tree *tree, unsigned layer, void (*fn)(void *arg, uint64_t id),
			void *arg)
{
	struct gathered gathered = {.layer = layer};

	node_each(tree->nodes, gather, &gathered);
	for (size_t i = 0; i < gathered.count; i++)
		fn(arg, gathered.ids[i]);
	free(gathered.ids);
}
