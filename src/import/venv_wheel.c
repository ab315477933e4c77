/*
 * A wheel again, from what an installer made of it. The files are read while libzip writes; what it
 * wrote is checked against the new RECORD when the wheel is imported, so that a file that changes
 * meanwhile is an error there. Stored, not deflated: the wheel does not live for long.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "venv.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"

#define SCRIPT_MAX (1u << 20)

/* 1980-01-02 in the words of MS-DOS: the same environment gives the same wheel. */
#define DOS_DATE ((0 << 9) | (1 << 5) | 2)

/* A file of the environment, as a source of libzip. Freed by it. */
struct source {
	const struct venv *venv;
	const char *path; /* the row's */
	zip_uint64_t size;
	int fd; /* -1: not open */
};

static zip_int64_t source_open(struct source *self)
{
	self->fd = venv_open_file(self->venv, self->path);
	return self->fd < 0 ? -1 : 0;
}

static zip_int64_t source_read(const struct source *self, void *data, zip_uint64_t length)
{
	return read(self->fd, data, length > SSIZE_MAX ? SSIZE_MAX : length);
}

static zip_int64_t source_close(struct source *self)
{
	close(TAKE_FD(self->fd));
	return 0;
}

static zip_int64_t source_stat(const struct source *self, void *data, zip_uint64_t length)
{
	zip_stat_t *st = data;

	if (length < sizeof(*st))
		return -1;
	zip_stat_init(st);
	st->size = self->size;
	st->valid = ZIP_STAT_SIZE;
	return sizeof(*st);
}

static zip_int64_t source_callback(void *arg, void *data, zip_uint64_t length,
				   zip_source_cmd_t command)
{
	struct source *self = arg;

	switch (command) {
	case ZIP_SOURCE_OPEN:
		return source_open(self);
	case ZIP_SOURCE_READ:
		return source_read(self, data, length);
	case ZIP_SOURCE_CLOSE:
		return source_close(self);
	case ZIP_SOURCE_STAT:
		return source_stat(self, data, length);
	case ZIP_SOURCE_ERROR: {
		const int codes[] = {ZIP_ER_READ, EIO};

		memcpy(data, codes, sizeof(codes));
		return sizeof(codes);
	}
	case ZIP_SOURCE_FREE:
		free(self);
		return 0;
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
						      ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
						      ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, -1);
	default:
		return -1;
	}
}

/* A wheel that is being written. */
struct writing {
	const struct venv *venv;
	const struct venv_dist *dist;
	zip_t *zip;
	struct buffer record;
};

/* Adds an entry; the source is taken over. */
static int add_entry(struct writing *self, const char *name, zip_source_t *source, mode_t mode)
{
	zip_int64_t index;

	if (!source)
		return -ENOMEM;
	index = zip_file_add(self->zip, name, source, ZIP_FL_ENC_UTF_8);
	if (index < 0) {
		zip_source_free(source);
		return -EINVAL;
	}
	if (zip_set_file_compression(self->zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) < 0 ||
	    zip_file_set_dostime(self->zip, (zip_uint64_t)index, 0, DOS_DATE, 0) < 0 ||
	    zip_file_set_external_attributes(self->zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX,
					     (zip_uint32_t)(S_IFREG | mode) << 16) < 0)
		return -EIO;
	return 0;
}

/* Adds bytes, which are copied, and their row. */
static int add_bytes(struct writing *self, const char *name, const char *data, size_t size,
		     mode_t mode, bool listed)
{
	_cleanup_record_hasher_ struct record_hasher *hasher = NULL;
	uint8_t digest[RECORD_SHA256_SIZE];
	char hash[RECORD_HASH_SIZE];
	void *copy = malloc(size + 1);
	int r = copy ? record_hasher_new(NULL, &hasher) : -ENOMEM;
	zip_source_t *source;

	if (r == 0)
		r = record_hasher_add(hasher, data, size);
	if (r == 0)
		r = record_hasher_finish(hasher, digest);
	if (r < 0) {
		free(copy);
		return r;
	}
	record_format_sha256(digest, hash);
	if (listed)
		record_append(&self->record, name, hash, size);
	memcpy(copy, data, size);
	source = zip_source_buffer(self->zip, copy, size, 1);
	if (!source)
		free(copy);
	return add_entry(self, name, source, mode);
}

/* What follows the first lines of a script that name the environment's own Python; NULL: they do
 * not. */
