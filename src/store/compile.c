/*
 * Compiling layers. The sources of all layers are one queue, taken in batches by a thread for each
 * processor, each of which has a compiler of its own; who does the last batch of a layer completes
 * it. Layers are begun one after another, so few are unfinished at any time. Those that are
 * complete wait until there are some to be published at once (publish.h), but not for long.
 *
 * The store's lock is held only while something is published: whoever wants to remove does not wait
 * for a compiler. That one layer is compiled for one tag by one process at a time is a lock on a
 * byte of bytecode/lock, whose place in the file is a hash of both; it goes with the process.
 */
#include "venvfs/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compile_layer.h"
#include "publish.h"
#include "seal.h"
#include "venvfs/cleanup.h"
#include "venvfs/threads.h"
#include "venvfs/hash.h"

/* The unit of work, always cut the same way: compiler_begin() says why. */
#define BATCH 16

/* Between two looks at what another process is compiling. */
#define PAUSE_NS 50000000

/* What is published at once, and how many descriptors each of them holds. Nor do layers wait longer
 * than this. */
#define READY_MAX         32
#define READY_DESCRIPTORS 4
#define READY_MS          2000

/* No layer that anybody wants has more bytecode. */
#define LAYER_LIMIT (UINT64_C(1) << 30)

/* A layer of the queue. */
struct work {
	struct compile_layer *layer;
	off_t lock;    /* its byte */
	size_t next;   /* source that nobody has taken yet */
	size_t active; /* batches that are being compiled */
	uint64_t bytes;
};

struct run {
	const struct compile_order *order;
	struct store *store;
	int locks;
	int64_t deadline;
	pthread_mutex_t mutex;         /* protects what follows, and all work */
	size_t next;                   /* layer that was not looked at */
	struct work *current;          /* the one whose sources are being handed out */
	size_t busy;                   /* layers that others are compiling */
	struct work *ready[READY_MAX]; /* complete, and not yet published */
	size_t ready_count, ready_max;
	int64_t ready_since;
	int code; /* of the first failure, which ends the run */
	struct error *error;
	pthread_mutex_t publishing; /* the store's lock is one for all threads */
};

struct batch {
	struct work *work;
	size_t from, to;
};

/* Call with the mutex held. */
static void fail(struct run *run, int code, struct error *error)
{
	if (run->code == 0) {
		run->code = code;
		if (run->error && error->message) {
			error_clear(run->error);
			*run->error = *error;
			*error = (struct error)ERROR_INIT;
		}
	}
}

/* The locks of layers. */

static off_t lock_place(const char *digest, const char *tag)
{
	uint64_t hash = hash_bytes(tag, strlen(tag), hash_bytes(digest, strlen(digest), HASH_SEED));

	return (off_t)(hash >> 2);
}

/* Takes the lock, unless another process has it (-EAGAIN), or gives it back. */
static int set_lock(const struct run *run, off_t place, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};

	if (fcntl(run->locks, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* The queue; all with the mutex held. */

/* Whether the layer has bytecode. Its seal is completed, if need be. */
static int has_bytecode(const struct run *run, const char *digest)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_close_ int fd = store_open_bytecode(run->store, digest, run->order->tag, &error);
	_cleanup_close_ int room = -1;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!(st.st_mode & S_IWUSR))
		return 1;
	room = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (room < 0)
		return -errno;
	/* Who published it may have died before. */
	return seal_tree(room, run->order->tag) < 0 ? -EIO : 1;
}

/* Begins with a layer. 0 and no work: there is nothing to do. */
static int begin(struct run *run, const char *digest, struct work **out, struct error *error)
{
	off_t place = lock_place(digest, run->order->tag);
	_cleanup_free_ struct work *work = NULL;
	int r = has_bytecode(run, digest);

	if (r != 0)
		return r < 0 ? r : 0;
	r = set_lock(run, place, F_WRLCK);
	if (r == -EAGAIN) {
		run->busy++;
		return 0;
	}
	/* Who had the lock until now may have made it. */
	if (r == 0)
		r = has_bytecode(run, digest);
	if (r == 0) {
		work = calloc(1, sizeof(*work));
		r = work ? compile_layer_open(run->store, digest, run->order->tag, &work->layer,
					      error)
			 : -ENOMEM;
	}
	if (r == 0) {
		work->lock = place;
		*out = TAKE_PTR(work);
		return 0;
	}
	(void)set_lock(run, place, F_UNLCK);
	return r == 1 || r == -ENOENT ? 0 : r;
}

