#include "bytecode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name_place.h"
#include "venvfs/path.h"

#define CACHE_DIRECTORY "__pycache__"
#define COMPARE_CHUNK   8192

/* How much of @name comes before @suffix; 0: it does not end so. */
static size_t stem_before(const char *name, size_t length, const char *suffix)
{
	size_t n = strlen(suffix);

	return length > n && memcmp(name + length - n, suffix, n) == 0 ? length - n : 0;
}

/* How much of @name[0..length) comes before its last dot; 0: there is none. */
static size_t stem_before_dot(const char *name, size_t length)
{
	const char *dot = memrchr(name, '.', length);

	return dot ? (size_t)(dot - name) : 0;
}

/* "mod.cpython-311.opt-1.pyc" is the bytecode of "mod.py" (PEP 3147, PEP 488). The length of "mod",
 * or 0 when @name is no bytecode. */
static size_t source_stem(const char *name)
{
	size_t length = stem_before(name, strlen(name), ".pyc");
	size_t before = stem_before_dot(name, length);

	if (before > 0 && strncmp(name + before, ".opt-", 5) == 0)
		before = stem_before_dot(name, before);
	return before;
}

/* Whether the file @name of the upper's @directory has @size bytes, and those of @original. */
static bool has_bytes(struct tree *tree, const struct node *directory, const char *name,
		      const struct content *original, off_t size)
{
	_cleanup_content_ struct content *upper = NULL, *file = NULL;
	char a[COMPARE_CHUNK], b[COMPARE_CHUNK];
	off_t done = 0;
	int fd;

	if (tree_upper_directory(tree, directory, &upper) < 0)
		return false;
	fd = openat(upper->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	file = fd < 0 ? NULL : content_from_fd(fd);
	while (file && done < size) {
		ssize_t n = content_read(file, a, sizeof(a), done);

		if (n <= 0 || content_read(original, b, (size_t)n, done) != n ||
		    memcmp(a, b, (size_t)n) != 0)
			return false;
		done += n;
	}
	return file && done == size;
}

/* Whether the source @name of the upper, @st, differs from the layer's in nothing that matters for
 * its bytecode: it was copied up for its mode, say. */
static bool is_copy(struct tree *tree, const struct node *directory, const char *name,
		    const struct stat *st, unsigned layer)
{
	_cleanup_content_ struct content *original = NULL;
	_cleanup_free_ char *path = NULL;
	struct stat lower;

	return S_ISREG(st->st_mode) && directory->view->lower &&
	       path_join(directory->view->lower, name, &path) == 0 &&
	       stack_getattr(tree->stack, layer, path, &lower) == 0 && S_ISREG(lower.st_mode) &&
	       lower.st_size == st->st_size && lower.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       stack_open(tree->stack, layer, path, &original) == 0 &&
	       has_bytes(tree, directory, name, original, st->st_size);
}

bool bytecode_is_stale(struct tree *tree, const struct node *parent, const char *name,
		       unsigned layer, mode_t kind)
{
	size_t stem = S_ISDIR(kind) ? 0 : source_stem(name);
	char source[NAME_MAX + 4];
	struct node *directory;
	struct found found;
	int r;

	if (stem == 0 || !parent->names || strcmp(parent->names->text, CACHE_DIRECTORY) != 0)
		return false;
	directory = parent->names->parent;
	/* Where one layer is all there is, the source is its own. */
	if (directory->source == NODE_LOWER && directory->view->sources.count == 1)
		return false;
	snprintf(source, sizeof(source), "%.*s.py", (int)stem, name);
	r = tree_load_view(tree, directory);
	if (r == 0)
		r = tree_find(tree, directory, source, &found);
	if (r < 0)
		return false;
	return found.source == NODE_LOWER ? found.layer != layer
					  : !is_copy(tree, directory, source, &found.st, layer);
}

/* The search for a source's bytecode. */
struct hunt {
	struct tree *tree;
	struct node *cache;
	const char *source; /* NULL: any */
	size_t stem;
	unsigned layer; /* that is being searched */
};

static int look_again(void *arg, const char *name, mode_t kind)
{
	const struct hunt *hunt = arg;
	size_t stem = source_stem(name);

	if (stem == 0 ||
	    (hunt->source && (stem != hunt->stem || strncmp(name, hunt->source, stem) != 0)))
		return 0;
	/* Without memory it stays in sight: Python's own check is left. */
	if (bytecode_is_stale(hunt->tree, hunt->cache, name, hunt->layer, kind))
		(void)name_place_drop_lower(hunt->tree, hunt->cache, name);
	else
		tree_tell_entry(hunt->tree, hunt->cache, name);
	return 0;
}

static void hunt_in_cache(struct hunt *hunt)
{
	struct view *view = hunt->cache->view;

	/* What was never looked into holds nothing that is known by now. */
	if (!view || !view->loaded)
		return;
	for (unsigned i = 0; i < view->sources.count; i++) {
		hunt->layer = view->sources.layers[i];
		(void)stack_list(hunt->tree->stack, hunt->layer, view->lower, view->core_only,
				 look_again, hunt);
	}
	view_touch(view);
	tree_tell_listing(hunt->tree, hunt->cache);
}

/* The length of "mod" in "mod.py"; 0: it is no source. */
static size_t module_stem(const char *name)
{
	return stem_before(name, strlen(name), ".py");
}

void bytecode_source_changed(struct tree *tree, struct node *directory, const char *name)
{
	struct hunt hunt = {
		.tree = tree,
		.source = name,
		.stem = module_stem(name),
	};

	if (hunt.stem == 0)
		return;
	hunt.cache = node_obtain_known(tree->nodes, directory, CACHE_DIRECTORY);
	if (!hunt.cache)
		return;
	hunt_in_cache(&hunt);
	tree_forget(tree, hunt.cache->id, 1);
}

void bytecode_directory_moved(struct tree *tree, struct node *directory, const char *from,
			      const char *to)
{
	struct hunt hunt = {.tree = tree, .cache = directory};

	if (S_ISDIR(directory->kind) &&
	    (strcmp(from, CACHE_DIRECTORY) == 0 || strcmp(to, CACHE_DIRECTORY) == 0))
		hunt_in_cache(&hunt);
}

void bytecode_source_made(struct tree *tree, struct node *directory, const char *name)
{
	if (module_stem(name) == 0)
		return;
	{
		NAMES_EXCLUSIVE(tree);
		bytecode_source_changed(tree, directory, name);
	}
	tree_settle(tree);
}

void bytecode_file_changed(struct tree *tree, const struct node *node)
{
	{
		NAMES_EXCLUSIVE(tree);
		for (const struct name *name = node->names; name; name = name->alias)
			bytecode_source_changed(tree, name->parent, name->text);
	}
	tree_settle(tree);
}
