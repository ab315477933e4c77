/*
 * The view of a directory: what shows in it, of the upper and of the layers.
 *
 * A view is made with the node, and loaded when the directory is first looked into: then the
 * upper's marks are read, and it is known which layers the directory merges. After that only
 * whiteouts and the listing change.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "listing.h"
#include "name_table.h"
#include "stack.h"

struct view {
	pthread_mutex_t lock; /* see node.h for the order */

	/* Set before the view is shared, completed by view_load(), constant afterwards. */
	char *lower; /* the directory's lower path, or NULL: it is the upper's alone */
	struct stack_sources sources; /* none where `lower` is NULL */
	bool core_only;  /* of the layers, only core entries show (whiteout or opaque) */
	bool redirected; /* a mark in the upper says what `lower` is */
	_Atomic bool loaded;

	/* Protected by lock. */
	bool listing_stale;
	struct listing *listing; /* NULL: none was made */
	struct name_table whiteouts;
};

/* Takes ownership of @lower. NULL (and @lower freed) without memory. */
struct view *view_new(char *lower, bool core_only);
void view_free(struct view *view); /* NULL is fine */

/*
 * Loads the view, once. @above: that of the directory above, or NULL, which saves asking all
 * layers.
 * @fd: the directory in the upper, or -1 when it is not there. -EUCLEAN: its marks are damaged.
 */
int view_load(struct view *view, const struct view *above, const struct stack *stack, int fd);

/* Whether layers show anything here at all. The view is loaded. */
static inline bool view_merges(const struct view *view)
{
	return view->sources.count > 0;
}

/* Whether a whiteout hides the layers' @name. */
bool view_hides(struct view *view, const char *name);

/*
 * Finds what the layers show under @name. -ENOENT: nothing. *hidden (may be NULL) tells whether
 * only core entries were looked at.
 */
int view_find_lower(struct view *view, const struct stack *stack, const char *name,
		    struct stack_entry *out, bool *hidden);

/* The names changed: the next reader from the start gets a new listing. */
void view_touch(struct view *view);

/*
 * The listing, with a reference for the caller. @fd as in view_load(). @restart: a reader begins,
 * so a stale one is made anew, in which names that were there keep their cookies.
 */
int view_listing(struct view *view, const struct stack *stack, int fd, bool restart,
		 struct listing **out);