/* Frees work that nobody has any more. */
static void end(const struct run *run, struct work *work)
{
	compile_layer_free(work->layer);
	(void)set_lock(run, work->lock, F_UNLCK);
	free(work);
}

/* Takes the next batch; of a layer without sources, an empty one. False: there are no more. */
static bool take(struct run *run, struct batch *out)
{
	while (run->code == 0 && !run->current && run->next < run->order->count) {
		_cleanup_error_ struct error error = ERROR_INIT;
		const char *digest = run->order->layers[run->next++];
		int r = begin(run, digest, &run->current, &error);

		if (r < 0) {
			if (!error.message)
				error_set_errno(&error, r, "the layer %s cannot be compiled",
						digest);
			fail(run, r, &error);
		}
	}
	if (run->code < 0 || !run->current)
		return false;
	*out = (struct batch){.work = run->current, .from = run->current->next};
	out->to = out->from + BATCH < out->work->layer->count ? out->from + BATCH
							      : out->work->layer->count;
	out->work->next = out->to;
	out->work->active++;
	if (out->to == out->work->layer->count)
		run->current = NULL;
	return true;
}

/* Gives the batch back. True: it was the last one of its layer, which is the caller's now. */
static bool give_back(struct run *run, const struct batch *batch, int code, struct error *error)
{
	struct work *work = batch->work;

	if (code < 0) {
		if (!error->message)
			error_set_errno(error, code, "the layer %s cannot be compiled",
					work->layer->digest);
		fail(run, code, error);
	}
	if (--work->active > 0 || work == run->current)
		return false;
	if (run->code == 0)
		return true;
	end(run, work);
	return false;
}

/* The work itself. */

static int keep(struct run *run, struct work *work, const struct compile_source *source,
		const struct buffer *pyc)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	bool fits;
	int r;

	if (pyc->length == 0)
		return 0;
	pthread_mutex_lock(&run->mutex);
	fits = work->bytes + pyc->length <= LAYER_LIMIT;
	work->bytes += fits ? pyc->length : 0;
	pthread_mutex_unlock(&run->mutex);
	if (!fits)
		return 0;
	r = compile_layer_write(work->layer, source, pyc, digest);
	if (r < 0)
		return r;
	pthread_mutex_lock(&run->mutex);
	r = compile_layer_add(work->layer, source, pyc->length, digest);
	pthread_mutex_unlock(&run->mutex);
	return r;
}

static int compile_batch(struct run *run, struct compiler *compiler, const struct batch *batch,
			 struct error *error)
{
	int r = 0;

	compiler_begin(compiler, batch->to - batch->from);
	for (size_t i = batch->from; r == 0 && i < batch->to; i++) {
		const struct compile_source *source = &batch->work->layer->sources[i];
		_cleanup_buffer_ struct buffer text = {0}, pyc = {0};

		r = compile_layer_read(batch->work->layer, source, &text);
		if (r == 0)
			r = compiler_compile(compiler,
					     &(struct compiler_source){
						     .name = strchr(source->path, '/') + 1,
						     .mtime = source->mtime,
						     .text = text.data,
						     .size = text.length,
					     },
					     run->deadline, &pyc, error);
		if (r == 0)
			r = keep(run, batch->work, source, &pyc);
	}
	return r;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes what came of publishing a layer, and ends its work. */
static void conclude(struct run *run, struct work *work, int code, struct error *error)
{
	if (code < 0 && (code != -ENOENT || error->message)) {
		if (!error->message)
			error_set_errno(error, code, "the bytecode of %s cannot be written",
					work->layer->digest);
		fail(run, code, error);
	}
	error_clear(error);
	end(run, work);
}

/* Publishes layers that are complete. */
static void publish(struct run *run, struct work *const *works, size_t count)
{
	struct publication items[READY_MAX];
	struct error errors[READY_MAX] = {0};
	int r;

	if (count == 0)
		return;
	pthread_mutex_lock(&run->publishing);
	r = store_take_lock(run->store, &errors[0]);
	for (size_t i = 0; r == 0 && i < count; i++)
		items[i] = (struct publication){
			.scratch = compile_layer_take(works[i]->layer),
			.layer = works[i]->layer->digest,
			.tag = run->order->tag,
			.error = &errors[i],
		};
	if (r == 0)
		store_publish(run->store, items, count);
	store_release_lock(run->store);
	pthread_mutex_unlock(&run->publishing);
	pthread_mutex_lock(&run->mutex);
	for (size_t i = 0; i < count; i++)
		conclude(run, works[i], r < 0 ? r : items[i].code, &errors[i]);
	pthread_mutex_unlock(&run->mutex);
}

/* Completes a layer, and publishes those that are ready when it is time. */
static void complete(struct run *run, struct work *work)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct work *taken[READY_MAX];
	int r = compile_layer_finish(work->layer);
	size_t count = 0;

