/*
 * The layer of generated files: the table of generated.h, rendered for one environment.
 *
 * A file is rendered when it is first asked for, and then stays as it is, so that its size and its
 * bytes always agree. It is rendered anew only when the base interpreter was replaced.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/layer.h"

struct generated_file {
	const struct generated_entry *entry;
	char *path;
	bool hidden;		 /* until the next mount */
	struct content *content; /* NULL: not rendered yet */
	struct timespec rendered;
};

struct layer_generated {
	struct layer layer;
	struct generated_context context;
	struct interpreter *interpreter;
	pthread_mutex_t lock; /* protects all below, and renders; a leaf */
	pthread_cond_t resumed;
	bool suspended;
	struct timespec created;
	size_t count;
	struct generated_file *files;
};

static struct layer_generated *layer_generated_of(struct layer *layer)
{
	return (struct layer_generated *)layer;
}

/* A hidden directory is found all the same: it may have been renamed, and be asked for what is in
 * it. That it is core no longer lets the whiteout at its old name count. */
static struct generated_file *find(struct layer_generated *self, const char *path)
{
	for (size_t i = 0; i < self->count; i++) {
		struct generated_file *file = &self->files[i];

		if (strcmp(file->path, path) == 0)
			return file->hidden && !S_ISDIR(file->entry->mode) ? NULL : file;
	}
	return NULL;
}

/* Renders the file if need be. Waits while the interpreter is being replaced. */
static int ensure_rendered(struct layer_generated *self, struct generated_file *file)
{
	_cleanup_buffer_ struct buffer text = {0};
	size_t size;
	char *data;
	int r;

	while (self->suspended)
		pthread_cond_wait(&self->resumed, &self->lock);
	if (file->content)
		return 0;
	r = file->entry->render(&self->context, &text);
	if (r == 0)
		r = buffer_status(&text);
	if (r < 0)
		return r;
	size = text.length;
	data = buffer_take(&text);
	file->content = data ? content_from_memory(data, size) : NULL;
	return file->content ? 0 : -ENOMEM;
}

/* Attributes of @file, or of the root where it is NULL. With the lock held. */
static int attributes(struct layer_generated *self, struct generated_file *file, struct stat *out)
{
	bool directory = !file || S_ISDIR(file->entry->mode);
	struct timespec time = file ? file->rendered : self->created;
	int r;

	*out = (struct stat){
		.st_ino = file ? (ino_t)(file - self->files) + 2 : 1,
		.st_mode = file ? file->entry->mode : S_IFDIR | 0755,
		.st_nlink = 1,
		.st_uid = geteuid(),
		.st_gid = getegid(),
		.st_blksize = 4096,
	};
	if (!directory) {
		r = ensure_rendered(self, file);
		if (r < 0)
			return r;
		time = file->rendered;
		out->st_size = (off_t)file->content->size;
		out->st_blocks = (out->st_size + 511) / 512;
	}
	out->st_atim = out->st_mtim = out->st_ctim = time;
	return 0;
}

static int layer_generated_getattr(struct layer *layer, const char *path, struct stat *out)
{
	struct layer_generated *self = layer_generated_of(layer);
	struct generated_file *file = NULL;
	int r = 0;

	pthread_mutex_lock(&self->lock);
	if (path[0]) {
		file = find(self, path);
		if (!file)
			r = -ENOENT;
	}
	if (r == 0)
		r = attributes(self, file, out);
	pthread_mutex_unlock(&self->lock);
	return r;
}

/* Whether @path is an entry of @directory; its name there in *name. */
static bool is_child(const char *directory, const char *path, const char **name)
{
	size_t length = strlen(directory);

	if (length > 0 && (strncmp(path, directory, length) != 0 || path[length++] != '/'))
		return false;
	*name = path + length;
	return strchr(*name, '/') == NULL;
}

static int layer_generated_list(struct layer *layer, const char *path, layer_list_fn *fn, void *arg)
{
	struct layer_generated *self = layer_generated_of(layer);
	int r = 0;

	for (size_t i = 0; r == 0 && i < self->count; i++) {
		struct generated_file *file = &self->files[i];
		const char *name;
		bool hidden;

		if (!is_child(path, file->path, &name))
			continue;
		pthread_mutex_lock(&self->lock);
		hidden = file->hidden;
		pthread_mutex_unlock(&self->lock);
		/* Not under the lock: @fn may come back to this layer. */
		if (!hidden || S_ISDIR(file->entry->mode))
			r = fn(arg, name, file->entry->mode & S_IFMT);
	}
	return r;
}

static int layer_generated_open(struct layer *layer, const char *path, struct content **out)
{
	struct layer_generated *self = layer_generated_of(layer);
	struct generated_file *file;
	int r = -ENOENT;

	pthread_mutex_lock(&self->lock);
	file = find(self, path);
	if (file)
		r = S_ISDIR(file->entry->mode) ? -EISDIR : ensure_rendered(self, file);
	if (r == 0)
		*out = content_ref(file->content);
	pthread_mutex_unlock(&self->lock);
	return r;
}

