/*
 * Importing a wheel: from the file that a user names to a layer that nobody can change.
 *
 * The wheel is copied first, to a file without a name, and everything is read from that copy. So
 * whoever may still write to the original, or swaps it, changes nothing of what was checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "elf.h"
#include "publish.h"
#include "venvfs/cleanup.h"
#include "venvfs/generated.h"
#include "venvfs/image_writer.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/store.h"
#include "venvfs/wheel.h"
#include "venvfs/wheel_layer.h"

/* Larger files, and shared libraries of any size, lie beside the image. */
#define IN_IMAGE_MAX 65535

/* Scripts are read whole, to look at their first line. */
#define SCRIPT_MAX (1u << 20)

/* The times of what the wheel does not have itself. */
#define FIXED_TIME WHEEL_LAYER_TIME

#define INSTALLER "venvfs\n"

struct import {
	const struct wheel *wheel;
	struct wheel_reader *reader;
	struct image_writer *writer;
	struct scratch scratch;
	struct buffer record; /* rows of the new RECORD */
	struct error *error;
};

/* Bytes. */

static int append_bytes(void *context, const void *data, size_t length)
{
	struct buffer *out = context;

	buffer_append(out, data, length);
	return buffer_status(out);
}

static int write_bytes(void *context, const void *data, size_t length)
{
	return io_write_all(*(int *)context, data, length);
}

static int read_whole(struct import *import, const struct wheel_file *file, struct buffer *out)
{
	return wheel_reader_read(import->reader, file, append_bytes, out, NULL, import->error);
}

/* Whether the library @fd is a plugin of Qt: it has what Qt reads before it loads one. */
static bool is_qt_plugin(int fd)
{
	static const char *const sections[] = {".qtmetadata", ".note.qt.metadata"};

	return elf_has_section(fd, sections, sizeof(sections) / sizeof(sections[0]));
}

static int add_external(struct import *import, const struct wheel_file *file, const char *path)
{
	/* Who sees the file through a link sees the time that the image tells everybody else. */
	const struct timespec time = {.tv_sec = (time_t)file->mtime};
	_cleanup_close_ int fd = publish_create_file(import->scratch.fd, path, file->mode);
	uint8_t digest[RECORD_SHA256_SIZE];
	int r;

	if (fd < 0)
		return fd;
	r = wheel_reader_read(import->reader, file, write_bytes, &fd, digest, import->error);
	if (r == 0 && futimens(fd, (const struct timespec[]){time, time}) < 0)
		r = -errno;
	if (r == 0 && path_is_shared_library(path) && is_qt_plugin(fd))
		image_writer_mark_qt_plugins(import->writer);
	if (r == 0)
		r = image_writer_add_external(import->writer, path, file->mode, file->mtime,
					      file->size, digest);
	return r;
}

static int add_internal(struct import *import, const struct wheel_file *file, const char *path)
{
	_cleanup_buffer_ struct buffer bytes = {0};
	int r = read_whole(import, file, &bytes);

	if (r == 0)
		r = image_writer_add_file(import->writer, path, file->mode, file->mtime, bytes.data,
					  bytes.length);
	return r;
}

/* Files. */

static bool is_external(const struct wheel_file *file, const char *path)
{
	return file->size > IN_IMAGE_MAX || path_is_shared_library(path);
}

static int add_file(struct import *import, const struct wheel_file *file, const char *part)
{
	_cleanup_free_ char *path = NULL;
	int r = path_join(part, file->path, &path);

	if (r < 0)
		return r;
	return is_external(file, path) ? add_external(import, file, path)
				       : add_internal(import, file, path);
}

/* A script loses the first line that stands for the interpreter: it is put there when it is read.
 */
