/*
 * One file, hammered by several processes: reads, writes, mappings, truncations, holes, copies, and
 * after each the bytes must be those that a copy in memory has.
 *
 * In turns: the processes change the whole file, one at a time, each by descriptors of its own;
 * what one wrote all others must see. At once: each has a part of the file, and nobody waits.
 *
 * Usage: one_file turns|at-once FILE PROCESSES OPERATIONS SEED
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define LIMIT     (256 * 1024) /* no byte is ever written beyond */
#define PART      (64 * 1024)  /* of each process, when they work at once */
#define PROCESSES 16

/* The copy in memory; shared by all processes. */
struct image {
	pthread_mutex_t turn;
	off_t size;
	unsigned char bytes[PROCESSES * PART > LIMIT ? PROCESSES *PART : LIMIT];
};

/* One process at work, on the bytes [start, limit). */
struct worker {
	const char *path;
	struct image *image;
	struct random random;
	off_t start, limit;
	bool resizes; /* it has the whole file */
	int fd;
	unsigned long step;
};

/* Some of the bytes that the worker may touch. */
struct range {
	off_t offset;
	size_t length;
};

/* Where the bytes end that the worker may touch and that are there. */
static off_t end_of(const struct worker *worker)
{
	return worker->limit < worker->image->size ? worker->limit : worker->image->size;
}

static struct range pick(struct worker *worker, off_t end)
{
	static const size_t lengths[] = {1, 7, 512, 4096, 10000, 65536};
	size_t longest = lengths[random_below(&worker->random, COUNT_OF(lengths))];
	struct range range;

	range.offset = worker->start +
		       (off_t)random_below(&worker->random, (uint64_t)(end - worker->start));
	range.length = 1 + random_below(&worker->random, longest);
	if (range.offset + (off_t)range.length > end)
		range.length = (size_t)(end - range.offset);
	return range;
}

static void compare(struct worker *worker, const char *how, struct range range,
		    const unsigned char *got)
{
	const unsigned char *expected = worker->image->bytes + range.offset;

	if (memcmp(expected, got, range.length) == 0)
		return;
	for (size_t i = 0; i < range.length; i++) {
		errno = 0;
		if (expected[i] != got[i])
			fail("step %lu of %d: %s at %lld (of %lld+%zu, size %lld): expected %02x, "
			     "got %02x",
			     worker->step, getpid(), how, (long long)range.offset + (long long)i,
			     (long long)range.offset, range.length, (long long)worker->image->size,
			     expected[i], got[i]);
	}
}

static void grow(struct worker *worker, struct range range)
{
	if (range.offset + (off_t)range.length > worker->image->size)
		worker->image->size = range.offset + (off_t)range.length;
}

/* New bytes for the image. */
static void make_up(struct worker *worker, struct range range)
{
	for (size_t i = 0; i < range.length; i++)
		worker->image->bytes[range.offset + (off_t)i] =
			(unsigned char)random_below(&worker->random, 256);
}

static void do_read(struct worker *worker)
{
	static unsigned char buffer[LIMIT];
	struct range range = pick(worker, end_of(worker));
	ssize_t n = pread(worker->fd, buffer, range.length, range.offset);

	if (n != (ssize_t)range.length)
		fail("step %lu: read %zu at %lld gave %zd", worker->step, range.length,
		     (long long)range.offset, n);
	compare(worker, "read", range, buffer);
}

static void do_write(struct worker *worker)
{
	struct range range = pick(worker, worker->limit);

	make_up(worker, range);
	grow(worker, range);
	if (pwrite(worker->fd, worker->image->bytes + range.offset, range.length, range.offset) !=
	    (ssize_t)range.length)
		fail("step %lu: write %zu at %lld", worker->step, range.length,
		     (long long)range.offset);
}

/* Maps what @range lies in; *at is where it begins. */
static void *map(struct worker *worker, struct range range, int protection, size_t *length,
		 unsigned char **at)
{
	off_t page = range.offset & ~(off_t)4095;
	void *memory;

	*length = (size_t)(range.offset - page) + range.length;
	memory = mmap(NULL, *length, protection, MAP_SHARED, worker->fd, page);
	if (memory == MAP_FAILED)
		fail("step %lu: mmap", worker->step);
	*at = (unsigned char *)memory + (range.offset - page);
	return memory;
}