	pthread_mutex_lock(&run->mutex);
	if (r < 0) {
		conclude(run, work, r, &error);
	} else {
		if (run->ready_count == 0)
			run->ready_since = now_ms();
		run->ready[run->ready_count++] = work;
	}
	if (run->ready_count >= run->ready_max ||
	    (run->ready_count > 0 && now_ms() - run->ready_since >= READY_MS)) {
		count = run->ready_count;
		memcpy(taken, run->ready, sizeof(taken));
		run->ready_count = 0;
	}
	pthread_mutex_unlock(&run->mutex);
	publish(run, taken, count);
}

static void *work_on(void *arg)
{
	struct run *run = arg;
	struct compiler *compiler = compiler_new(run->order->executable, run->order->tag);
	struct batch batch;

	for (;;) {
		_cleanup_error_ struct error error = ERROR_INIT;
		bool there, last;
		int r;

		pthread_mutex_lock(&run->mutex);
		there = take(run, &batch);
		pthread_mutex_unlock(&run->mutex);
		if (!there)
			break;
		r = compiler ? compile_batch(run, compiler, &batch, &error) : -ENOMEM;
		pthread_mutex_lock(&run->mutex);
		last = give_back(run, &batch, r, &error);
		pthread_mutex_unlock(&run->mutex);
		if (last)
			complete(run, batch.work);
	}
	compiler_free(compiler);
	return NULL;
}

/* Goes through all layers once. */
static void go_through(struct run *run)
{
	run->next = run->busy = 0;
	threads_run(threads_for_processors(), work_on, run);
	publish(run, run->ready, run->ready_count);
	run->ready_count = 0;
	/* Of a failed run: what was begun and not handed out to the end. */
	if (run->current)
		end(run, run->current);
	run->current = NULL;
}

static int compile_all(struct run *run)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	run->deadline = now_ms() + run->order->timeout_ms;
	for (;;) {
		go_through(run);
		if (run->code < 0 || run->busy == 0 || !run->order->wait)
			return run->code;
		if (now_ms() >= run->deadline)
			return error_set(run->error, -ETIMEDOUT,
					 "another process does not end compiling");
		nanosleep(&pause, NULL);
	}
}

int store_compile(const struct compile_order *order, struct error *error)
{
	_cleanup_store_ struct store *store = NULL;
	_cleanup_close_ int locks = -1;
	struct run run = {.order = order, .error = error};
	int r = store_open(order->store, STORE_ADD, &store, error);

	if (r < 0)
		return r;
	store_release_lock(store);
	locks = openat(store->bytecode, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (locks < 0)
		return error_set_errno(error, -errno, "%s/bytecode/lock", store->path);
	run.store = store;
	run.locks = locks;
	run.ready_max = store_publish_limit(READY_MAX, READY_DESCRIPTORS);
	pthread_mutex_init(&run.mutex, NULL);
	pthread_mutex_init(&run.publishing, NULL);
	r = compile_all(&run);
	pthread_mutex_destroy(&run.publishing);
	pthread_mutex_destroy(&run.mutex);
	return r;
}
