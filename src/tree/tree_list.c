/* Listing directories. */
#include <errno.h>

#include "tree_internal.h"

/* "." and "..", with the cookies 1 and 2. Returns 1 when the reader has no room. */
static int list_dots(struct tree *tree, const struct node *node, uint64_t *cookie, tree_list_fn *fn,
		     void *arg)
{
	_cleanup_free_ char *name = NULL;
	const struct node *parent = node_parent(tree->nodes, node, &name);
	struct tree_entry entry = {.attr = {.st_mode = S_IFDIR, .st_ino = node->ino}};

	if (*cookie == 0) {
		if (fn(arg, ".", &entry, 1) != 0)
			return 1;
		*cookie = 1;
	}
	if (*cookie == 1) {
		entry.attr.st_ino = parent ? parent->ino : node->ino;
		if (fn(arg, "..", &entry, 2) != 0)
			return 1;
		*cookie = 2;
	}
	return 0;
}

static int list_entries(struct tree *tree, struct node *node, const struct listing *listing,
			uint64_t cookie, tree_list_fn *fn, void *arg)
{
	for (size_t i = listing_after(listing, cookie); i < listing->count; i++) {
		const char *name = listing_name(listing, i);
		struct tree_entry entry;
		int r = tree_obtain(tree, node, name, &entry);

		if (r == -ENOENT)
			continue; /* removed since the listing was made */
		if (r < 0) {
			/* It is there, and cannot be looked at: whoever looks will be told why. */
			entry = (struct tree_entry){.attr.st_mode = listing_kind(listing, i),
						    .attr.st_ino = listing->entries[i].cookie};
		}
		if (fn(arg, name, &entry, listing->entries[i].cookie) != 0) {
			if (entry.id)
				node_forget(tree->nodes, entry.id, 1);
			return 0;
		}
	}
	return 0;
}

int tree_list(struct tree *tree, uint64_t id, uint64_t cookie, tree_list_fn *fn, void *arg)
{
	_cleanup_content_ struct content *upper = NULL;
	struct listing *listing = NULL;
	bool restart = cookie == 0;
	struct node *node;
	int r = tree_node(tree, id, &node);

	if (r < 0)
		return r;
	if (!S_ISDIR(node->kind))
		return -ENOTDIR;
	NAMES_SHARED(tree);
	if (list_dots(tree, node, &cookie, fn, arg) != 0)
		return 0;
	if (node->source == NODE_CONTROL)
		return control_list(tree, cookie, fn, arg);
	if (node->orphan)
		return 0; /* removed, so empty */
	r = tree_load_view(tree, node);
	if (r == 0)
		r = tree_upper_directory_if_any(tree, node, &upper);
	if (r == 0)
		r = view_listing(node->view, tree->stack, upper ? upper->fd : -1, restart,
				 &listing);
	if (r == 0)
		r = list_entries(tree, node, listing, cookie, fn, arg);
	listing_drop(listing);
	return r;
}
