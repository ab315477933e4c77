#include "store_pythons.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "venvfs/cleanup.h"
#include "venvfs/compile.h"
#include "venvfs/interpreter.h"

static int compile(const char *name, struct compile_order *order)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct interpreter *interpreter = NULL;
	int r = interpreter_probe(name, &interpreter, &error);

	if (r == 0) {
		order->executable = interpreter->executable;
		order->tag = interpreter->cache_tag;
		r = store_compile(order, &error);
	}
	if (r < 0)
		output_error(&error, r);
	interpreter_free(interpreter);
	return r;
}

int store_pythons_compile(const struct string_list *pythons, const char *path,
			  const struct store_job *jobs, size_t count)
{
	_cleanup_free_ const char **layers = calloc(count + 1, sizeof(*layers));
	struct compile_order order = {
		.store = path,
		.layers = layers,
		.timeout_ms = COMPILE_TIMEOUT_MS,
		.wait = true,
	};
	int status = EXIT_OK;

	if (!layers) {
		output_problem("%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		if (jobs[i].code == 0)
			layers[order.count++] = jobs[i].result.layer;
	for (size_t i = 0; i < pythons->count; i++)
		if (compile(pythons->items[i], &order) < 0)
			status = EXIT_FAILED;
	return status;
}
