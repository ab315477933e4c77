/*
 * Answers of interpreters, remembered. One small file for each path that was asked, because what an
 * interpreter says depends on the name by which it is run; in it the identity of the file that
 * answered. A file that is damaged, foreign or about another identity is as good as none, and the
 * next answer replaces it.
 */
#include "python_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "venvfs/io.h"
#include "venvfs/scratch.h"

#define ROOM       "interpreters"
#define SIZE_LIMIT (64 * 1024)

/* Counts up when probe.py says more, or something else. */
#define FORMAT 1

struct file_name {
	char text[32];
};

static struct file_name name_for(const char *path)
{
	struct file_name name;
	uint64_t hash = hash_bytes(path, strlen(path), HASH_SEED);

	snprintf(name.text, sizeof(name.text), "%016llx.json", (unsigned long long)hash);
	return name;
}

/* Reads a file of ours: nobody else's, not a link, and no FIFO that would make us wait. */
static int read_own_file(int room, const char *name, struct buffer *out)
{
	_cleanup_close_ int fd = openat(room, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return io_read_fd(fd, SIZE_LIMIT, out);
}

static json_t *identity_to_json(const struct interpreter_identity *identity)
{
	return json_pack("[I, I, I, I, I, I, I]", (json_int_t)identity->dev,
			 (json_int_t)identity->ino, (json_int_t)identity->size,
			 (json_int_t)identity->mtime.tv_sec, (json_int_t)identity->mtime.tv_nsec,
			 (json_int_t)identity->ctime.tv_sec, (json_int_t)identity->ctime.tv_nsec);
}

/* Whether @entry is what @path said when it was the file of @identity. */
static bool is_about(const json_t *entry, const char *path,
		     const struct interpreter_identity *identity)
{
	_cleanup_json_ json_t *expected = identity_to_json(identity);
	const char *asked = json_string_value(json_object_get(entry, "path"));

	return json_integer_value(json_object_get(entry, "format")) == FORMAT && asked &&
	       strcmp(asked, path) == 0 &&
	       json_equal(json_object_get(entry, "identity"), expected) == 1;
}

json_t *interpreter_recall(const char *path, const struct interpreter_identity *identity)
{
	_cleanup_close_ int room = cache_room_open(ROOM, NULL, NULL);
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_json_ json_t *entry = NULL;

	if (room < 0 || read_own_file(room, name_for(path).text, &text) < 0 || text.length == 0)
		return NULL;
	entry = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
	if (!entry || !is_about(entry, path, identity))
		return NULL;
	return json_incref(json_object_get(entry, "answer"));
}

void interpreter_remember(const char *path, const struct interpreter_identity *identity,
			  json_t *answer)
{
	_cleanup_close_ int room = cache_room_open(ROOM, NULL, NULL);
	_cleanup_json_ json_t *entry = NULL;
	_cleanup_free_ char *text = NULL;

	if (room < 0)
		return;
	scratch_clean(room);
	entry = json_pack("{s: i, s: s, s: o, s: O}", "format", FORMAT, "path", path, "identity",
			  identity_to_json(identity), "answer", answer);
	if (entry)
		text = json_dumps(entry, JSON_INDENT(1));
	if (text)
		(void)io_publish(room, name_for(path).text, text, strlen(text), 0600);
}
