#include "compile_layer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "publish.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/wheel_layer.h"

/* What people write is smaller, and what programs write is data. */
#define SOURCE_MAX (UINT64_C(16) << 20)

#define SITE  WHEEL_PART_SITE "/"
#define CACHE "__pycache__"

/* Where the bytecode of "d/mod.py" is: "d/__pycache__/mod.cpython-311.pyc" (PEP 3147); to be freed,
 * NULL without memory. */
static char *bytecode_path(const char *source, const char *tag)
{
	const char *name = path_basename(source);
	_cleanup_buffer_ struct buffer path = {0};

	buffer_printf(&path, "%.*s" CACHE "/%.*s.%s.pyc", (int)(name - source), source,
		      (int)(strlen(name) - strlen(".py")), name, tag);
	return buffer_take(&path);
}

/* Whether a part of the path is @name. */
static bool has_part(const char *path, const char *name)
{
	size_t length = strlen(name);

	for (; path; path = strchr(path, '/') ? strchr(path, '/') + 1 : NULL)
		if (strncmp(path, name, length) == 0 && (path[length] == '/' || !path[length]))
			return true;
	return false;
}

/* Whether the wheel has put something where the bytecode would be, or above it. */
static int is_taken(struct layer *files, const char *path)
{
	struct stat st;
	int r = files->ops->getattr(files, path, &st);

	return r == -ENOENT ? 0 : r == 0 || r == -ENOTDIR ? 1 : r;
}

static bool is_source(const char *path, const struct stat *st)
{
	const char *name = path_basename(path);
	size_t length = strlen(name);

	return S_ISREG(st->st_mode) && (uint64_t)st->st_size <= SOURCE_MAX &&
	       strncmp(path, SITE, strlen(SITE)) == 0 && length > strlen(".py") &&
	       strcmp(name + length - strlen(".py"), ".py") == 0 && !has_part(path, CACHE);
}

static int note_source(void *arg, const char *path, const struct stat *st, const uint8_t *digest)
{
	struct compile_layer *layer = arg;
	_cleanup_free_ char *pyc = NULL;
	struct compile_source *sources;
	int r;

	(void)digest;
	if (!is_source(path, st))
		return 0;
	pyc = bytecode_path(path, layer->tag);
	if (!pyc)
		return -ENOMEM;
	r = strlen(path_basename(pyc)) > NAME_MAX ? 1 : is_taken(layer->files, pyc);
	if (r != 0)
		return r < 0 ? r : 0;
	sources = reallocarray(layer->sources, layer->count + 1, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	layer->sources = sources;
	sources[layer->count] = (struct compile_source){
		.path = strdup(path),
		.mtime = st->st_mtim.tv_sec,
		.size = (uint64_t)st->st_size,
	};
	return sources[layer->count].path ? (layer->count++, 0) : -ENOMEM;
}

static int find_sources(struct compile_layer *layer, struct error *error)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_close_ int fd = store_open_layer(layer->store, layer->digest, NULL);
	int r = fd < 0 ? fd : layer_image_open(fd, layer->digest, &image, error);

	if (r == 0)
		r = layer_image_attach(image, "", "", &layer->files);
	return r < 0 ? r : layer_image_each(image, note_source, layer);
}

int compile_layer_open(const struct store *store, const char *digest, const char *tag,
		       struct compile_layer **out, struct error *error)
{
	struct compile_layer *layer = malloc(sizeof(*layer));
	int r;

	if (!layer)
		return -ENOMEM;
	*layer = (struct compile_layer){.store = store, .tag = tag, .scratch = {.fd = -1}};
	memcpy(layer->digest, digest, STORE_DIGEST_SIZE);
	r = find_sources(layer, error);
	if (r == 0)
		r = scratch_new(store->scratch, &layer->scratch);
	if (r == 0)
		r = image_writer_new(layer->scratch.fd, WHEEL_LAYER_TIME, &layer->writer);
	if (r < 0) {
		compile_layer_free(layer);
		return r;
	}
	*out = layer;
	return 0;
}

void compile_layer_free(struct compile_layer *layer)
{
	if (!layer)
		return;
	image_writer_free(layer->writer);
	if (layer->scratch.fd >= 0) {
		(void)io_remove_tree(layer->store->scratch, layer->scratch.name);
		close(layer->scratch.fd);
	}
	for (size_t i = 0; i < layer->count; i++)
		free(layer->sources[i].path);
	free(layer->sources);
	layer_free(layer->files);
	free(layer);
}

int compile_layer_read(struct compile_layer *layer, const struct compile_source *source,
		       struct buffer *out)
{
	_cleanup_content_ struct content *content = NULL;
	_cleanup_free_ char *bytes = malloc(source->size + 1);
	int r = bytes ? layer->files->ops->open(layer->files, source->path, &content) : -ENOMEM;
	ssize_t n;

	if (r < 0)
		return r;
	n = content_read(content, bytes, source->size, 0);
	if (n != (ssize_t)source->size)
		return n < 0 ? (int)n : -EIO;
	buffer_append(out, bytes, source->size);
	return buffer_status(out);
}

int compile_layer_write(const struct compile_layer *layer, const struct compile_source *source,
			const struct buffer *pyc, uint8_t digest[IMAGE_WRITER_DIGEST_SIZE])
{
	_cleanup_free_ char *path = bytecode_path(source->path, layer->tag);
	const struct timespec times[2] = {{.tv_sec = source->mtime}, {.tv_sec = source->mtime}};
	_cleanup_close_ int fd = -1;
	int r = path ? digest_bytes(pyc->data, pyc->length, digest) : -ENOMEM;

	if (r < 0)
		return r;
	fd = publish_create_file(layer->scratch.fd, path, 0444);
	if (fd < 0)
		return fd;
	r = io_write_all(fd, pyc->data, pyc->length);
	return r == 0 && futimens(fd, times) < 0 ? -errno : r;
}

int compile_layer_add(struct compile_layer *layer, const struct compile_source *source, size_t size,
		      const uint8_t digest[IMAGE_WRITER_DIGEST_SIZE])
{
	_cleanup_free_ char *path = bytecode_path(source->path, layer->tag);

	return path ? image_writer_add_external(layer->writer, path, 0444, source->mtime, size,
						digest)
		    : -ENOMEM;
}

int compile_layer_finish(struct compile_layer *layer)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	int r = image_writer_finish(layer->writer, digest);

	image_writer_free(TAKE_PTR(layer->writer));
	return r;
}

struct scratch compile_layer_take(struct compile_layer *layer)
{
	struct scratch scratch = layer->scratch;

	layer->scratch.fd = -1;
	return scratch;
}
