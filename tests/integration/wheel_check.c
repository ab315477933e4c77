/*
 * What the wheel reader makes of wheels, for tests to compare with what others make of them.
 *
 *	wheel_check FILE...       one line each: the path, a tab, and "good" or why it is refused
 *	wheel_check --list FILE   all files: scheme, path, mode, size, time and sha256, with tabs
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/wheel.h"

static int ignore(void *context, const void *data, size_t length)
{
	(void)context;
	(void)data;
	(void)length;
	return 0;
}

static int check(const char *path)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_wheel_ struct wheel *wheel = NULL;
	int r = wheel_open(path, &wheel, &error);

	if (r == 0)
		r = wheel_verify(wheel, &error);
	printf("%s\t%s\n", path, r == 0 ? "good" : error.message ? error.message : strerror(-r));
	for (size_t i = 0; r == 0 && i < wheel->warnings.count; i++)
		printf("%s\twarning: %s\n", path, wheel->warnings.items[i]);
	return r;
}

static int list_file(struct wheel_reader *reader, const struct wheel_file *file,
		     struct error *error)
{
	uint8_t digest[RECORD_SHA256_SIZE];
	int r = wheel_reader_read(reader, file, ignore, NULL, digest, error);

	if (r != 0)
		return r;
	printf("%s\t%s\t%o\t%" PRIu64 "\t%" PRId64 "\t", wheel_scheme_name(file->scheme),
	       file->path, (unsigned)file->mode, file->size, file->mtime);
	for (int i = 0; i < RECORD_SHA256_SIZE; i++)
		printf("%02x", digest[i]);
	putchar('\n');
	return 0;
}

static int list(const char *path)
{
	_cleanup_wheel_reader_ struct wheel_reader *reader = NULL;
	_cleanup_wheel_ struct wheel *wheel = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = wheel_open(path, &wheel, &error);

	if (r == 0)
		r = wheel_reader_open(wheel, &reader, &error);
	for (size_t i = 0; r == 0 && i < wheel->count; i++)
		r = list_file(reader, &wheel->files[i], &error);
	for (size_t i = 0; r == 0 && i < wheel->entry_points.count; i++) {
		const struct entry_point *point = &wheel->entry_points.items[i];

		printf("entry point\t%s\t%s:%s\n", point->name, point->module, point->object);
	}
	if (r < 0)
		fprintf(stderr, "%s\n", error.message ? error.message : strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 3 && strcmp(argv[1], "--list") == 0)
		return list(argv[2]) != 0;
	for (int i = 1; i < argc; i++)
		failed += check(argv[i]) != 0;
	return failed != 0;
}
