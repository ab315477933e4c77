#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal.h"
#include "tree/layer_image_format.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

/* What else a process has open that publishes: to seal a deep layer takes two for each level. */
#define OTHER_DESCRIPTORS 96

/* Where a layer goes is the same for all of them; bytecode has a directory for each layer. */
static int open_room(const struct store *store, struct publication *item)
{
	if (!item->tag)
		return 0;
	if (faccessat(store->layers, item->layer, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		item->code = -errno;
		return 0;
	}
	if (mkdirat(store->bytecode, item->layer, 0755) < 0 && errno != EEXIST)
		return -errno;
	item->room = io_open_directory(store->bytecode, item->layer);
	return item->room < 0 ? item->room : 0;
}

static int room_of(const struct store *store, const struct publication *item)
{
	return item->tag ? item->room : store->layers;
}

static const char *name_of(const struct publication *item)
{
	return item->tag ? item->tag : item->layer;
}

static void fail(const struct store *store, struct publication *item, int code)
{
	const char *what = item->linking ? "" : item->tag ? "the bytecode of " : "the layer ";

	item->code = error_set_errno(item->error, code, "%s%s cannot be written to %s", what,
				     item->linking ? item->file : item->layer, store->path);
}

/* One step for each that came so far. */
typedef int step_fn(const struct store *store, struct publication *item);

static void each(const struct store *store, struct publication *items, size_t count, step_fn *step)
{
	for (size_t i = 0; i < count; i++) {
		int r = items[i].code < 0 ? 0 : step(store, &items[i]);

		if (r < 0)
			fail(store, &items[i], r);
	}
}

/* One step for all that came so far. */
typedef int common_step_fn(const struct store *store, const struct publication *items,
			   size_t count);

static void together(const struct store *store, struct publication *items, size_t count,
		     common_step_fn *step)
{
	size_t good = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		good += items[i].code == 0;
	r = good > 0 ? step(store, items, count) : 0;
	for (size_t i = 0; r < 0 && i < count; i++)
		if (items[i].code == 0)
			fail(store, &items[i], r);
}

static int open_scratch(const struct store *store, struct publication *item)
{
	if (fchmod(item->scratch.fd, 0755) < 0)
		return -errno;
	return open_room(store, item);
}

/* Syncs a layer that is nothing but its image. */
static int sync_image(int directory)
{
	_cleanup_close_ int image =
		openat(directory, IMAGE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return image < 0 || fsync(image) < 0 || fsync(directory) < 0 ? -errno : 0;
}

/* One call for all files of all layers, many of which may be large; but a file system that others
 * write to as well may have much to bring to disk, so a layer that is one file is synced alone. */
static int sync_content(const struct store *store, const struct publication *items, size_t count)
{
	if (count == 1 && !items->tag &&
	    faccessat(items->scratch.fd, IMAGE_FILES, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return sync_image(items->scratch.fd);
	return syncfs(store->scratch) < 0 ? -errno : 0;
}

static int enter(const struct store *store, struct publication *item)
{
	int room = room_of(store, item);
	int code;

	item->entered = renameat(store->scratch, item->scratch.name, room, name_of(item)) == 0;
	if (item->entered)
		return 0;
	code = -errno;
	/* A layer is never empty, so it is not replaced by another; a sealed one says EPERM. */
	return faccessat(room, name_of(item), F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : code;
}

/* Makes the names durable that enter() gave. */
static int sync_rooms(const struct store *store, const struct publication *items, size_t count)
{
	if (count == 1 || !items->tag)
		return fsync(room_of(store, items)) < 0 ? -errno : 0;
	return syncfs(store->bytecode) < 0 ? -errno : 0;
}

/* One that was there, too: who imported it, or was about to remove it, may have died. */
static int seal(const struct store *store, struct publication *item)
{
	return seal_tree(room_of(store, item), name_of(item));
}

/* Links the wheel to its layer. */
static int link_wheel(const struct store *store, struct publication *item)
{
	char name[NAME_MAX + 1], target[STORE_DIGEST_SIZE + 16];
	int n;

	if (!item->file)
		return 0;
	item->linking = true;
	n = snprintf(name, sizeof(name), "%s@%s", item->file, item->wheel);
	if (n < 0 || (size_t)n >= sizeof(name))
		return -ENAMETOOLONG;
	snprintf(target, sizeof(target), "../layers/%s", item->layer);
	if (symlinkat(target, store->wheels, name) == 0)
		return 0;
	item->existed = errno == EEXIST;
	return item->existed ? 0 : -errno;
}

static int sync_links(const struct store *store, const struct publication *items, size_t count)
{
	(void)count;
	return items->file && fsync(store->wheels) < 0 ? -errno : 0;
}

/* Nothing is left of that name when it became a layer. */
static void give_up(const struct store *store, struct publication *item)
{
	if (!item->entered)
		(void)io_remove_tree(store->scratch, item->scratch.name);
	close(TAKE_FD(item->scratch.fd));
	if (item->room >= 0)
		close(TAKE_FD(item->room));
}

void store_publish(const struct store *store, struct publication *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		items[i].room = -1;
		items[i].code = 0;
		items[i].entered = items[i].linking = items[i].existed = false;
	}
	each(store, items, count, open_scratch);
	together(store, items, count, sync_content);
	each(store, items, count, enter);
	together(store, items, count, sync_rooms);
	each(store, items, count, seal);
	each(store, items, count, link_wheel);
	together(store, items, count, sync_links);
	for (size_t i = 0; i < count; i++)
		give_up(store, &items[i]);
}

size_t store_publish_limit(size_t max, size_t each)
{
	struct rlimit limit;
	size_t few;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= OTHER_DESCRIPTORS)
		return 1;
	if (limit.rlim_cur - OTHER_DESCRIPTORS < 4 * each * max)
		few = (size_t)(limit.rlim_cur - OTHER_DESCRIPTORS) / (4 * each);
	else
		few = max;
	return few > 0 ? few : 1;
}

static int create_file(int directory, const char *path, mode_t mode)
{
	int fd = openat(directory, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			mode & 0111 ? 0555 : 0444);

	return fd < 0 ? -errno : fd;
}

static int make_directory(int directory, const char *path)
{
	return mkdirat(directory, path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* Makes the directories above @path, whose text is changed for a while. Mostly only the last one is
 * missing. */
static int make_parents(int directory, char *path)
{
	char *slash = strrchr(path, '/');
	int r;

	if (!slash)
		return -ENOENT;
	*slash = '\0';
	r = make_directory(directory, path);
	if (r == -ENOENT) {
		r = make_parents(directory, path);
		if (r == 0)
			r = make_directory(directory, path);
	}
	*slash = '/';
	return r;
}

int publish_create_file(int directory, const char *path, mode_t mode)
{
	_cleanup_free_ char *full = NULL;
	int fd, r = path_join(IMAGE_FILES, path, &full);

	if (r < 0)
		return r;
	fd = create_file(directory, full, mode);
	if (fd != -ENOENT)
		return fd;
	r = make_parents(directory, full);
	return r < 0 ? r : create_file(directory, full, mode);
}