static void do_map_read(struct worker *worker)
{
	struct range range = pick(worker, end_of(worker));
	unsigned char *at;
	size_t length;
	void *memory = map(worker, range, PROT_READ, &length, &at);

	compare(worker, "mapped", range, at);
	munmap(memory, length);
}

static void do_map_write(struct worker *worker)
{
	struct range range = pick(worker, end_of(worker));
	unsigned char *at;
	size_t length;
	void *memory = map(worker, range, PROT_READ | PROT_WRITE, &length, &at);

	make_up(worker, range);
	memcpy(at, worker->image->bytes + range.offset, range.length);
	if (random_below(&worker->random, 4) == 0 && msync(memory, length, MS_SYNC) < 0)
		fail("step %lu: msync", worker->step);
	munmap(memory, length);
}

static void do_truncate(struct worker *worker)
{
	struct image *image = worker->image;
	off_t size = 1 + (off_t)random_below(&worker->random, LIMIT);

	if (!worker->resizes)
		return;
	if (ftruncate(worker->fd, size) < 0)
		fail("step %lu: ftruncate to %lld", worker->step, (long long)size);
	if (size < image->size)
		memset(image->bytes + size, 0, (size_t)(image->size - size));
	image->size = size;
}

static void do_punch(struct worker *worker)
{
	struct range range = pick(worker, end_of(worker));

	if (fallocate(worker->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range.offset,
		      (off_t)range.length) < 0) {
		if (errno == EOPNOTSUPP)
			return;
		fail("step %lu: punch a hole", worker->step);
	}
	memset(worker->image->bytes + range.offset, 0, range.length);
}

static void do_zero(struct worker *worker)
{
	struct range range = pick(worker, worker->limit);
	bool keep = random_below(&worker->random, 2) || !worker->resizes;

	if (fallocate(worker->fd, FALLOC_FL_ZERO_RANGE | (keep ? FALLOC_FL_KEEP_SIZE : 0),
		      range.offset, (off_t)range.length) < 0) {
		if (errno == EOPNOTSUPP)
			return;
		fail("step %lu: zero a range", worker->step);
	}
	memset(worker->image->bytes + range.offset, 0, range.length);
	if (!keep)
		grow(worker, range);
}

static void do_allocate(struct worker *worker)
{
	struct range range = pick(worker, worker->limit);
	bool keep = random_below(&worker->random, 2) || !worker->resizes;

	if (fallocate(worker->fd, keep ? FALLOC_FL_KEEP_SIZE : 0, range.offset,
		      (off_t)range.length) < 0) {
		if (errno == EOPNOTSUPP)
			return;
		fail("step %lu: allocate", worker->step);
	}
	if (!keep)
		grow(worker, range);
}

/* Within the file, where the two ranges do not meet. */
static void do_copy(struct worker *worker)
{
	struct range from = pick(worker, end_of(worker));
	struct range to = {.offset = pick(worker, worker->limit).offset, .length = from.length};
	off_t in = from.offset, out = to.offset;

	if (to.offset + (off_t)to.length > worker->limit ||
	    (to.offset < from.offset + (off_t)from.length &&
	     from.offset < to.offset + (off_t)to.length))
		return;
	for (size_t left = from.length; left > 0;) {
		ssize_t n = copy_file_range(worker->fd, &in, worker->fd, &out, left, 0);

		if (n <= 0)
			fail("step %lu: copy %zu from %lld to %lld gave %zd", worker->step, left,
			     (long long)in, (long long)out, n);
		left -= (size_t)n;
	}
	memcpy(worker->image->bytes + to.offset, worker->image->bytes + from.offset, from.length);
	grow(worker, to);
}

static void do_sync(struct worker *worker)
{
	if (fsync(worker->fd) < 0)
		fail("step %lu: fsync", worker->step);
}

static void do_reopen(struct worker *worker)
{
	close(worker->fd);
	worker->fd = open(worker->path, O_RDWR | O_CLOEXEC);
	if (worker->fd < 0)
		fail("step %lu: open %s", worker->step, worker->path);
}

