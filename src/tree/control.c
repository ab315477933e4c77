/*
 * .venvfs: the environment's own /proc. Found by name and never listed above, so that `rm -rf` and
 * tools that empty an environment don't trip over it.
 *
 * Each look-up of a file renders it anew and makes a node of its own for it. So whoever opens one
 * reads one consistent state, whose size is known beforehand, and nothing needs to be invalidated.
 */
#include <errno.h>
#include <string.h>

#include "inode.h"
#include "tree_internal.h"

/* The same for every rendering of a file: cp and tar take another number for another file. */
static uint64_t control_ino(unsigned index)
{
	return inode_of_control(2 + index);
}

int control_new(struct tree *tree)
{
	struct node_template template = {
		.source = NODE_CONTROL,
		.kind = S_IFDIR,
		.ino = inode_of_control(1),
	};

	tree->control_directory = node_add_nameless(tree->nodes, &template);
	return tree->control_directory ? 0 : -ENOMEM;
}

void control_free(struct tree *tree)
{
	for (unsigned i = 0; i < tree->control_count; i++)
		free(tree->control[i].name);
}

int tree_add_control(struct tree *tree, const char *name,
		     int (*render)(void *arg, struct buffer *out), void *arg)
{
	struct control_file *file = &tree->control[tree->control_count];

	if (tree->control_count == CONTROL_ENTRIES)
		return -ENOSPC;
	*file = (struct control_file){.name = strdup(name), .render = render, .arg = arg};
	if (!file->name)
		return -ENOMEM;
	tree->control_count++;
	return 0;
}

int control_getattr(struct tree *tree, const struct node *node, struct stat *out)
{
	bool directory = S_ISDIR(node->kind);

	*out = (struct stat){
		.st_ino = node->ino,
		.st_mode = directory ? S_IFDIR | 0555 : S_IFREG | 0444,
		.st_nlink = 1,
		.st_uid = tree->stack->uid,
		.st_gid = tree->stack->gid,
		.st_size = directory ? 0 : (off_t)node->snapshot->size,
		.st_blksize = 4096,
		.st_atim = tree->opened,
		.st_mtim = tree->opened,
		.st_ctim = tree->opened,
	};
	if (!directory) {
		clock_gettime(CLOCK_REALTIME, &out->st_mtim);
		out->st_ctim = out->st_mtim;
	}
	return 0;
}

static int render(const struct control_file *file, struct content **out)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = file->render(file->arg, &text);
	size_t size = text.length;
	char *data;

	if (r < 0)
		return r;
	data = buffer_take(&text);
	*out = data ? content_from_memory(data, size) : NULL;
	return *out ? 0 : -ENOMEM;
}

static int lookup_file(struct tree *tree, unsigned index, struct tree_entry *out)
{
	struct node_template template = {
		.source = NODE_CONTROL,
		.kind = S_IFREG,
		.ino = control_ino(index),
	};
	struct node *node;
	int r = render(&tree->control[index], &template.snapshot);

	if (r < 0)
		return r;
	node = node_add_nameless(tree->nodes, &template);
	if (!node) {
		content_drop(template.snapshot);
		return -ENOMEM;
	}
	*out = (struct tree_entry){.id = node->id, .is_volatile = true};
	return control_getattr(tree, node, &out->attr);
}

int control_lookup(struct tree *tree, const char *name, struct tree_entry *out)
{
	if (!name) {
		node_raise(tree->nodes, tree->control_directory);
		*out = (struct tree_entry){.id = tree->control_directory->id};
		return control_getattr(tree, tree->control_directory, &out->attr);
	}
	for (unsigned i = 0; i < tree->control_count; i++)
		if (strcmp(tree->control[i].name, name) == 0)
			return lookup_file(tree, i, out);
	return -ENOENT;
}

int control_list(struct tree *tree, uint64_t cookie, tree_list_fn *fn, void *arg)
{
	/* Listed without a look-up: reading a directory makes no snapshots. */
	struct tree_entry entry = {.attr = {.st_mode = S_IFREG | 0444}};

	if (cookie >= LISTING_FIRST_COOKIE)
		cookie -= LISTING_FIRST_COOKIE - 1;
	else
		cookie = 0;
	for (uint64_t i = cookie; i < tree->control_count; i++) {
		entry.attr.st_ino = control_ino((unsigned)i);
		if (fn(arg, tree->control[i].name, &entry, i + LISTING_FIRST_COOKIE) != 0)
			break;
	}
	return 0;
}