static int layer_generated_readlink(struct layer *layer, const char *path, char *buffer,
				    size_t size)
{
	_cleanup_content_ struct content *target = NULL;
	int r = layer_generated_open(layer, path, &target);

	if (r < 0)
		return r;
	if (target->size >= size)
		return -ENAMETOOLONG;
	memcpy(buffer, target->data, target->size);
	buffer[target->size] = '\0';
	return 0;
}

static bool layer_generated_is_core(struct layer *layer, const char *path)
{
	struct layer_generated *self = layer_generated_of(layer);
	struct generated_file *file;
	bool core;

	pthread_mutex_lock(&self->lock);
	file = find(self, path);
	core = path[0] == '\0' || (file && !file->entry->removable && !file->hidden);
	pthread_mutex_unlock(&self->lock);
	return core;
}

static void layer_generated_hide(struct layer *layer, const char *path)
{
	struct layer_generated *self = layer_generated_of(layer);
	struct generated_file *file;

	pthread_mutex_lock(&self->lock);
	file = find(self, path);
	if (file)
		file->hidden = true;
	pthread_mutex_unlock(&self->lock);
}

static void layer_generated_free(struct layer *layer)
{
	struct layer_generated *self = layer_generated_of(layer);

	for (size_t i = 0; i < self->count; i++) {
		free(self->files[i].path);
		content_drop(self->files[i].content);
	}
	free(self->files);
	interpreter_free(self->interpreter);
	pthread_cond_destroy(&self->resumed);
	pthread_mutex_destroy(&self->lock);
	free(self);
}

static const struct layer_ops layer_generated_ops = {
	.getattr = layer_generated_getattr,
	.list = layer_generated_list,
	.readlink = layer_generated_readlink,
	.open = layer_generated_open,
	.is_core = layer_generated_is_core,
	.hide = layer_generated_hide,
	.free = layer_generated_free,
};

/* Fills in the rows of the table that this environment has. */
static int add_files(struct layer_generated *self)
{
	size_t rows = 0;

	while (generated_table[rows].path)
		rows++;
	self->files = calloc(rows + 1, sizeof(*self->files));
	if (!self->files)
		return -ENOMEM;
	for (size_t i = 0; i < rows; i++) {
		const struct generated_entry *entry = &generated_table[i];

		if (entry->present && !entry->present(&self->context))
			continue;
		self->files[self->count] = (struct generated_file){
			.entry = entry,
			.path = generated_path(entry, &self->context),
			.rendered = self->created,
		};
		if (!self->files[self->count++].path)
			return -ENOMEM;
	}
	return 0;
}

int layer_generated_new(const struct spec *spec, struct interpreter *interpreter,
			const char *mountpoint, const char *prompt, struct layer **out)
{
	struct layer_generated *self = calloc(1, sizeof(*self));

	if (!self) {
		interpreter_free(interpreter);
		return -ENOMEM;
	}
	*self = (struct layer_generated){
		.layer = {.ops = &layer_generated_ops,
			  .name = strdup("generated"),
			  .attach = strdup("")},
		.context = {.spec = spec,
			    .interpreter = interpreter,
			    .mountpoint = mountpoint,
			    .prompt = prompt},
		.interpreter = interpreter,
	};
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->resumed, NULL);
	clock_gettime(CLOCK_REALTIME, &self->created);
	if (!self->layer.name || !self->layer.attach || add_files(self) < 0) {
		layer_free(&self->layer);
		return -ENOMEM;
	}
	*out = &self->layer;
	return 0;
}

bool layer_generated_base_changed(struct layer *layer)
{
	struct layer_generated *self = layer_generated_of(layer);
	bool changed;

	pthread_mutex_lock(&self->lock);
	changed = interpreter_changed(self->interpreter) != 0;
	pthread_mutex_unlock(&self->lock);
	return changed;
}

void layer_generated_base_version(struct layer *layer, struct buffer *out)
{
	struct layer_generated *self = layer_generated_of(layer);

	pthread_mutex_lock(&self->lock);
	buffer_puts(out, self->interpreter->version);
	pthread_mutex_unlock(&self->lock);
}

void layer_generated_suspend(struct layer *layer)
{
	struct layer_generated *self = layer_generated_of(layer);

	pthread_mutex_lock(&self->lock);
	self->suspended = true;
	pthread_mutex_unlock(&self->lock);
}

void layer_generated_refresh(struct layer *layer, struct interpreter *interpreter)
{
	struct layer_generated *self = layer_generated_of(layer);

	pthread_mutex_lock(&self->lock);
	if (interpreter) {
		interpreter_free(self->interpreter);
		self->interpreter = interpreter;
		self->context.interpreter = interpreter;
		for (size_t i = 0; i < self->count; i++) {
			content_drop(TAKE_PTR(self->files[i].content));
			clock_gettime(CLOCK_REALTIME, &self->files[i].rendered);
		}
	}
	self->suspended = false;
	pthread_cond_broadcast(&self->resumed);
	pthread_mutex_unlock(&self->lock);
}
