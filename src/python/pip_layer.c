/* pip, unpacked once for each wheel and kind of interpreter. */
#include "python_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/scratch.h"

#define ROOM "pip"

/* Counts up when pip_unpack.py makes something else of the same wheel. */
#define FORMAT 1

/* Compiling takes 3 s of one processor; slow disks and loaded hosts are given time. */
#define UNPACK_TIMEOUT_MS 180000

/* A layer that is wanted. */
struct pip_layer {
	const struct interpreter *interpreter;
	char *room_path;
	int room;
	char *name; /* in the room: "pip-23.0.1-cpython-311-" and the hash of what it is made of */
};

#define _cleanup_pip_layer_ __attribute__((cleanup(pip_layer_clear)))

static void pip_layer_clear(struct pip_layer *layer)
{
	cleanup_close(&layer->room);
	free(layer->room_path);
	free(layer->name);
}

/* Free-threaded builds have a directory of their own: lib/python3.13t (CPython's sysconfig). */
static int explain_no_wheel(const struct interpreter *interpreter, struct error *error)
{
	int r = error_set(error, -ENOENT,
			  "there is no pip for '%s': it has none of its own "
			  "(ensurepip), and the distribution's is not installed",
			  interpreter->executable);

	error_hint(error, "install the package python3-pip-whl (Debian, Ubuntu) or "
			  "python-pip-wheel (Fedora), or set 'pip = no' under [packages]");
	return r;
}

/* Names the layer after the wheel's version, and everything that would make another layer of it. */
static int name_layer(struct pip_layer *layer, struct error *error)
{
	const struct interpreter *interpreter = layer->interpreter;
	const char *wheel = interpreter->pip_wheel;
	_cleanup_free_ char *version = pip_wheel_version(path_basename(wheel));
	_cleanup_free_ char *site_packages = interpreter_site_packages(interpreter);
	uint64_t hash = HASH_SEED;
	struct stat st;

	if (stat(wheel, &st) < 0)
		return error_set_errno(error, -errno, "cannot read the pip wheel '%s'", wheel);
	if (!version || !site_packages)
		return -ENOMEM;
	hash = hash_bytes(&(int){FORMAT}, sizeof(int), hash);
	hash = hash_bytes(wheel, strlen(wheel) + 1, hash);
	hash = hash_bytes(&st.st_size, sizeof(st.st_size), hash);
	hash = hash_bytes(&st.st_mtim.tv_sec, sizeof(st.st_mtim.tv_sec), hash);
	hash = hash_bytes(&st.st_mtim.tv_nsec, sizeof(st.st_mtim.tv_nsec), hash);
	hash = hash_bytes(site_packages, strlen(site_packages), hash);
	if (asprintf(&layer->name, "pip-%s-%s-%016llx", version, interpreter->cache_tag,
		     (unsigned long long)hash) < 0) {
		layer->name = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* 1 when the layer is there, which it is as a whole or not at all; 0 when it is not. */
static int layer_exists(const struct pip_layer *layer, struct error *error)
{
	struct stat st;

	if (fstatat(layer->room, layer->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : error_set_errno(error, -errno, "cannot use '%s/%s'",
							 layer->room_path, layer->name);
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return 1;
	error_hint(error, "remove it");
	return error_set(error, -EPERM, "'%s/%s' is not a directory of ours alone",
			 layer->room_path, layer->name);
}

/* Has the interpreter unpack and compile its wheel into @directory. */
static int unpack(const struct interpreter *interpreter, const char *directory, struct error *error)
{
	_cleanup_process_result_ struct process_result result = {0};
	_cleanup_free_ char *site_packages = interpreter_site_packages(interpreter);
	_cleanup_free_ char *complaint = NULL;
	const char *arguments[] = {interpreter->pip_wheel, directory, site_packages, NULL};
	struct python_call call = {
		.executable = interpreter->executable,
		.script = python_pip_unpack_script,
		.arguments = arguments,
		.timeout_ms = UNPACK_TIMEOUT_MS,
	};
	int r;

	if (!site_packages)
		return -ENOMEM;
	r = python_run(&call, &result);
	if (r < 0)
		return error_set_errno(error, r, "'%s' could not unpack the pip wheel '%s'",
				       interpreter->executable, interpreter->pip_wheel);
	if (result.status == 0)
		return 0;
	complaint = python_complaint(&result.err);
	if (!complaint)
		return -ENOMEM;
	return error_set(error, -EIO, "the pip wheel '%s' can't be unpacked: %s",
			 interpreter->pip_wheel, complaint);
}

/* Makes what is in the scratch directory durable, and then the layer. That another process has made
 * it in the meantime is just as good. */
static int publish(const struct pip_layer *layer, const struct scratch *scratch,
		   struct error *error)
{
	/* One call for a thousand files. */
	if (fchmod(scratch->fd, 0755) < 0 || syncfs(scratch->fd) < 0)
		return error_set_errno(error, -errno, "cannot write '%s'", layer->room_path);
	if (renameat(layer->room, scratch->name, layer->room, layer->name) < 0) {
		int code = -errno;

		if (code == -EEXIST || code == -ENOTEMPTY)
			return layer_exists(layer, error) == 1 ? 0 : code;
		return error_set_errno(error, code, "cannot write '%s/%s'", layer->room_path,
				       layer->name);
	}
	return fsync(layer->room) < 0 ? -errno : 0;
}

static int make_layer(const struct pip_layer *layer, struct error *error)
{
	_cleanup_free_ char *directory = NULL;
	struct scratch scratch;
	int r;

	scratch_clean(layer->room);
	r = scratch_new(layer->room, &scratch);
	if (r < 0)
		return error_set_errno(error, r, "cannot write to '%s'", layer->room_path);
	r = path_join(layer->room_path, scratch.name, &directory);
	if (r == 0)
		r = unpack(layer->interpreter, directory, error);
	if (r == 0)
		r = publish(layer, &scratch, error);
	/* Nothing is left of that name when it became the layer. */
	(void)io_remove_tree(layer->room, scratch.name);
	close(scratch.fd);
	return r;
}

int pip_layer_ensure(const struct interpreter *interpreter, char **out, struct error *error)
{
	_cleanup_pip_layer_ struct pip_layer layer = {.interpreter = interpreter, .room = -1};
	int r;

	if (!interpreter->pip_wheel)
		return explain_no_wheel(interpreter, error);
	r = name_layer(&layer, error);
	if (r < 0)
		return r;
	layer.room = cache_room_open(ROOM, &layer.room_path, error);
	if (layer.room < 0)
		return layer.room;
	r = layer_exists(&layer, error);
	if (r == 0)
		r = make_layer(&layer, error);
	if (r < 0)
		return r;
	return path_join(layer.room_path, layer.name, out);
}
