#include "notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLE_MS 100

/* One thing to forget. */
struct note {
	struct note *next;
	uint64_t id;
	char name[]; /* of an entry in directory id; "": the listing of id */
};

struct notifier {
	struct channel *channel;
	pthread_t thread;
	pthread_mutex_t lock; /* a leaf */
	pthread_cond_t wanted;
	pthread_cond_t settled;
	struct note *first, **last;
	uint64_t entries_taken, entries_passed_on;
	bool stopping;
};

/* Without memory the kernel keeps what it knows, which was true not long ago. */
static void take_note(struct notifier *notifier, uint64_t id, const char *name)
{
	size_t size = strlen(name) + 1;
	struct note *note = malloc(sizeof(*note) + size);

	if (!note)
		return;
	note->next = NULL;
	note->id = id;
	memcpy(note->name, name, size);
	pthread_mutex_lock(&notifier->lock);
	*notifier->last = note;
	notifier->last = &note->next;
	notifier->entries_taken += name[0] != '\0';
	pthread_cond_signal(&notifier->wanted);
	pthread_mutex_unlock(&notifier->lock);
}

static void entry_gone(void *arg, uint64_t parent, const char *name)
{
	take_note(arg, parent, name);
}

static void listing_changed(void *arg, uint64_t directory)
{
	take_note(arg, directory, "");
}

/*
 * Not for ever: the kernel may hold the directory of a noted entry locked for the very request that
 * waits here, when that moves a file from one directory to the other.
 */
static void settle(void *arg)
{
	struct notifier *notifier = arg;
	struct timespec until;
	uint64_t wanted;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SETTLE_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&notifier->lock);
	wanted = notifier->entries_taken;
	while (r != ETIMEDOUT && notifier->entries_passed_on < wanted && !notifier->stopping)
		r = pthread_cond_clockwait(&notifier->settled, &notifier->lock, CLOCK_MONOTONIC,
					   &until);
	pthread_mutex_unlock(&notifier->lock);
}

/* The pages of a directory are the listings that the kernel keeps. */
static void pass_on(struct notifier *notifier, const struct note *note)
{
	struct fuse_session *fuse = notifier->channel->fuse;

	if (note->name[0])
		fuse_lowlevel_notify_inval_entry(fuse, note->id, note->name, strlen(note->name));
	else
		fuse_lowlevel_notify_inval_inode(fuse, note->id, 0, 0);
}

static void *pass_on_all(void *arg)
{
	struct notifier *notifier = arg;

	pthread_mutex_lock(&notifier->lock);
	while (!notifier->stopping) {
		struct note *note = notifier->first;

		if (!note) {
			pthread_cond_wait(&notifier->wanted, &notifier->lock);
			continue;
		}
		notifier->first = note->next;
		if (!notifier->first)
			notifier->last = &notifier->first;
		pthread_mutex_unlock(&notifier->lock);
		pass_on(notifier, note);
		pthread_mutex_lock(&notifier->lock);
		notifier->entries_passed_on += note->name[0] != '\0';
		pthread_cond_broadcast(&notifier->settled);
		free(note);
	}
	pthread_cond_broadcast(&notifier->settled);
	pthread_mutex_unlock(&notifier->lock);
	return NULL;
}

static void notifier_free(struct notifier *notifier)
{
	while (notifier->first) {
		struct note *note = notifier->first;

		notifier->first = note->next;
		free(note);
	}
	pthread_cond_destroy(&notifier->settled);
	pthread_cond_destroy(&notifier->wanted);
	pthread_mutex_destroy(&notifier->lock);
	free(notifier);
}

struct notifier *notifier_start(struct tree *tree, struct channel *channel)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));
	const struct tree_listener listener = {
		.entry_gone = entry_gone,
		.listing_changed = listing_changed,
		.settle = settle,
		.arg = notifier,
	};

	if (!notifier)
		return NULL;
	notifier->channel = channel;
	notifier->last = &notifier->first;
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_cond_init(&notifier->wanted, NULL);
	pthread_cond_init(&notifier->settled, NULL);
	if (pthread_create(&notifier->thread, NULL, pass_on_all, notifier) != 0) {
		notifier_free(notifier);
		return NULL;
	}
	tree_set_listener(tree, &listener);
	return notifier;
}

void notifier_stop(struct notifier *notifier)
{
	if (!notifier)
		return;
	pthread_mutex_lock(&notifier->lock);
	notifier->stopping = true;
	pthread_cond_signal(&notifier->wanted);
	pthread_mutex_unlock(&notifier->lock);
	pthread_join(notifier->thread, NULL);
	notifier_free(notifier);
}
