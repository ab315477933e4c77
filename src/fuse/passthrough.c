#include "passthrough.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "ops.h"

/* <linux/fuse.h> of Linux 6.9; the headers that we build with are older. */
struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN     _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE    _IOW(229, 2, uint32_t)
#define OPEN_NOFLUSH     (1u << 5)
#define OPEN_PASSTHROUGH (1u << 7)

#define BUCKETS 256u

/* A file that is open. All who have it open must have it open in the same way, and passthrough from
 * the same file below: so says the kernel (fs/fuse/iomode.c). */
struct opened {
	struct opened *next; /* in the bucket */
	fuse_ino_t ino;
	uint64_t opens;
	int backing; /* the kernel's name for the file below; 0: it is read through us */
};

struct passthrough {
	struct channel *channel;
	bool works;
	pthread_mutex_t lock; /* of the table: a leaf */
	struct opened *buckets[BUCKETS];
};

static int backing_open(const struct passthrough *passthrough, int fd)
{
	struct backing_map map = {.fd = fd};
	int r = ioctl(passthrough->channel->fd, BACKING_OPEN, &map);

	return r < 0 ? -errno : r;
}

static void backing_close(const struct passthrough *passthrough, int backing)
{
	uint32_t id = (uint32_t)backing;

	if (backing > 0)
		(void)ioctl(passthrough->channel->fd, BACKING_CLOSE, &id);
}

struct passthrough *passthrough_new(struct channel *channel)
{
	struct passthrough *passthrough = calloc(1, sizeof(*passthrough));

	if (!passthrough)
		return NULL;
	passthrough->channel = channel;
	pthread_mutex_init(&passthrough->lock, NULL);
	channel->passthrough = passthrough;
	return passthrough;
}

void passthrough_free(struct passthrough *passthrough)
{
	if (!passthrough)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct opened *next;

		for (struct opened *o = passthrough->buckets[i]; o; o = next) {
			next = o->next;
			free(o);
		}
	}
	pthread_mutex_destroy(&passthrough->lock);
	free(passthrough);
}

int passthrough_try(struct passthrough *passthrough, int fd)
{
	int r = backing_open(passthrough, fd);

	backing_close(passthrough, r);
	passthrough->works = r > 0;
	return r < 0 ? r : 0;
}

static struct opened **find(struct passthrough *passthrough, fuse_ino_t ino)
{
	struct opened **slot = &passthrough->buckets[ino % BUCKETS];

	while (*slot && (*slot)->ino != ino)
		slot = &(*slot)->next;
	return slot;
}

/* How the file is read below: what the kernel calls it, or 0 where we have to read it ourselves. */
static int open_below(struct passthrough *passthrough, fuse_ino_t ino)
{
	_cleanup_content_ struct content *content = NULL;
	int r = tree_open(passthrough->channel->tree, ino, &content);

	/* Part of an image, or rendered; or a file system that is stacked too high. */
	r = r == 0 && content_is_file(content) ? backing_open(passthrough, content->fd) : 0;
	return r > 0 ? r : 0;
}

/* Counts one who opens the file; *backing is how. -ENOMEM. */
static int take(struct passthrough *passthrough, fuse_ino_t ino, int *backing)
{
	struct opened *made = calloc(1, sizeof(*made));
	struct opened **slot;

	if (!made)
		return -ENOMEM;
	/* Before the lock, for it may wait for a disk; in vain when the file is open already. */
	*made = (struct opened){.ino = ino, .backing = open_below(passthrough, ino)};
	pthread_mutex_lock(&passthrough->lock);
	slot = find(passthrough, ino);
	if (!*slot) {
		*slot = made;
		made = NULL;
	}
	(*slot)->opens++;
	*backing = (*slot)->backing;
	pthread_mutex_unlock(&passthrough->lock);
	if (made)
		backing_close(passthrough, made->backing);
	free(made);
	return 0;
}

static void give_back(struct passthrough *passthrough, fuse_ino_t ino)
{
	struct opened **slot, *gone = NULL;

	pthread_mutex_lock(&passthrough->lock);
	slot = find(passthrough, ino);
	if (*slot && --(*slot)->opens == 0) {
		gone = *slot;
		*slot = gone->next;
	}
	pthread_mutex_unlock(&passthrough->lock);
	if (gone)
		backing_close(passthrough, gone->backing);
	free(gone);
}

static struct passthrough *passthrough_of(fuse_req_t req)
{
	const struct channel *channel = fuse_req_userdata(req);

	return channel->passthrough;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct passthrough *passthrough = passthrough_of(req);
	struct fuse_open_out answer = {.open_flags = FOPEN_KEEP_CACHE | OPEN_NOFLUSH};
	int backing, r;

	(void)fi;
	r = passthrough->works ? take(passthrough, ino, &backing) : -ENOSYS;
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	if (backing > 0) {
		answer.open_flags = OPEN_PASSTHROUGH | OPEN_NOFLUSH;
		answer.padding = (uint32_t)backing;
	}
	if (fuse_reply_buf(req, (const char *)&answer, sizeof(answer)) < 0)
		give_back(passthrough, ino);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	give_back(passthrough_of(req), ino);
	ops_reply(req, 0);
}

void passthrough_fill(struct fuse_lowlevel_ops *ops)
{
	ops->open = op_open;
	ops->release = op_release;
}
