/*
 * Any bytes as a wheel: what is taken for good can be read whole, and leads nowhere else than below
 * the directories of its schemes.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/wheel.h"

static int count_bytes(void *context, const void *data, size_t length)
{
	(void)data;
	*(uint64_t *)context += length;
	return 0;
}

/* Relative, and no part of it is empty, "." or "..". */
static void require_path(const char *path)
{
	require(path[0] != '\0');
	for (const char *part = path; part;) {
		size_t length = strcspn(part, "/");

		require(length > 0 && length <= 255);
		require(!(part[0] == '.' && length == 1));
		require(!(part[0] == '.' && part[1] == '.' && length == 2));
		part = part[length] ? part + length + 1 : NULL;
	}
}

static void require_files(const struct wheel *wheel)
{
	_cleanup_wheel_reader_ struct wheel_reader *reader = NULL;

	if (wheel_reader_open(wheel, &reader, NULL) < 0)
		return;
	for (size_t i = 0; i < wheel->count; i++) {
		const struct wheel_file *file = &wheel->files[i];
		_cleanup_error_ struct error error = ERROR_INIT;
		uint64_t size = 0;
		int r;

		require_path(file->path);
		require(file->mode == 0644 || file->mode == 0755);
		require(wheel_scheme_name(file->scheme) != NULL);
		r = wheel_reader_read(reader, file, count_bytes, &size, NULL, &error);
		require(size <= file->size && (r != 0 || size == file->size));
		require_answer(r, -EBADMSG, &error);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_wheel_ struct wheel *wheel = NULL;
	int fd = memfd_create("wheel", MFD_CLOEXEC), r;

	require(fd >= 0 && io_write_all(fd, data, size) == 0);
	r = wheel_open_fd(fd, "demo-1.0-py3-none-any.whl", &wheel, &error);
	require_answer(r, -EBADMSG, &error);
	require((r == 0) == (wheel != NULL));
	if (wheel)
		require_files(wheel);
	return 0;
}
