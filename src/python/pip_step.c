/*
 * A program that pip ran and that failed. pip shows it as
 *
 *   × STEP did not run successfully.
 *   │ exit code: 1
 *   ╰─> [2 lines of output]
 *       ...
 *       [end of output]
 *
 * or with "See above for output." at the end, and may go on with what follows from it, or say all
 * of it again. What stands at the left is ASCII in some locales.
 */
#include <stdlib.h>
#include <string.h>

#include "python_internal.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "wheel/text.h"

#define FAILED    " did not run successfully."
#define STEP_MAX  200 /* bytes: a command may be as long as a path */
#define LINE_MAX  300
#define LINES_MAX 5

/* Lines without white space around them, the last few of those that were added. */
struct tail {
	const char *lines[LINES_MAX];
	size_t lengths[LINES_MAX];
	size_t count; /* of all */
};

static void tail_add(struct tail *tail, const char *line, size_t length)
{
	tail->lines[tail->count % LINES_MAX] = line;
	tail->lengths[tail->count++ % LINES_MAX] = length;
}

/* Not amid a character. */
static size_t cut(const char *text, size_t length, size_t limit)
{
	if (length <= limit)
		return length;
	while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
		limit--;
	return limit;
}

/* What pip says of the step that failed. */
struct step {
	const char *name; /* "Building wheel for x (pyproject.toml)" */
	size_t name_length;
	int exit_code;    /* 0: not said */
	struct tail said; /* by the program itself */
};

/* Takes "× " off. */
static void skip_mark(const char **line, size_t *length)
{
	const char *space = memchr(*line, ' ', *length);

	if (!space)
		return;
	*length -= (size_t)(space + 1 - *line);
	*line = space + 1;
}

/* Where the step begins, which failed first; what was said up to there, which may be all that is
 * said of the reason, is in step->said. False: none did. */
static bool find_step(const char **text, size_t *left, struct step *step)
{
	const char *line;
	size_t length;

	while (text_next_line(text, left, &line, &length)) {
		text_trim(&line, &length);
		if (text_ends_with(line, length, FAILED)) {
			skip_mark(&line, &length);
			step->name = line;
			step->name_length = length - strlen(FAILED);
			return true;
		}
		if (length > 0 && !text_starts_with(line, length, "Running command ") &&
		    !text_starts_with(line, length, "WARNING: ") &&
		    !text_starts_with(line, length, "error: subprocess-exited-with-error"))
			tail_add(&step->said, line, length);
	}
	return false;
}

/* What is said below the step's name. */
static void read_step(const char *text, size_t left, struct step *step)
{
	static const char code[] = "exit code: ";
	bool output = false;
	const char *line;
	size_t length;

	while (text_next_line(&text, &left, &line, &length)) {
		const char *found;

		text_trim(&line, &length);
		if (text_equals(line, length, "[end of output]") ||
		    text_ends_with(line, length, "See above for output."))
			return;
		if (output && length > 0)
			tail_add(&step->said, line, length);
		if (text_ends_with(line, length, " of output]") && !output) {
			output = true;
			step->said = (struct tail){0};
		}
		found = output ? NULL : memmem(line, length, code, sizeof(code) - 1);
		if (found)
			step->exit_code = atoi(found + sizeof(code) - 1);
	}
}

/* "x (from -r FILE (line 3))", which pip_run.py adds; NULL: it does not know. */
static const char *find_begun(const char *text)
{
	static const char head[] = "\nbegun: ";
	const char *found = NULL;

	for (const char *at = strstr(text, head); at; at = strstr(at + 1, head))
		found = at + sizeof(head) - 1;
	return found;
}

static void add_output(const struct tail *said, struct error *error)
{
	size_t first = said->count > LINES_MAX ? said->count - LINES_MAX : 0;
	_cleanup_buffer_ struct buffer hint = {0};

	if (said->count == 0)
		return;
	buffer_puts(&hint, "it said last:");
	for (size_t i = first; i < said->count; i++) {
		const char *line = said->lines[i % LINES_MAX];

		buffer_puts(&hint, "\n    ");
		buffer_append(&hint, line, cut(line, said->lengths[i % LINES_MAX], LINE_MAX));
	}
	if (buffer_status(&hint) == 0)
		error_hint(error, "%s", hint.data);
}

bool pip_explain_step(const char *text, int code, struct error *error)
{
	_cleanup_buffer_ struct buffer message = {0};
	size_t left = strlen(text);
	const char *begun = find_begun(text), *rest = text;
	struct step step = {0};

	if (!find_step(&rest, &left, &step))
		return false;
	read_step(rest, left, &step);
	buffer_puts(&message, "pip: ");
	buffer_append(&message, step.name, cut(step.name, step.name_length, STEP_MAX));
	buffer_puts(&message, step.name_length > STEP_MAX ? "..." : "");
	buffer_puts(&message, " failed");
	if (step.exit_code != 0)
		buffer_printf(&message, " with exit code %d", step.exit_code);
	if (begun)
		buffer_printf(&message, ", for %.*s", (int)strcspn(begun, "\n"), begun);
	if (buffer_status(&message) < 0)
		return false;
	error_set(error, code, "%s", message.data);
	add_output(&step.said, error);
	return true;
}
