/*
 * Renaming, in one step for whoever looks, and in one step on disk.
 *
 * The upper's own rename is the moment at which the new state holds. Everything before it leaves
 * the view as it was: the source's copy-up; a directory's mark of where its layers' entries come
 * from (so that a layer's directory is renamed without copying what is in it), or that it has none;
 * the whiteout at the old name. Everything that may be left over by a crash before it is harmless.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bytecode.h"
#include "loan.h"
#include "name_place.h"
#include "upper.h"

/* The node, its look-up count raised. The kernel has mostly looked it up a moment ago. */
static int obtain_source(struct tree *tree, uint64_t parent_id, const char *name, struct node **out)
{
	struct tree_entry entry;
	struct node *parent;
	int r = tree_node(tree, parent_id, &parent);

	if (r < 0)
		return r;
	{
		NAMES_SHARED(tree);
		*out = node_obtain_known(tree->nodes, parent, name);
	}
	if (*out)
		return 0;
	r = tree_lookup(tree, parent_id, name, &entry);
	return r < 0 ? r : tree_node(tree, entry.id, out);
}

/* Brings a file that is to be moved into the upper. Directories move by a mark instead. */
static int copyup_source(struct tree *tree, uint64_t parent, const char *name)
{
	struct node *node;
	int r = obtain_source(tree, parent, name, &node);

	if (r < 0)
		return r;
	if (!S_ISDIR(node->kind))
		r = copyup_node(tree, node, INT64_MAX);
	tree_forget(tree, node->id, 1);
	return r;
}

/* Writes into the directory @fd of the upper what makes it independent of its name. */
static int write_marks(struct tree *tree, struct view *view, int fd, bool opaque)
{
	int r = 0;

	if (view_merges(view) && !view->redirected)
		r = upper_mark_redirect(tree->work_fd, fd, view->lower);
	if (r == 0 && view_merges(view))
		view->redirected = true;
	if (r == 0 && (opaque || (view_merges(view) && view->core_only)))
		r = upper_mark_opaque(fd);
	return r;
}

/* Prepares a directory to show the same things at @target as it shows now. */
static int detach_directory(struct tree *tree, struct node *node, struct name_place *target)
{
	_cleanup_content_ struct content *own = NULL;
	_cleanup_loan_ struct loan loan = LOAN_NONE;
	struct stat before;
	bool opaque;
	int r = copyup_directory(tree, node);

	if (r == 0)
		r = tree_upper_directory(tree, node, &own);
	if (r == 0 && !view_merges(node->view))
		r = name_place_shows_lower(target);
	if (r < 0)
		return r;
	opaque = r > 0;
	if (!opaque && (!view_merges(node->view) || node->view->redirected))
		return 0;
	if (fstat(own->fd, &before) < 0)
		return -errno;
	r = loan_take(own->fd, S_IRWXU, &loan);
	if (r == 0)
		r = write_marks(tree, node->view, own->fd, opaque);
	if (r == 0)
		r = upper_sync(own->fd);
	/* Its contents are the same, so are its times. */
	(void)utimensat(own->fd, ".", (struct timespec[]){before.st_atim, before.st_mtim}, 0);
	return r;
}

/* Makes way at the target: an empty directory of the upper must be empty on disk too. A layer's
 * stays as it is: what takes its place does not merge with it (detach_directory()), and a whiteout
 * would remove it before that. */
static int prepare_target(struct name_place *target)
{
	int r = name_place_pin(target);

	if (r < 0 || !S_ISDIR(target->node->kind) || target->node->source != NODE_UPPER)
		return r;
	r = name_place_hide_lower(target);
	return r < 0 ? r : name_place_clear_marks(target);
}

/* Sees to it that no layer shows the source at its old name, whenever a crash comes. */
static int leave_source(struct name_place *source)
{
	int shows = name_place_shows_lower(source);
	int r = shows > 0 ? name_place_hide_lower(source) : shows;

	return r < 0 || shows <= 0 ? r : upper_sync(source->directory->fd);
}

static int move(struct tree *tree, struct name_place *source, struct name_place *target)
{
	int r = leave_source(source);

	if (r == 0 && target->exists)
		r = prepare_target(target);
	if (r == 0 &&
	    renameat(source->directory->fd, source->name, target->directory->fd, target->name) < 0)
		r = -errno;
	if (r < 0)
		return r;
	if (target->exists) {
		content_cache_remove(tree->contents, target->node->id);
		name_place_removed(target);
	}
	return node_move_name(tree->nodes, source->parent, source->name, target->parent,
			      target->name);
}