static int add_script(struct import *import, const struct wheel_file *file)
{
	_cleanup_buffer_ struct buffer bytes = {0};
	_cleanup_free_ char *path = NULL;
	size_t head;
	int r;

	if (file->size > SCRIPT_MAX)
		return add_file(import, file, WHEEL_PART_BIN);
	r = read_whole(import, file, &bytes);
	if (r < 0)
		return r;
	head = bytes.length > 0 ? wheel_script_head(bytes.data, bytes.length) : 0;
	/* What lies beside the image is read again, for its digest. */
	if (head == 0 && is_external(file, file->path))
		return add_file(import, file, WHEEL_PART_BIN);
	r = path_join(head > 0 ? WHEEL_PART_SCRIPTS : WHEEL_PART_BIN, file->path, &path);
	if (r < 0)
		return r;
	if (head == 0)
		return image_writer_add_file(import->writer, path, file->mode, file->mtime,
					     bytes.data, bytes.length);
	return image_writer_add_file(import->writer, path, 0755, file->mtime, bytes.data + head,
				     bytes.length - head);
}

/* RECORD counts from site-packages; everything else is three directories above. */
#define ABOVE_SITE_PACKAGES "../../../"

static int note_file(struct import *import, const struct wheel_file *file)
{
	_cleanup_buffer_ struct buffer path = {0};
	bool script = file->scheme == WHEEL_SCRIPTS;

	if (script || file->scheme == WHEEL_DATA)
		buffer_printf(&path, ABOVE_SITE_PACKAGES "%s", script ? "bin/" : "");
	buffer_puts(&path, file->path);
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	/* A script's bytes depend on where it is shown. */
	record_append(&import->record, path.data, script ? NULL : file->hash, file->size);
	return 0;
}

static int import_file(struct import *import, const struct wheel_file *file)
{
	static const char *const parts[WHEEL_SCHEME_COUNT] = {
		[WHEEL_PURELIB] = WHEEL_PART_SITE,
		[WHEEL_PLATLIB] = WHEEL_PART_SITE,
		[WHEEL_DATA] = WHEEL_PART_DATA,
		[WHEEL_HEADERS] = WHEEL_PART_HEADERS,
	};
	int r = file->scheme == WHEEL_SCRIPTS ? add_script(import, file)
					      : add_file(import, file, parts[file->scheme]);

	/* Where headers go depends on the Python; no tool looks for them in RECORD. */
	if (r == 0 && file->scheme != WHEEL_HEADERS)
		r = note_file(import, file);
	if (r < 0 && (!import->error || !import->error->message))
		error_set_errno(import->error, r, "%s of %s", file->source,
				import->wheel->name.name);
	return r;
}

/* What the installer adds. */

static int add_entry_point(struct import *import, const struct entry_point *point)
{
	_cleanup_buffer_ struct buffer script = {0}, row = {0};
	_cleanup_free_ char *path = NULL;
	int r = path_join(WHEEL_PART_SCRIPTS, point->name, &path);

	if (r < 0)
		return r;
	generated_script_body(&script, point->module, point->object);
	buffer_printf(&row, ABOVE_SITE_PACKAGES "bin/%s", point->name);
	if (buffer_status(&script) < 0 || buffer_status(&row) < 0)
		return -ENOMEM;
	record_append(&import->record, row.data, NULL, 0);
	return image_writer_add_file(import->writer, path, 0755, FIXED_TIME, script.data,
				     script.length);
}

