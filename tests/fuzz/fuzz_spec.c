/*
 * Any bytes as a spec: libFuzzer's entry point over the parser, from memory. Beyond not crashing,
 * what spec.h promises must hold.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "venvfs/spec.h"

#include "../../src/spec/spec_internal.h"

static void require_valid(const struct spec *spec)
{
	require(spec->path && spec->text && spec->executable && spec->store);
	require(spec->store[0] == '/');
	require(strchr(spec->executable, '/') == NULL || spec->executable[0] == '/');
	for (size_t i = 0; i < spec->layer_count; i++) {
		require(spec->layers[i].name[0] != '\0' && spec->layers[i].path[0] == '/');
		require(i == 0 || spec->layers[i].line > spec->layers[i - 1].line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error_list errors = {0};
	struct spec *spec = NULL;
	int r;

	/* Not what the machine's user happens to have. */
	setenv("HOME", "/home/ann", 1);
	setenv("XDG_DATA_HOME", "/data", 1);
	r = spec_parse("/srv/specs/proj.cfg", (const char *)data, size, &spec, &errors);
	require(r == 0 || r == -EINVAL);
	require((r == 0) == (errors.count == 0));
	require((r == 0) == (spec != NULL));
	if (spec)
		require_valid(spec);
	for (size_t i = 0; i < errors.count; i++) {
		char *text = error_format(&errors.items[i]);

		require(errors.items[i].message && errors.items[i].line > 0);
		require(i == 0 || errors.items[i].line >= errors.items[i - 1].line);
		require(!strchr(errors.items[i].message, '\n') && text);
		free(text);
	}
	error_list_clear(&errors);
	spec_free(spec);
	return 0;
}
