/* The reader. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ahead_helper.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/threads.h"

#define THREADS    16
#define READ_MS    5000
#define BYTES_MAX  (512ull << 20)
#define FILE_MAX   (64ull << 20) /* of one file whose parts that are used nobody knows */
#define ADVICE_MAX (128u << 10)  /* the kernel reads no more for one than it would read ahead */
#define SAMPLES    24            /* whose presence says that all is there */

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

struct reading {
	struct string_list base; /* paths of files that come first */
	const struct ahead_list *list;
	struct tree *tree;
	struct ahead_progress *progress;
	atomic_size_t next;     /* of these, and then of the list's entries */
	_Atomic uint64_t bytes; /* asked for */
	uint64_t bytes_max;
	uint64_t until; /* ahead_now_ms() */
};

/* Bytes of an open file. */
struct range {
	int fd; /* owned */
	off_t start;
	uint64_t size;
};

uint64_t ahead_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Half of what the system could give to programs, so that nothing is pushed out by a guess. */
static uint64_t memory_to_use(void)
{
	_cleanup_buffer_ struct buffer text = {0};
	const char *line;
	unsigned long kib;

	if (io_read_file(AT_FDCWD, "/proc/meminfo", 65536, &text) < 0 || !text.data)
		return BYTES_MAX;
	line = strstr(text.data, "MemAvailable:");
	if (!line || sscanf(line, "MemAvailable: %lu kB", &kib) != 1)
		return BYTES_MAX;
	return (uint64_t)kib * 512 < BYTES_MAX ? (uint64_t)kib * 512 : BYTES_MAX;
}

