#include "name_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "loan.h"
#include "upper.h"
#include "venvfs/path.h"

int name_place_find(struct tree *tree, struct node *parent, const char *name,
		    struct name_place *out)
{
	int r;

	*out = (struct name_place){.tree = tree, .parent = parent, .name = name};
	r = tree_find(tree, parent, name, &out->found);
	if (r == -ENOENT)
		return name_place_drop_lower(tree, parent, name);
	if (r < 0)
		return r;
	r = tree_obtain_found(tree, parent, name, &out->found, &out->node);
	out->exists = r == 0;
	return r;
}

static void orphan_free(struct orphan *orphan)
{
	if (!orphan)
		return;
	cleanup_close(&orphan->fd);
	free(orphan->lower);
	free(orphan);
}

void name_place_clear(struct name_place *place)
{
	if (place->node)
		tree_forget(place->tree, place->node->id, 1);
	orphan_free(place->orphan);
	content_drop(place->directory);
}

int name_place_prepare(struct name_place *place)
{
	int r;

	if (place->directory)
		return 0;
	r = copyup_directory(place->tree, place->parent);
	return r < 0 ? r : tree_upper_directory(place->tree, place->parent, &place->directory);
}

int name_place_shows_lower(struct name_place *place)
{
	struct stack_entry entry;
	int r = view_find_lower(place->parent->view, place->tree->stack, place->name, &entry, NULL);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int hide_core(struct name_place *place)
{
	_cleanup_free_ char *path = NULL;
	int r = path_join(place->parent->view->lower, place->name, &path);

	if (r == 0)
		stack_hide_core(place->tree->stack, path);
	return r;
}

static int add_whiteout(struct name_place *place)
{
	struct view *view = place->parent->view;
	int r = name_place_prepare(place);

	if (r == 0)
		r = upper_add_whiteout(place->tree->work_fd, place->directory->fd, place->name);
	if (r < 0)
		return r;
	pthread_mutex_lock(&view->lock);
	r = name_table_add(&view->whiteouts, place->name, 0);
	pthread_mutex_unlock(&view->lock);
	return r == -EEXIST ? 0 : r;
}

int name_place_hide_lower(struct name_place *place)
{
	int r = name_place_shows_lower(place);

	if (r <= 0)
		return r;
	r = hide_core(place);
	if (r == 0)
		r = name_place_shows_lower(place);
	if (r != 0)
		return r < 0 ? r : add_whiteout(place);
	/* Nothing is written for a core entry, but the directory has changed. */
	r = name_place_prepare(place);
	if (r == 0 && utimensat(place->directory->fd, ".", NULL, 0) < 0)
		r = -errno;
	return r;
}

static int open_pin(struct name_place *place)
{
	_cleanup_content_ struct content *own = NULL;
	int fd, r;

	if (!S_ISDIR(place->node->kind))
		return loan_handle(place->directory->fd, place->name);
	r = tree_upper_directory(place->tree, place->node, &own);
	if (r < 0)
		return r;
	fd = fcntl(own->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* What a layer's file lives on with; NULL without memory. */
static struct orphan *orphan_of_lower(struct tree *tree, const struct node *node)
{
	struct orphan *orphan = calloc(1, sizeof(*orphan));

	if (!orphan)
		return NULL;
	orphan->fd = -1;
	if (tree_lower_path(tree, node, &orphan->lower) == 0)
		return orphan;
	free(orphan);
	return NULL;
}

int name_place_drop_lower(struct tree *tree, struct node *parent, const char *name)
{
	struct node *node = node_obtain_known(tree->nodes, parent, name);
	int r = 0;

	if (!node)
		return 0;
	if (node->source == NODE_LOWER && !S_ISDIR(node->kind)) {
		struct orphan *orphan = orphan_of_lower(tree, node);

		r = orphan ? 0 : -ENOMEM;
		if (orphan) {
			node->orphan = orphan;
			node_remove_name(tree->nodes, parent, name);
			tree_tell_entry(tree, parent, name);
		}
	}
	tree_forget(tree, node->id, 1);
	return r;
}

int name_place_pin(struct name_place *place)
{
	struct orphan *orphan;
	int r;

	if (place->node->source != NODE_UPPER) {
		place->orphan = orphan_of_lower(place->tree, place->node);
		return place->orphan ? 0 : -ENOMEM;
	}
	orphan = calloc(1, sizeof(*orphan));
	if (!orphan)
		return -ENOMEM;
	orphan->fd = -1;
	r = name_place_prepare(place);
	if (r == 0)
		r = orphan->fd = open_pin(place);
	if (r < 0) {
		orphan_free(orphan);
		return r;
	}
	place->orphan = orphan;
	return 0;
}

void name_place_removed(struct name_place *place)
{
	struct node *node = place->node;

	node_remove_name(place->tree->nodes, place->parent, place->name);
	if (!node->names && !node->orphan)
		node->orphan = TAKE_PTR(place->orphan);
	if (place->found.upper_ino && (S_ISDIR(node->kind) || place->found.st.st_nlink <= 1))
		node_forget_inode(place->tree->nodes, place->found.upper_ino);
	view_touch(place->parent->view);
}

int name_place_check_empty(struct name_place *place)
{
	_cleanup_content_ struct content *own = NULL;
	struct listing *listing;
	bool empty = true;
	int r = tree_upper_directory_if_any(place->tree, place->node, &own);

	if (r == 0)
		r = view_listing(place->node->view, place->tree->stack, own ? own->fd : -1, true,
				 &listing);
	if (r < 0)
		return r;
	/* Some of what is listed may be hidden for other reasons than a whiteout (bytecode.h). */
	for (size_t i = 0; empty && i < listing->count; i++) {
		struct found found;

		empty = tree_find(place->tree, place->node, listing_name(listing, i), &found) ==
			-ENOENT;
	}
	listing_drop(listing);
	return empty ? 0 : -ENOTEMPTY;
}

int name_place_clear_marks(struct name_place *place)
{
	_cleanup_content_ struct content *own = NULL;
	_cleanup_loan_ struct loan loan = LOAN_NONE;
	int r = tree_upper_directory(place->tree, place->node, &own);

	if (r == 0)
		r = loan_take(own->fd, S_IRWXU, &loan);
	return r < 0 ? r : upper_remove_marks(own->fd);
}
