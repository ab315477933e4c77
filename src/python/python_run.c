#include "python_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

#define OUTPUT_LIMIT   (64 * 1024)
#define COMPLAINT_MAX  200
#define ARGUMENTS_MAX  8
#define TRACEBACK_HEAD "Traceback (most recent call last):"

/* Whether the variable changes what Python says of itself, or how it says it. */
static bool is_unwanted(const char *variable)
{
	static const char *const prefixes[] = {"PYTHON", "__PYVENV_LAUNCHER__=", "LC_", "LANG"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* In the C locale messages are in English, and Python 3.7+ is in UTF-8 mode (PEP 540). */
char **python_environment(const char *extra)
{
	static char locale[] = "LC_ALL=C";
	size_t count = 0, kept = 0;
	char **clean;

	while (environ && environ[count])
		count++;
	clean = calloc(count + 3, sizeof(*clean));
	if (!clean)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_unwanted(environ[i]))
			clean[kept++] = environ[i];
	clean[kept++] = locale;
	clean[kept] = (char *)extra;
	return clean;
}

int python_run(const struct python_call *call, struct process_result *result)
{
	/* Not -I, which Python 2 does not know: the scripts do the rest of it themselves. */
	const char *argv[4 + ARGUMENTS_MAX + 1] = {call->executable, "-EsSB", "-c", call->script};
	_cleanup_free_ char **environment = python_environment(NULL);
	struct process_options options = {
		.argv = (char *const *)argv,
		.envp = environment,
		.directory = call->directory,
		.timeout_ms = call->timeout_ms,
		.output_limit = call->output_limit > 0 ? call->output_limit : OUTPUT_LIMIT,
	};

	*result = (struct process_result){0};
	if (!environment)
		return -ENOMEM;
	for (size_t i = 0; call->arguments && call->arguments[i]; i++) {
		if (i == ARGUMENTS_MAX)
			return -E2BIG;
		argv[4 + i] = call->arguments[i];
	}
	return process_run(&options, result);
}

/* The first line with something in it, or the last one. */
static const char *find_line(const char *text, bool last, size_t *length)
{
	const char *found = NULL;

	*length = 0;
	while (*text && (last || !found)) {
		size_t line = strcspn(text, "\n");

		if (strspn(text, " \t\r") < line) {
			found = text;
			*length = line;
		}
		text += line + (text[line] == '\n');
	}
	return found;
}

char *python_complaint(const struct buffer *output)
{
	const char *text = output->data ? output->data : "";
	size_t length;
	const char *line = find_line(text, false, &length);
	char *complaint;

	if (!line)
		return strdup("nothing");
	if (strncmp(line, TRACEBACK_HEAD, strlen(TRACEBACK_HEAD)) == 0)
		line = find_line(text, true, &length);
	if (length > COMPLAINT_MAX) {
		length = COMPLAINT_MAX;
		while (((unsigned char)line[length] & 0xc0) == 0x80)
			length--; /* not amid a character */
	}
	complaint = strndup(line, length);
	for (char *p = complaint; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return complaint;
}