static const char *after_shebang(const char *text, const char *venv)
{
	static const char shell[] = "#!/bin/sh\n'''exec' ";
	bool in_shell = strncmp(text, shell, strlen(shell)) == 0;
	const char *path = in_shell                      ? text + strlen(shell)
			   : strncmp(text, "#!", 2) == 0 ? text + 2
							 : NULL;
	char quote = '\0';

	if (path && in_shell && strchr("\"'", *path))
		quote = *path++;
	if (!path || strncmp(path, venv, strlen(venv)) != 0)
		return NULL;
	path += strlen(venv);
	if (strncmp(path, "/bin/python", 11) != 0)
		return NULL;
	path += strcspn(path, " \t\n\"'");
	if (quote && *path++ != quote)
		return NULL;
	if (!in_shell)
		return *path == '\n' ? path + 1 : NULL;
	path = strstr(path, "\n' '''\n");
	return path ? path + 7 : NULL;
}

/* A script gets back the first line that stands for any Python. 1: it is none of these. */
static int add_script(struct writing *self, const struct venv_row *row, int fd, mode_t mode)
{
	_cleanup_buffer_ struct buffer text = {0}, script = {0};
	const char *rest = NULL;
	int r = io_read_fd(fd, SCRIPT_MAX, &text);

	if (r == -EFBIG)
		return 1;
	if (r == 0 && text.data && strlen(text.data) == text.length) {
		rest = after_shebang(text.data, self->venv->path);
		if (!rest)
			rest = after_shebang(text.data, self->venv->real);
	}
	if (r < 0 || !rest)
		return r < 0 ? r : 1;
	buffer_printf(&script, "#!python\n%s", rest);
	r = buffer_status(&script);
	return r < 0 ? r : add_bytes(self, row->in_wheel, script.data, script.length, mode, true);
}

/* A file as it is. Its hash is RECORD's, which was compared; or its own, where RECORD has none. */
static int add_file(struct writing *self, const struct venv_row *row, int fd, const struct stat *st,
		    mode_t mode)
{
	struct source *source;
	zip_source_t *zip_source;

	if (!row->hash) {
		_cleanup_buffer_ struct buffer text = {0};
		int r = io_read_fd(fd, VENV_INFO_MAX, &text);

		return r < 0 ? r
			     : add_bytes(self, row->in_wheel, text.data ? text.data : "",
					 text.length, mode, true);
	}
	record_append(&self->record, row->in_wheel, row->hash, (uint64_t)st->st_size);
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	*source = (struct source){
		.venv = self->venv, .path = row->path, .size = (zip_uint64_t)st->st_size, .fd = -1};
	zip_source = zip_source_function(self->zip, source_callback, source);
	if (!zip_source)
		free(source);
	return add_entry(self, row->in_wheel, zip_source, mode);
}

static int add_row(struct writing *self, const struct venv_row *row)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	mode_t mode;
	int r;

	if (!row->in_wheel)
		return 0;
	fd = venv_open_file(self->venv, row->path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	mode = st.st_mode & 0111 ? 0755 : 0644;
	r = strstr(row->in_wheel, ".data/scripts/") ? add_script(self, row, fd, mode) : 1;
	return r == 1 ? add_file(self, row, fd, &st, mode) : r;
}

static int add_record(struct writing *self)
{
	_cleanup_free_ char *name = NULL;

	if (asprintf(&name, "%s/RECORD", self->dist->directory) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	record_append(&self->record, name, NULL, 0);
	if (buffer_status(&self->record) < 0)
		return -ENOMEM;
	return add_bytes(self, name, self->record.data, self->record.length, 0644, false);
}

int venv_wheel_write(const struct venv *venv, const struct venv_dist *dist, const char *path,
		     struct error *error)
{
	struct writing self = {.venv = venv, .dist = dist};
	int code, r = 0;

	self.zip = zip_open(path, ZIP_CREATE | ZIP_EXCL, &code);
	if (!self.zip)
		return error_set(error, -EIO, "%s cannot be written", path);
	for (size_t i = 0; r == 0 && i < dist->count; i++)
		r = add_row(&self, &dist->rows[i]);
	if (r == 0)
		r = add_record(&self);
	if (r == 0 && zip_close(self.zip) < 0) {
		r = error_set(error, -EIO, "the wheel of %s cannot be written: %s", dist->name,
			      zip_strerror(self.zip));
		zip_discard(self.zip);
	} else if (r < 0) {
		error_set_errno(error, r, "the wheel of %s cannot be written", dist->name);
		zip_discard(self.zip);
	}
	buffer_free(&self.record);
	return r;
}