static int add_dist_info(struct import *import, const char *name, const char *data, size_t size)
{
	_cleanup_buffer_ struct buffer path = {0};

	buffer_printf(&path, WHEEL_PART_SITE "/%s/%s", import->wheel->dist_info, name);
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	return image_writer_add_file(import->writer, path.data, 0644, FIXED_TIME, data, size);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows in order, as pip writes them. */
static int sort_record(struct buffer *record)
{
	_cleanup_buffer_ struct buffer sorted = {0};
	_cleanup_free_ char **lines = NULL;
	size_t count = 0, i = 0;
	char *save = NULL;

	for (size_t k = 0; k < record->length; k++)
		count += record->data[k] == '\n';
	lines = calloc(count + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (char *line = strtok_r(record->data, "\n", &save); line && i < count;
	     line = strtok_r(NULL, "\n", &save))
		lines[i++] = line;
	qsort(lines, i, sizeof(*lines), by_bytes);
	for (size_t k = 0; k < i; k++)
		buffer_printf(&sorted, "%s\n", lines[k]);
	if (buffer_status(&sorted) < 0)
		return -ENOMEM;
	buffer_free(record);
	*record = sorted;
	sorted = (struct buffer){0};
	return 0;
}

static int add_records(struct import *import)
{
	_cleanup_buffer_ struct buffer path = {0};
	uint8_t digest[DIGEST_SIZE];
	char hash[RECORD_HASH_SIZE];
	size_t base;
	int r = digest_bytes(INSTALLER, strlen(INSTALLER), digest);

	if (r < 0)
		return r;
	record_format_sha256(digest, hash);
	buffer_printf(&path, "%s/", import->wheel->dist_info);
	base = path.length;
	buffer_puts(&path, "INSTALLER");
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	record_append(&import->record, path.data, hash, strlen(INSTALLER));
	path.length = base;
	buffer_puts(&path, "RECORD");
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	record_append(&import->record, path.data, NULL, 0);
	r = buffer_status(&import->record);
	if (r == 0)
		r = sort_record(&import->record);
	if (r == 0)
		r = add_dist_info(import, "INSTALLER", INSTALLER, strlen(INSTALLER));
	if (r == 0)
		r = add_dist_info(import, "RECORD", import->record.data, import->record.length);
	return r;
}

/* The whole. */

static int fill(struct import *import, char digest[STORE_DIGEST_SIZE])
{
	const struct wheel *wheel = import->wheel;
	uint8_t image[IMAGE_WRITER_DIGEST_SIZE];
	int r = image_writer_new(import->scratch.fd, FIXED_TIME, &import->writer);

	if (r == 0)
		r = wheel_reader_open(wheel, &import->reader, import->error);
	for (size_t i = 0; r == 0 && i < wheel->count; i++)
		r = import_file(import, &wheel->files[i]);
	for (size_t i = 0; r == 0 && i < wheel->entry_points.count; i++)
		r = add_entry_point(import, &wheel->entry_points.items[i]);
	if (r == 0)
		r = add_records(import);
	if (r == 0)
		r = image_writer_finish(import->writer, image);
	if (r == 0)
		digest_to_hex(image, digest);
	else if (!import->error || !import->error->message)
		error_set_errno(import->error, r, "%s cannot be imported", wheel->name.name);
	return r;
}

int store_build_layer(const struct store *store, const struct wheel *wheel, struct scratch *out,
		      char digest[STORE_DIGEST_SIZE], struct error *error)
{
	struct import import = {.wheel = wheel, .error = error};
	int r = scratch_new(store->scratch, &import.scratch);

	if (r < 0)
		return error_set_errno(error, r, "%s cannot be written to", store->path);
	r = fill(&import, digest);
	image_writer_free(import.writer);
	wheel_reader_free(import.reader);
	buffer_free(&import.record);
	if (r == 0) {
		*out = import.scratch;
		return 0;
	}
	(void)io_remove_tree(store->scratch, import.scratch.name);
	close(import.scratch.fd);
	return r;
}

/* A file without a name. Network file systems know none; it need not be in the store. */
static int create_unnamed(const struct store *store)
{
	int fd = openat(store->scratch, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOSYS ||
		       errno == EINVAL))
		fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
		fd = memfd_create("wheel", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A private copy of the wheel, without a name, and its digest. */
static int copy_wheel(const struct store *store, int from, char digest[STORE_DIGEST_SIZE])
{
	_cleanup_close_ int to = create_unnamed(store);
	uint8_t bytes[DIGEST_SIZE];
	int r = to < 0 ? to : io_copy(from, to, INT64_MAX);

	if (r == 0)
		r = digest_fd(to, bytes);
	if (r < 0)
		return r;
	digest_to_hex(bytes, digest);
	return TAKE_FD(to);
}

/* Finds the layer of the wheel @file in the store; not through a link whose layer is gone. */
static int find_file(const struct store *store, const char *file, struct store_import *out)
{
	int r = store_find_link(store, file, out->wheel, out->layer);

	if (r == 0 && faccessat(store->layers, out->layer, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -ENOENT;
	return r;
}

struct search {
	const struct store *store;
	const char *wheel;
	char *layer;
	bool found;
};

static int match_wheel(void *arg, const struct store_wheel *wheel)
{
	struct search *search = arg;

	if (strcmp(wheel->wheel, search->wheel) != 0 ||
	    faccessat(search->store->layers, wheel->layer, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	memcpy(search->layer, wheel->layer, STORE_DIGEST_SIZE);
	search->found = true;
	return 1;
}

int store_find_wheel(const struct store *store, const char *wheel, char layer[STORE_DIGEST_SIZE])
{
	struct search search = {.store = store, .wheel = wheel, .layer = layer};
	int r = store_each_wheel(store, match_wheel, &search);

	return r < 0 ? r : search.found ? 0 : -ENOENT;
}

static int open_original(const char *path, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EINVAL, "%s is not a file", path);
	return TAKE_FD(fd);
}

int store_copy_wheel(const struct store *store, const char *path, char digest[STORE_DIGEST_SIZE],
		     struct error *error)
{
	_cleanup_close_ int original = open_original(path, error);
	int copy = original < 0 ? original : copy_wheel(store, original, digest);

	return original >= 0 && copy < 0 ? error_set_errno(error, copy,
							   "%s cannot be copied to %s", path,
							   store->path)
					 : copy;
}

/* Whether the wheel is there already: 0 or -ENOENT. What cannot be read in the store above is
 * imported here. */
static int find(const struct store *store, const char *file, struct store_import *out)
{
	int r = find_file(store, file, out);

	if (r == -ENOENT && store->above && find_file(store->above, file, out) == 0) {
		out->above = true;
		r = 0;
	}
	out->existed = r == 0;
	return r;
}

int store_import_begin(const struct store *store, const char *path, struct store_import *out,
		       struct publication *ready, struct error *error)
{
	_cleanup_wheel_ struct wheel *wheel = NULL;
	const char *file = path_basename(path);
	int copy, r;

	*out = (struct store_import){0};
	copy = store_copy_wheel(store, path, out->wheel, error);
	if (copy < 0)
		return copy;
	/* Under another name it may be another wheel, or none: that is for wheel_open_fd(). */
	r = find(store, file, out);
	if (r != -ENOENT) {
		close(copy);
		return r < 0 ? error_set_errno(error, r, "%s", store->path) : 0;
	}
	*ready = (struct publication){
		.layer = out->layer, .file = file, .wheel = out->wheel, .error = error};
	r = wheel_open_fd(copy, file, &wheel, error);
	if (r == 0)
		r = store_build_layer(store, wheel, &ready->scratch, out->layer, error);
	if (r < 0 && error && !error->file)
		error_at(error, path, 0);
	if (r < 0)
		return r;
	out->warnings = wheel->warnings;
	out->size = wheel->size;
	wheel->warnings = (struct string_list){0};
	return 1;
}

int store_import_end(const char *path, struct store_import *out, const struct publication *done)
{
	out->existed = done->existed;
	if (done->code == 0)
		return 0;
	string_list_clear(&out->warnings);
	if (done->error && !done->error->file)
		error_at(done->error, path, 0);
	return done->code;
}

int store_import(const struct store *store, const char *path, struct store_import *out,
		 struct error *error)
{
	struct publication ready;
	int r = store_import_begin(store, path, out, &ready, error);

	if (r <= 0)
		return r;
	store_publish(store, &ready, 1);
	return store_import_end(path, out, &ready);
}

void store_import_clear(struct store_import *import)
{
	string_list_clear(&import->warnings);
	*import = (struct store_import){0};
}