static int exchange(struct tree *tree, struct name_place *a, struct name_place *b)
{
	int r = S_ISDIR(b->node->kind) ? detach_directory(tree, b->node, a) : 0;

	if (r < 0)
		return r;
	if (renameat2(a->directory->fd, a->name, b->directory->fd, b->name, RENAME_EXCHANGE) < 0)
		return -errno;
	return node_exchange_names(tree->nodes, a->parent, a->name, b->parent, b->name);
}

static int check_exchange(struct tree *tree, const struct name_place *source,
			  const struct name_place *target)
{
	if (!target->exists)
		return -ENOENT;
	if (S_ISDIR(target->node->kind) &&
	    node_is_within(tree->nodes, source->parent, target->node))
		return -EINVAL;
	return target->node == source->node;
}

/* What rename(2) forbids. 1: nothing is to be done. */
static int check(struct tree *tree, struct name_place *source, struct name_place *target,
		 unsigned flags)
{
	bool directory;

	if (!source->exists)
		return -ENOENT;
	directory = S_ISDIR(source->node->kind);
	if (directory && node_is_within(tree->nodes, target->parent, source->node))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return check_exchange(tree, source, target);
	if (!target->exists)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (target->node == source->node)
		return 1; /* two names of one file: POSIX wants nothing done */
	if (directory != S_ISDIR(target->node->kind))
		return directory ? -ENOTDIR : -EISDIR;
	return directory ? name_place_check_empty(target) : 0;
}

static bool needs_copyup(const struct name_place *place)
{
	return !S_ISDIR(place->node->kind) && place->node->source != NODE_UPPER;
}

/* What was moved may be a source, or a directory of bytecode. */
static void tell_bytecode(struct tree *tree, struct name_place *source, struct name_place *target,
			  unsigned flags)
{
	bytecode_directory_moved(tree, source->node, source->name, target->name);
	if (flags & RENAME_EXCHANGE)
		bytecode_directory_moved(tree, target->node, target->name, source->name);
	bytecode_source_changed(tree, source->parent, source->name);
	bytecode_source_changed(tree, target->parent, target->name);
}

static int rename_places(struct tree *tree, struct name_place *source, struct name_place *target,
			 unsigned flags)
{
	int r = check(tree, source, target, flags);

	if (r != 0)
		return r < 0 ? r : 0;
	if (needs_copyup(source) || (flags & RENAME_EXCHANGE && needs_copyup(target)))
		return -EAGAIN; /* replaced since it was copied up */
	r = name_place_prepare(source);
	if (r == 0)
		r = name_place_prepare(target);
	if (r == 0 && S_ISDIR(source->node->kind))
		r = detach_directory(tree, source->node, target);
	if (r == 0)
		r = flags & RENAME_EXCHANGE ? exchange(tree, source, target)
					    : move(tree, source, target);
	view_touch(source->parent->view);
	view_touch(target->parent->view);
	if (r == 0)
		tell_bytecode(tree, source, target, flags);
	return r;
}

static int rename_locked(struct tree *tree, uint64_t parent_id, const char *name,
			 uint64_t new_parent_id, const char *new_name, unsigned flags)
{
	_cleanup_name_place_ struct name_place source = {0}, target = {0};
	struct node *parent, *new_parent;
	int r;

	NAMES_EXCLUSIVE(tree);
	r = tree_writable_directory(tree, parent_id, &parent);
	if (r == 0)
		r = tree_writable_directory(tree, new_parent_id, &new_parent);
	if (r == 0)
		r = tree_check_new_name(tree, parent, name);
	if (r == 0)
		r = tree_check_new_name(tree, new_parent, new_name);
	if (r == 0)
		r = name_place_find(tree, parent, name, &source);
	if (r == 0)
		r = name_place_find(tree, new_parent, new_name, &target);
	if (r == 0)
		r = rename_places(tree, &source, &target, flags);
	return r;
}

int tree_rename(struct tree *tree, uint64_t parent, const char *name, uint64_t new_parent,
		const char *new_name, unsigned flags)
{
	int r;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	do {
		r = copyup_source(tree, parent, name);
		if (r == 0 && flags & RENAME_EXCHANGE)
			r = copyup_source(tree, new_parent, new_name);
		if (r == 0)
			r = rename_locked(tree, parent, name, new_parent, new_name, flags);
	} while (r == -EAGAIN);
	tree_settle(tree);
	return r;
}
