/* What a lock is made from, and its digest, which is the same wherever the spec is checked out. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lock_internal.h"
#include "pylock.h"
#include "store/digest.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

/* Is part of the inputs: another one makes all locks out of date. */
#define INPUTS_FORMAT "venvfs lock 2"

static int add_file(struct buffer *out, const char *path)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = io_read_file(AT_FDCWD, path, REQUIREMENTS_FILE_MAX, &text);

	if (r < 0)
		return r;
	buffer_printf(out, "%s %zu\n", path_basename(path), text.length);
	buffer_append(out, text.data ? text.data : "", text.length);
	buffer_putc(out, '\n');
	return 0;
}

/*
 * All that decides what the requirements come to. Of the Python, the version without the patch
 * level, and the ABI: what wheels are for. Places as the spec has them, which count from it.
 */
static int digest_inputs(const struct spec *spec, const struct interpreter *interpreter,
			 const struct requirements *requirements, char **out)
{
	_cleanup_buffer_ struct buffer text = {0};
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	int r = 0;

	buffer_printf(&text, INPUTS_FORMAT "\npython %s %d.%d %s\n", interpreter->implementation,
		      interpreter->major, interpreter->minor,
		      interpreter->soabi ? interpreter->soabi : "");
	for (size_t i = 0; i < spec->find_links_written.count; i++)
		buffer_printf(&text, "find-links %s\n", spec->find_links_written.items[i]);
	if (!requirements)
		r = add_file(&text, spec->requirements);
	for (size_t i = 0; requirements && r == 0 && i < requirements->files.count; i++)
		r = add_file(&text, requirements->files.items[i]);
	if (r == 0)
		r = buffer_status(&text);
	if (r == 0)
		r = digest_bytes(text.data, text.length, digest);
	if (r < 0)
		return r;
	digest_to_hex(digest, hex);
	*out = strdup(hex);
	return *out ? 0 : -ENOMEM;
}

int lock_inputs_load(const struct spec *spec, struct requirements **out, struct error_list *errors)
{
	size_t before = errors->count;
	int r = requirements_load(spec->requirements, out, errors);

	for (size_t i = before; i < errors->count; i++) {
		struct error *error = &errors->items[i];

		if (error->line == 0 && error->file && strcmp(error->file, spec->requirements) == 0)
			error_at(error, spec->path, spec->requirements_line);
	}
	return r;
}

int lock_inputs_read(const struct spec *spec, const struct interpreter *interpreter,
		     struct lock_inputs *out, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = 0;

	*out = (struct lock_inputs){0};
	if (!pylock_is_name(path_basename(spec->requirements)))
		r = lock_inputs_load(spec, &out->requirements, errors);
	if (r < 0)
		return r;
	r = digest_inputs(spec, interpreter, out->requirements, &out->digest);
	if (r < 0) {
		error_set_errno(&error, r, "%s cannot be read", spec->requirements);
		error_at(&error, spec->path, spec->requirements_line);
	}
	return error_list_take(errors, &error, r);
}

void lock_inputs_clear(struct lock_inputs *inputs)
{
	requirements_free(inputs->requirements);
	free(inputs->digest);
	*inputs = (struct lock_inputs){0};
}
