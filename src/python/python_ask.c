/* Asking an interpreter for what its own code knows best. */
#include "venvfs/python_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "python_internal.h"
#include "venvfs/cleanup.h"

#define TIMEOUT_MS  60000
#define FACTS_LIMIT (1u << 20)
#define TOML_LIMIT  (64u << 20)

/* Runs @script; *out is the JSON that it prints. */
static int ask(const struct interpreter *interpreter, const char *script,
	       const char *const *arguments, size_t limit, json_t **out, struct error *error)
{
	_cleanup_process_result_ struct process_result result = {0};
	_cleanup_free_ char *complaint = NULL;
	struct python_call call = {
		.executable = interpreter->executable,
		.script = script,
		.arguments = arguments,
		.timeout_ms = TIMEOUT_MS,
		.output_limit = limit,
	};
	int r = python_run(&call, &result);

	if (r < 0)
		return error_set_errno(error, r, "'%s' cannot be asked", interpreter->executable);
	if (result.status == 0 && result.out.length > 0)
		*out = json_loadb(result.out.data, result.out.length, JSON_REJECT_DUPLICATES, NULL);
	if (*out)
		return 0;
	complaint = python_complaint(result.status == 0 ? &result.out : &result.err);
	return complaint ? error_set(error, -EIO, "'%s' was asked and says: %s",
				     interpreter->executable, complaint)
			 : -ENOMEM;
}

int python_ask_facts(const struct interpreter *interpreter, json_t **out, struct error *error)
{
	const char *arguments[] = {interpreter->pip_wheel, NULL};

	*out = NULL;
	if (interpreter->pip_wheel)
		return ask(interpreter, python_facts_script, arguments, FACTS_LIMIT, out, error);
	error_set(error, -ENOENT, "there is no pip for '%s', which knows what wheels it takes",
		  interpreter->executable);
	error_hint(error, "install the package python3-pip-whl (Debian, Ubuntu) or "
			  "python-pip-wheel (Fedora)");
	return -ENOENT;
}

/* "Invalid value (at line 3, column 5)" */
static unsigned line_of(const char *message)
{
	const char *at = strstr(message, "(at line ");
	unsigned line = 0;

	if (at && sscanf(at, "(at line %u", &line) != 1)
		line = 0;
	return line;
}

int python_read_toml(const struct interpreter *interpreter, const char *path, json_t **out,
		     struct error *error)
{
	const char *wheel = interpreter->pip_wheel ? interpreter->pip_wheel : "";
	const char *arguments[] = {path, wheel, NULL}, *wrong;
	_cleanup_json_ json_t *answer = NULL;
	json_t *value;
	int r = ask(interpreter, python_toml_script, arguments, TOML_LIMIT, &answer, error);

	if (r < 0)
		return r;
	wrong = json_string_value(json_object_get(answer, "error"));
	value = json_object_get(answer, "value");
	if (!wrong && json_is_object(value)) {
		*out = json_incref(value);
		return 0;
	}
	error_set(error, -EINVAL, "%s", wrong ? wrong : "it holds no table");
	error_at(error, path, wrong ? line_of(wrong) : 0);
	return -EINVAL;
}