static int find(struct tree *tree, const char *path, struct tree_entry *out)
{
	*out = (struct tree_entry){.id = TREE_ROOT_ID};
	while (*path) {
		uint64_t parent = out->id;
		size_t length = strcspn(path, "/");
		char name[NAME_MAX + 1];
		int r;

		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, length);
		name[length] = '\0';
		path += length + (path[length] == '/');
		r = tree_lookup(tree, parent, name, out);
		tree_forget(tree, parent, 1);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a link leads to: a file of a layer, by its own path. */
static int open_target(struct tree *tree, uint64_t id, struct range *out)
{
	char target[PATH_MAX];
	struct stat st;
	int r = tree_readlink(tree, id, target, sizeof(target));

	if (r < 0 || target[0] != '/')
		return r < 0 ? r : -EINVAL;
	out->fd = io_open_regular(AT_FDCWD, target, O_RDONLY, 0);
	if (out->fd < 0)
		return out->fd;
	if (fstat(out->fd, &st) < 0)
		return -errno;
	out->start = 0;
	out->size = (uint64_t)st.st_size < FILE_MAX ? (uint64_t)st.st_size : FILE_MAX;
	return 0;
}

/* The part of a file that was read. */
static int open_part(struct tree *tree, uint64_t id, const struct ahead_entry *entry,
		     struct range *out)
{
	_cleanup_content_ struct content *content = NULL;
	uint64_t end = entry->end;
	int r = tree_open(tree, id, &content);

	if (r < 0)
		return r;
	if (content->fd < 0)
		return -ENOENT; /* it is in memory */
	if (!content_is_file(content) && end > content->size)
		end = content->size;
	if (end <= entry->start)
		return -ENOENT;
	out->start = content->start + (off_t)entry->start;
	out->size = end - entry->start;
	out->fd = fcntl(content->fd, F_DUPFD_CLOEXEC, 3);
	return out->fd < 0 ? -errno : 0;
}

static int open_range(const struct reading *reading, const struct ahead_entry *entry,
		      struct range *out)
{
	struct tree_entry found;
	int r = find(reading->tree, entry->path, &found);

	if (r < 0)
		return r;
	if (S_ISLNK(found.attr.st_mode) && entry->before & AHEAD_LINK)
		r = open_target(reading->tree, found.id, out);
	else if (S_ISREG(found.attr.st_mode) && entry->before & AHEAD_READ)
		r = open_part(reading->tree, found.id, entry, out);
	else
		r = -EINVAL;
	tree_forget(reading->tree, found.id, 1);
	return r;
}

uint64_t ahead_resident(int fd, off_t start, uint64_t size)
{
	struct {
		uint64_t start, size;
	} wanted = {(uint64_t)start, size};
	struct {
		uint64_t cached, dirty, writeback, evicted, recently_evicted;
	} pages = {0};

	if (syscall(SYS_cachestat, fd, &wanted, &pages, 0) < 0)
		return 0;
	pages.cached *= (uint64_t)sysconf(_SC_PAGESIZE);
	return pages.cached < size ? pages.cached : size;
}

static uint64_t resident(const struct range *range)
{
	return ahead_resident(range->fd, range->start, range->size);
}

/* Has the range read; the bytes of it that were missing. */
static uint64_t read_range(struct reading *reading, const struct range *range)
{
	uint64_t missing = range->size - resident(range);

	if (missing == 0 || atomic_fetch_add(&reading->bytes, missing) > reading->bytes_max)
		return 0;
	for (uint64_t done = 0; done < range->size; done += ADVICE_MAX) {
		uint64_t size = range->size - done < ADVICE_MAX ? range->size - done : ADVICE_MAX;

		if (posix_fadvise(range->fd, range->start + (off_t)done, (off_t)size,
				  POSIX_FADV_WILLNEED) != 0)
			return 0;
	}
	return missing;
}

/* Whether @entry says of a file that it was read. */
static bool is_file(const struct ahead_entry *entry)
{
	return entry->before & (AHEAD_LINK | AHEAD_READ);
}

static void read_entry(struct reading *reading, const struct ahead_entry *entry)
{
	struct range range = {.fd = -1};
	uint64_t missing = 0;

	if (is_file(entry) && open_range(reading, entry, &range) == 0)
		missing = read_range(reading, &range);
	reading->progress->files += missing > 0;
	reading->progress->bytes += missing;
	cleanup_close(&range.fd);
}

static void read_base(struct reading *reading, const char *path)
{
	struct range range = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
	struct stat st;

	if (range.fd >= 0 && fstat(range.fd, &st) == 0 && S_ISREG(st.st_mode)) {
		range.size = (uint64_t)st.st_size < FILE_MAX ? (uint64_t)st.st_size : FILE_MAX;
		reading->progress->base_files += read_range(reading, &range) > 0;
	}
	cleanup_close(&range.fd);
}

static void *read_some(void *arg)
{
	struct reading *reading = arg;

	while (ahead_now_ms() < reading->until && reading->bytes < reading->bytes_max) {
		size_t index = reading->next++;

		if (index < reading->base.count)
			read_base(reading, reading->base.items[index]);
		else if (index - reading->base.count < reading->list->count)
			read_entry(reading, &reading->list->entries[index - reading->base.count]);
		else
			break;
	}
	return NULL;
}

/* A warm page cache is recognised by a few files, all of which are in it. */
static bool is_warm(const struct reading *reading)
{
	uint32_t step = reading->list->count / SAMPLES + 1, next = 0;

	for (uint32_t i = 0; i < reading->list->count; i++) {
		struct range range = {.fd = -1};
		bool missing;

		if (i < next || !is_file(&reading->list->entries[i]))
			continue;
		next = i + step;
		missing = open_range(reading, &reading->list->entries[i], &range) == 0 &&
			  resident(&range) < range.size;
		cleanup_close(&range.fd);
		if (missing)
			return false;
	}
	return true;
}

void ahead_read(const struct ahead_list *list, const struct environment *environment, bool base,
		struct ahead_progress *progress)
{
	uint64_t begin = ahead_now_ms();
	struct reading reading = {
		.list = list,
		.tree = environment->tree,
		.progress = progress,
		.bytes_max = memory_to_use(),
		.until = begin + READ_MS,
	};

	if (base)
		ahead_base_list(environment, &reading.base);
	else if (is_warm(&reading))
		return;
	threads_run(THREADS, read_some, &reading);
	string_list_clear(&reading.base);
	progress->read_ms = (uint32_t)(ahead_now_ms() - begin);
}
