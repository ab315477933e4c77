/* Importing many wheels at once, with all processors. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/progress.h"
#include "venvfs/store.h"

#define THREADS_MAX 64

struct pool {
	const struct store *store;
	struct store_job *jobs;
	size_t count;
	size_t finished; /* under the lock */
	atomic_size_t next;
	store_job_fn *done;
	void *arg;
	pthread_mutex_t lock; /* one call of done at a time */
};

static void *work(void *arg)
{
	struct pool *pool = arg;

	for (;;) {
		size_t i = atomic_fetch_add(&pool->next, 1);
		struct store_job *job;

		if (i >= pool->count)
			return NULL;
		job = &pool->jobs[i];
		job->code = store_import(pool->store, job->path, &job->result, &job->error);
		pthread_mutex_lock(&pool->lock);
		progress_report(++pool->finished, pool->count, path_basename(job->path));
		pool->done(pool->arg, job);
		pthread_mutex_unlock(&pool->lock);
	}
}

void store_import_many(const struct store *store, struct store_job *jobs, size_t count,
		       store_job_fn *done, void *arg)
{
	struct pool pool = {.store = store, .jobs = jobs, .count = count, .done = done, .arg = arg};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS_MAX];
	size_t wanted = processors > 0 ? (size_t)processors : 1, started = 0;

	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	pthread_mutex_init(&pool.lock, NULL);
	/* This thread works too; so where no other can be started, it does all. */
	while (started + 1 < wanted && started + 1 < count &&
	       pthread_create(&threads[started], NULL, work, &pool) == 0)
		started++;
	work(&pool);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	progress_report(0, 0, NULL);
	pthread_mutex_destroy(&pool.lock);
}
