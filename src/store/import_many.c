/*
 * Importing many wheels at once, with all processors: the largest first, so that none is left alone
 * with a large one in the end.
 *
 * Bringing something to disk takes long, and takes hardly longer for many layers than for one. So
 * what was built waits, each held in its scratch directory, until there is enough of it to be
 * published in one go, while others build on.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "publish.h"
#include "venvfs/cleanup.h"
#include "venvfs/threads.h"
#include "venvfs/path.h"
#include "venvfs/progress.h"
#include "venvfs/store.h"

/* What is published at once: each holds a descriptor, and is lost if the process is killed. */
#define BATCH_MAX   128
#define BATCH_BYTES (UINT64_C(1) << 30)

/* Layers that are built. */
struct batch {
	struct publication items[BATCH_MAX];
	struct store_job *jobs[BATCH_MAX];
	size_t count;
	uint64_t bytes;
};

/* A job's place in the order of work. */
struct turn {
	struct store_job *job;
	off_t size;
};

struct pool {
	const struct store *store;
	const struct turn *turns;
	size_t count;
	size_t batch_max; /* BATCH_MAX, or fewer */
	atomic_size_t next;
	store_job_fn *done;
	void *arg;
	pthread_mutex_t lock; /* one call of done at a time; protects what follows */
	pthread_cond_t published;
	size_t built;
	size_t held;           /* built, and not yet published */
	struct batch *waiting; /* what is built; NULL: nothing is */
};

static void publish(struct pool *pool, struct publication *items, struct store_job *const *jobs,
		    size_t count)
{
	store_publish(pool->store, items, count);
	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < count; i++) {
		jobs[i]->code = store_import_end(jobs[i]->path, &jobs[i]->result, &items[i]);
		pool->done(pool->arg, jobs[i]);
	}
	pool->held -= count;
	pthread_cond_broadcast(&pool->published);
	pthread_mutex_unlock(&pool->lock);
}

static void publish_batch(struct pool *pool, struct batch *batch)
{
	if (batch)
		publish(pool, batch->items, batch->jobs, batch->count);
	free(batch);
}

/* Adds to what waits; what is enough of it becomes the caller's to publish, in *full. False: there
 * is no memory. Call with the lock held. */
static bool add(struct pool *pool, struct store_job *job, const struct publication *ready,
		struct batch **full)
{
	struct batch *batch = pool->waiting;

	if (!batch) {
		batch = malloc(sizeof(*batch));
		if (!batch)
			return false;
		batch->count = 0;
		batch->bytes = 0;
		pool->waiting = batch;
	}
	batch->items[batch->count] = *ready;
	batch->jobs[batch->count++] = job;
	batch->bytes += job->result.size;
	if (batch->count == pool->batch_max || batch->bytes >= BATCH_BYTES)
		*full = TAKE_PTR(pool->waiting);
	return true;
}

static void import(struct pool *pool, struct store_job *job)
{
	struct batch *full = NULL;
	struct publication ready;
	bool alone = false;

	/* What waits is less than a batch: others are publishing the rest. */
	pthread_mutex_lock(&pool->lock);
	while (pool->held >= 2 * pool->batch_max)
		pthread_cond_wait(&pool->published, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	job->code = store_import_begin(pool->store, job->path, &job->result, &ready, &job->error);
	pthread_mutex_lock(&pool->lock);
	progress_report(++pool->built, pool->count, path_basename(job->path));
	if (job->code > 0) {
		pool->held++;
		alone = !add(pool, job, &ready, &full);
	} else {
		pool->done(pool->arg, job);
	}
	pthread_mutex_unlock(&pool->lock);
	publish_batch(pool, full);
	if (alone)
		publish(pool, &ready, &job, 1);
}

static void *work(void *arg)
{
	struct pool *pool = arg;

	for (;;) {
		size_t i = atomic_fetch_add(&pool->next, 1);

		if (i >= pool->count)
			return NULL;
		import(pool, pool->turns[i].job);
	}
}

static void work_together(struct pool *pool)
{
	unsigned wanted = threads_for_processors();

	threads_run(pool->count < wanted ? (unsigned)pool->count : wanted, work, pool);
}

static int by_size(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->job < y->job ? -1 : x->job > y->job;
}

static struct turn *arrange(struct store_job *jobs, size_t count)
{
	struct turn *turns = calloc(count + 1, sizeof(*turns));
	struct stat st;

	for (size_t i = 0; turns && i < count; i++) {
		turns[i].job = &jobs[i];
		turns[i].size = stat(jobs[i].path, &st) == 0 ? st.st_size : 0;
	}
	if (turns && count > 0)
		qsort(turns, count, sizeof(*turns), by_size);
	return turns;
}

void store_import_many(const struct store *store, struct store_job *jobs, size_t count,
		       store_job_fn *done, void *arg)
{
	_cleanup_free_ struct turn *turns = arrange(jobs, count);
	struct pool pool = {
		.store = store,
		.turns = turns,
		.count = count,
		.batch_max = store_publish_limit(BATCH_MAX, 1),
		.done = done,
		.arg = arg,
	};

	for (size_t i = 0; !turns && i < count; i++) {
		jobs[i].code = error_set_errno(&jobs[i].error, -ENOMEM, "%s", jobs[i].path);
		done(arg, &jobs[i]);
	}
	if (!turns)
		return;
	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.published, NULL);
	work_together(&pool);
	publish_batch(&pool, pool.waiting);
	progress_report(0, 0, NULL);
	pthread_cond_destroy(&pool.published);
	pthread_mutex_destroy(&pool.lock);
}
