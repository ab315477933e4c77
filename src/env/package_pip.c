#include "package_pip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/wheel_layer.h"

#define BIN "../../../bin/"

/* "pip\n", as pip's INSTALLER says, and its row; the digest is of these four bytes. */
#define INSTALLER     "pip\n"
#define INSTALLER_ROW "INSTALLER,sha256=zuuue4knoyJ-UwPPXg8fezS7VCrXJQrAP7zeNuwvFQg,4"

/* The end of @line after "@dist_info/", or NULL. */
static const char *name_within(const char *line, const char *dist_info)
{
	size_t length = strlen(dist_info);

	return strncmp(line, dist_info, length) == 0 && line[length] == '/' ? line + length + 1
									    : NULL;
}

static int correct_record(const struct interpreter *interpreter, const char *dist_info, bool own,
			  struct buffer *text, struct buffer *out)
{
	char *save = NULL;

	buffer_printf(out, BIN "pip,,\n" BIN "pip3,,\n" BIN "pip%d.%d,,\n", interpreter->major,
		      interpreter->minor);
	for (char *line = text->data ? strtok_r(text->data, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *name = name_within(line, dist_info);

		if (strncmp(line, BIN, strlen(BIN)) == 0)
			continue;
		if (own && name && strncmp(name, "INSTALLER,", 10) == 0)
			buffer_printf(out, "%s/" INSTALLER_ROW "\n", dist_info);
		else
			buffer_printf(out, "%s\n", line);
		if (own && name && strncmp(name, "RECORD,", 7) == 0)
			buffer_printf(out,
				      "%s/REQUESTED,"
				      "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n",
				      dist_info);
	}
	return buffer_status(out);
}

int package_pip_attach(struct layer *site, const struct interpreter *interpreter, bool own,
		       struct layer **out)
{
	_cleanup_buffer_ struct buffer text = {0}, record = {0};
	_cleanup_free_ char *dist_info = NULL, *path = NULL;
	struct layer_file files[] = {
		{.name = "RECORD"},
		{.name = "INSTALLER", .data = INSTALLER, .size = strlen(INSTALLER)},
		{.name = "REQUESTED", .data = "", .size = 0},
	};
	struct stat st;
	int r = wheel_layer_dist_info(site, &dist_info);

	if (r < 0)
		return r == -ENOENT ? -EUCLEAN : r;
	r = path_join(dist_info, "RECORD", &path);
	if (r == 0)
		r = layer_read_file(site, path, &text, &st);
	if (r == 0)
		r = correct_record(interpreter, dist_info, own, &text, &record);
	if (r < 0)
		return r;
	files[0].data = record.data;
	files[0].size = record.length;
	return layer_files_new(
		&(struct layer_files_place){
			.name = "pip", .attach = site->attach, .directory = dist_info, .like = &st},
		files, own ? 3 : 1, out);
}
