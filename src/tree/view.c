#include "view.h"

#include <errno.h>
#include <stdlib.h>

#include "upper.h"
#include "venvfs/log.h"
#include "venvfs/path.h"

struct view *view_new(char *lower, bool core_only)
{
	struct view *view = calloc(1, sizeof(*view));

	if (!view) {
		free(lower);
		return NULL;
	}
	pthread_mutex_init(&view->lock, NULL);
	view->lower = lower;
	view->core_only = core_only;
	return view;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	pthread_mutex_destroy(&view->lock);
	free(view->lower);
	stack_sources_clear(&view->sources);
	name_table_clear(&view->whiteouts);
	listing_drop(view->listing);
	free(view);
}

/* What the marks say changes which layers' entries show. */
static void apply_marks(struct view *view, struct upper_marks *marks)
{
	if (marks->redirect) {
		free(view->lower);
		view->lower = marks->redirect;
		marks->redirect = NULL;
		view->redirected = true;
		view->core_only = false;
	}
	if (marks->opaque)
		view->core_only = true;
	name_table_clear(&view->whiteouts); /* of an attempt that failed */
	view->whiteouts = marks->whiteouts;
	marks->whiteouts = (struct name_table){0};
}

/* The layers that may have the directory: those that have the one above it, unless its layers'
 * entries come from elsewhere. NULL: any. */
static const struct stack_sources *candidates(const struct view *view, const struct view *above)
{
	if (!above || !above->loaded || !above->lower || (above->core_only && !view->core_only) ||
	    !path_is_within(view->lower, above->lower))
		return NULL;
	return &above->sources;
}

static int load_locked(struct view *view, const struct view *above, const struct stack *stack,
		       int fd)
{
	struct upper_marks marks = {0};
	int r = 0;

	if (fd >= 0)
		r = upper_read_marks(fd, &marks);
	if (r < 0)
		return r;
	apply_marks(view, &marks);
	upper_marks_clear(&marks);
	if (!view->lower)
		return 0;
	r = stack_directory_sources(stack, view->lower, view->core_only, candidates(view, above),
				    &view->sources);
	if (r == 0 && view->redirected && !view->core_only && view->sources.count == 0)
		log_warning("a renamed directory lacks what layers had in it: no layer has %s now",
			    view->lower);
	return r;
}

int view_load(struct view *view, const struct view *above, const struct stack *stack, int fd)
{
	int r = 0;

	if (view->loaded)
		return 0;
	pthread_mutex_lock(&view->lock);
	if (!view->loaded) {
		r = load_locked(view, above, stack, fd);
		if (r == 0)
			view->loaded = true;
	}
	pthread_mutex_unlock(&view->lock);
	return r;
}

bool view_hides(struct view *view, const char *name)
{
	bool hides;

	pthread_mutex_lock(&view->lock);
	hides = name_table_get(&view->whiteouts, name, NULL);
	pthread_mutex_unlock(&view->lock);
	return hides;
}

int view_find_lower(struct view *view, const struct stack *stack, const char *name,
		    struct stack_entry *out, bool *hidden)
{
	bool core_only = view->core_only || (view_merges(view) && view_hides(view, name));

	if (hidden)
		*hidden = core_only;
	if (!view_merges(view))
		return -ENOENT;
	return stack_find(stack, &view->sources, view->lower, name, core_only, out);
}

void view_touch(struct view *view)
{
	pthread_mutex_lock(&view->lock);
	view->listing_stale = true;
	pthread_mutex_unlock(&view->lock);
}

/* Collects a directory's names from several sources, the higher first. */
struct collector {
	struct listing_builder builder;
	struct name_table seen;
	bool several; /* names may come twice: remember them */
	const struct view *view;
	const struct stack *stack;
	const struct stack_sources *source; /* the one layer that is being listed */
	bool lower;
};

static int collect(void *arg, const char *name, mode_t kind)
{
	struct collector *collector = arg;
	int r;

	if (upper_is_reserved(name))
		return 0; /* a layer that holds such names cannot speak for the upper */
	if (collector->lower && name_table_get(&collector->view->whiteouts, name, NULL)) {
		struct stack_entry core;

		/* Of what a whiteout hides, core entries still show. */
		r = stack_find(collector->stack, collector->source, collector->view->lower, name,
			       true, &core);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
	if (collector->several) {
		r = name_table_add(&collector->seen, name, 0);
		if (r < 0)
			return r == -EEXIST ? 0 : r;
	}
	return listing_builder_add(&collector->builder, name, kind);
}

static int collect_all(struct collector *collector, struct view *view, const struct stack *stack,
		       int fd)
{
	int r = 0;

	if (fd >= 0)
		r = upper_list(fd, collect, collector);
	collector->lower = true;
	for (unsigned i = 0; r == 0 && i < view->sources.count; i++) {
		struct stack_sources one = {.layers = &view->sources.layers[i], .count = 1};

		collector->source = &one;
		r = stack_list(stack, one.layers[0], view->lower, view->core_only, collect,
			       collector);
	}
	return r;
}

static int rebuild_listing(struct view *view, const struct stack *stack, int fd)
{
	struct collector collector = {
		.several = view->sources.count + (fd >= 0) > 1,
		.view = view,
		.stack = stack,
	};
	struct listing *listing = NULL;
	int r = collect_all(&collector, view, stack, fd);

	if (r == 0)
		r = listing_build(&collector.builder, view->listing, &listing);
	listing_builder_clear(&collector.builder);
	name_table_clear(&collector.seen);
	if (r < 0)
		return r;
	listing_drop(view->listing);
	view->listing = listing;
	view->listing_stale = false;
	return 0;
}

int view_listing(struct view *view, const struct stack *stack, int fd, bool restart,
		 struct listing **out)
{
	int r = 0;

	pthread_mutex_lock(&view->lock);
	if (!view->listing || (restart && view->listing_stale))
		r = rebuild_listing(view, stack, fd);
	if (r == 0)
		*out = listing_ref(view->listing);
	pthread_mutex_unlock(&view->lock);
	return r;
}
