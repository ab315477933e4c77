#include "venvfs/pip.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "python_internal.h"
#include "venvfs/cleanup.h"

#define TIMEOUT_MS   (60 * 60 * 1000)
#define OUTPUT_LIMIT (1u << 20) /* the error comes last, after all that a compiler says */

/* The arguments as a JSON list, to be freed; NULL without memory, or for bytes that are no UTF-8.
 */
static char *encode(const char *const *arguments)
{
	_cleanup_json_ json_t *list = json_array();

	for (; *arguments; arguments++)
		if (json_array_append_new(list, json_string(*arguments)) < 0)
			return NULL;
	return json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII);
}

int pip_run(const struct interpreter *interpreter, const char *directory,
	    const char *const *arguments, struct error *error)
{
	_cleanup_process_result_ struct process_result result = {0};
	_cleanup_free_ char *list = encode(arguments);
	struct python_call call = {
		.executable = interpreter->executable,
		.script = python_pip_run_script,
		.directory = directory,
		.timeout_ms = TIMEOUT_MS,
		.output_limit = OUTPUT_LIMIT,
	};
	int r = pip_check(interpreter, error);

	if (r < 0)
		return r;
	if (!list)
		return error_set_errno(error, -ENOMEM, "pip cannot be run");
	call.arguments = (const char *const[]){interpreter->pip_wheel, list, NULL};
	r = python_run(&call, &result);
	if (r < 0)
		return error_set_errno(error, r, "pip cannot be run");
	if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0)
		return 0;
	return pip_explain(result.err.data ? result.err.data : "", -EIO, error);
}