static void check_size(struct worker *worker)
{
	struct stat st;

	if (fstat(worker->fd, &st) < 0)
		fail("step %lu: fstat", worker->step);
	if (st.st_size != worker->image->size)
		fail("step %lu: size: expected %lld, got %lld", worker->step,
		     (long long)worker->image->size, (long long)st.st_size);
}

static void step(struct worker *worker)
{
	static void (*const operations[])(struct worker * worker) = {
		do_read,     do_read,      do_write,     do_write,    do_write, do_map_read,
		do_map_read, do_map_write, do_map_write, do_truncate, do_punch, do_zero,
		do_allocate, do_copy,      do_reopen,    do_sync,
	};
	size_t which = random_below(&worker->random, COUNT_OF(operations));

	/* Disks are slow. */
	if (operations[which] == do_sync && random_below(&worker->random, 8) != 0)
		return;
	operations[which](worker);
	check_size(worker);
}

static void work(struct worker *worker, unsigned long operations)
{
	do_reopen(worker);
	for (worker->step = 0; worker->step < operations; worker->step++) {
		if (worker->resizes)
			pthread_mutex_lock(&worker->image->turn);
		errno = 0;
		step(worker);
		if (worker->resizes)
			pthread_mutex_unlock(&worker->image->turn);
	}
	close(worker->fd);
}

static struct image *new_image(void)
{
	struct image *image = mmap(NULL, sizeof(*image), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;

	if (image == MAP_FAILED)
		fail("mmap");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&image->turn, &attributes);
	return image;
}

/* The image begins as what the file has, and at least one byte. */
static void load(struct image *image, const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		fail("%s", path);
	if (size > 0 && ftruncate(fd, size) < 0)
		fail("truncate %s", path);
	image->size = lseek(fd, 0, SEEK_END);
	if (image->size < 1 || image->size > (off_t)sizeof(image->bytes))
		fail("%s has %lld bytes", path, (long long)image->size);
	if (pread(fd, image->bytes, sizeof(image->bytes), 0) != image->size)
		fail("read %s", path);
	close(fd);
}

static void verify(struct image *image, const char *path)
{
	struct worker worker = {.path = path, .image = image, .fd = -1};
	static unsigned char bytes[sizeof(image->bytes)];

	do_reopen(&worker);
	check_size(&worker);
	if (pread(worker.fd, bytes, sizeof(bytes), 0) != image->size)
		fail("read %s", path);
	compare(&worker, "at the end", (struct range){0, (size_t)image->size}, bytes);
	close(worker.fd);
}

/* Waits for all; true when all ended well. */
static bool wait_for_all(void)
{
	bool good = true;
	int status;

	while (wait(&status) > 0)
		if (status != 0) {
			good = false;
			kill(0, SIGTERM); /* the others may wait for their turn for ever */
		}
	return good;
}

int main(int argc, char *argv[])
{
	struct image *image = new_image();
	bool turns = argc == 6 && strcmp(argv[1], "turns") == 0;
	unsigned processes = argc == 6 ? (unsigned)atoi(argv[3]) : 0;

	if (processes < 1 || processes > PROCESSES || (!turns && strcmp(argv[1], "at-once") != 0)) {
		fprintf(stderr, "usage: one_file turns|at-once FILE PROCESSES OPERATIONS SEED\n");
		return 2;
	}
	setpgid(0, 0); /* those to be ended together */
	signal(SIGTERM, SIG_IGN);
	load(image, argv[2], turns ? 0 : (off_t)processes * PART);
	for (unsigned i = 0; i < processes; i++) {
		struct worker worker = {
			.path = argv[2],
			.image = image,
			.random = random_seeded(strtoul(argv[5], NULL, 10) * PROCESSES + i + 1),
			.start = turns ? 0 : (off_t)i * PART,
			.limit = turns ? LIMIT : (off_t)(i + 1) * PART,
			.resizes = turns,
			.fd = -1,
		};
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			signal(SIGTERM, SIG_DFL);
			work(&worker, strtoul(argv[4], NULL, 10));
			_exit(0);
		}
	}
	if (!wait_for_all())
		return 1;
	verify(image, argv[2]);
	return 0;
}
