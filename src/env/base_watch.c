/*
 * The watch over the base interpreter.
 *
 * inotify on all that the executable is reached through tells at once of a change on this host; a
 * look every minute catches what another host did to a network file system.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "path_watch.h"
#include "venvfs/cleanup.h"
#include "venvfs/environment.h"
#include "venvfs/log.h"

#define LOOK_EVERY_MS	60000
#define GENERATED_LAYER 0

struct base_watch {
	struct environment *environment;
	void (*invalidate)(void *arg, uint64_t id, bool data);
	void *arg;
	int inotify, stop; /* stop: an eventfd */
	pthread_t thread;
};

static void invalidate_attributes(void *arg, uint64_t id)
{
	struct base_watch *watch = arg;

	watch->invalidate(watch->arg, id, false);
}

static void invalidate_data(void *arg, uint64_t id)
{
	struct base_watch *watch = arg;

	watch->invalidate(watch->arg, id, true);
}

/* Says so once, not at every look. @why: what the base said when it was asked, or NULL. */
static void set_state(struct base_watch *watch, enum base_state state, const char *why)
{
	const struct environment *environment = watch->environment;

	if (atomic_exchange(&watch->environment->base_state, state) == (int)state)
		return;
	if (why)
		log_warning("%s", why);
	if (state == BASE_OK)
		log_info("the base interpreter %s can be used again", environment->executable);
	else if (state == BASE_GONE)
		log_error("the base interpreter %s is gone; install Python 3.%d again, or name "
			  "another one in %s and mount anew",
			  environment->executable, environment->minor, environment->spec->path);
	else
		log_error("the base interpreter %s is no longer Python 3.%d; packages of this "
			  "environment are for 3.%d: install that again, or mount anew",
			  environment->executable, environment->minor, environment->minor);
}

/* Takes in what the interpreter is now. */
static void take_in(struct base_watch *watch, struct interpreter *now, const struct error *error)
{
	struct environment *environment = watch->environment;

	if (!now) {
		set_state(watch, BASE_GONE, error->message);
	} else if (now->minor != environment->minor) {
		interpreter_free(now);
		now = NULL;
		set_state(watch, BASE_OTHER, NULL);
	} else {
		log_info("the base interpreter is now Python %s", now->version);
		set_state(watch, BASE_OK, NULL);
	}
	layer_generated_refresh(environment->generated, now);
}

/*
 * First the kernel forgets sizes and times, so that whoever reads next asks us, and waits in the
 * generated layer until we know more. Its pages can only go after that: dropping them waits for
 * reads that are under way.
 */
static void look(struct base_watch *watch)
{
	struct environment *environment = watch->environment;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct interpreter *now = NULL;

	if (!layer_generated_base_changed(environment->generated))
		return;
	layer_generated_suspend(environment->generated);
	tree_each_of_layer(environment->tree, GENERATED_LAYER, invalidate_attributes, watch);
	if (interpreter_probe(environment->executable, &now, &error) < 0)
		now = NULL;
	take_in(watch, now, &error);
	tree_each_of_layer(environment->tree, GENERATED_LAYER, invalidate_data, watch);
}

/* Reads away the events that have come. */
static void drain(int inotify)
{
	char events[4096];

	while (read(inotify, events, sizeof(events)) > 0)
		;
}

static void *watch_thread(void *arg)
{
	struct base_watch *watch = arg;
	struct pollfd fds[2] = {{.fd = watch->stop, .events = POLLIN},
				{.fd = watch->inotify, .events = POLLIN}};

	for (;;) {
		if (poll(fds, 2, LOOK_EVERY_MS) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		drain(watch->inotify);
		/* First, so that nothing happens unseen between the two. */
		(void)path_watch(watch->inotify, watch->environment->executable);
		look(watch);
	}
}

static void watch_free(struct base_watch *watch)
{
	cleanup_close(&watch->inotify);
	cleanup_close(&watch->stop);
	free(watch);
}

struct base_watch *base_watch_start(struct environment *environment,
				    void (*invalidate)(void *arg, uint64_t id, bool data),
				    void *arg)
{
	struct base_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return NULL;
	*watch = (struct base_watch){
		.environment = environment,
		.invalidate = invalidate,
		.arg = arg,
		.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
		.stop = eventfd(0, EFD_CLOEXEC),
	};
	if (watch->inotify >= 0 && watch->stop >= 0) {
		r = path_watch(watch->inotify, environment->executable);
		if (r < 0)
			log_warning("changes of %s are only seen once a minute: %s",
				    environment->executable, strerror(-r));
		if (pthread_create(&watch->thread, NULL, watch_thread, watch) == 0)
			return watch;
	}
	log_warning("upgrades of the base interpreter will not be noticed");
	watch_free(watch);
	return NULL;
}

void base_watch_stop(struct base_watch *watch)
{
	if (!watch)
		return;
	(void)eventfd_write(watch->stop, 1);
	pthread_join(watch->thread, NULL);
	watch_free(watch);
}
