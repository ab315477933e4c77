#include "venvfs/entry_points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "venvfs/cleanup.h"
#include "text.h"

#define ENTRY_POINTS_MAX 1000
#define SCRIPT_NAME_MAX  255

bool entry_points_is_python(const char *name)
{
	static const char word[] = "python";

	/* In any case: there are file systems without. */
	if (strncasecmp(name, word, strlen(word)) != 0)
		return false;
	name += strlen(word);
	/* w: windowed; d, m, t, u: builds for debugging, with pymalloc, free-threaded, wide. */
	return name[strspn(name, "0123456789.dmtuwDMTUW")] == '\0';
}

/* What is wrong with the name of a script, or NULL. */
static const char *name_fault(const char *name, size_t length)
{
	char copy[SCRIPT_NAME_MAX + 1];

	if (length == 0)
		return "has no name";
	if (length > SCRIPT_NAME_MAX)
		return "has a name that is too long";
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_alnum(name[i]) && !memchr("._-+", name[i], 4))
			return "has a name with other characters than letters, digits, '.', '_', "
			       "'-' and '+'";
	}
	if (name[0] == '-' || name[0] == '.')
		return "has a name that begins with a '-' or a '.'";
	memcpy(copy, name, length);
	copy[length] = '\0';
	if (entry_points_is_python(copy))
		return "has the name of an interpreter";
	return NULL;
}

/* Python identifiers with dots between them; those that are not ASCII are nobody's. */
static bool is_dotted_path(const char *text, size_t length)
{
	bool begins = true;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' && begins)
			return false;
		if (text[i] != '.' && text[i] != '_' && !ascii_is_alpha(text[i]) &&
		    (begins || !ascii_is_digit(text[i])))
			return false;
		begins = text[i] == '.';
	}
	return !begins;
}

/* Takes "[extra, …]" off the end: it is what old installers were to look for, and ignored. */
static bool strip_extras(const char *value, size_t *length)
{
	const char *bracket = memchr(value, '[', *length);

	if (!bracket)
		return true;
	if (value[*length - 1] != ']' ||
	    text_has_control(bracket, *length - (size_t)(bracket - value)))
		return false;
	*length = (size_t)(bracket - value);
	text_trim(&value, length);
	return true;
}

/* "module:object [extras]". What is wrong, or NULL; -ENOMEM leaves module or object NULL. */
static const char *read_value(const char *value, size_t length, struct entry_point *point)
{
	const char *colon, *object;
	size_t module_length, object_length;

	if (!strip_extras(value, &length))
		return "has extras that are not closed";
	colon = memchr(value, ':', length);
	if (!colon)
		return "names no object in a module ('module:object')";
	object = colon + 1;
	object_length = length - (size_t)(object - value);
	module_length = (size_t)(colon - value);
	text_trim(&value, &module_length);
	text_trim(&object, &object_length);
	if (!is_dotted_path(value, module_length) || !is_dotted_path(object, object_length))
		return "does not name an object in a module by Python identifiers with dots";
	point->module = strndup(value, module_length);
	point->object = strndup(object, object_length);
	return NULL;
}

/* Reads "name = value" into @point. What is wrong, or NULL. */
static const char *read_point(const char *line, size_t length, struct entry_point *point)
{
	const char *equals = memchr(line, '=', length), *value;
	const char *fault;
	size_t name_length, value_length;

	if (!equals)
		return "is neither a group nor 'name = module:object'";
	name_length = (size_t)(equals - line);
	value = equals + 1;
	value_length = length - name_length - 1;
	text_trim(&line, &name_length);
	text_trim(&value, &value_length);
	fault = name_fault(line, name_length);
	if (fault)
		return fault;
	point->name = strndup(line, name_length);
	return read_value(value, value_length, point);
}

static bool has_name(const struct entry_points *points, const char *name)
{
	for (size_t i = 0; i < points->count; i++) {
		if (strcmp(points->items[i].name, name) == 0)
			return true;
	}
	return false;
}

static void free_point(struct entry_point *point)
{
	free(point->name);
	free(point->module);
	free(point->object);
}

static int add_point(struct entry_points *points, const char *line, size_t length, bool gui,
		     unsigned number, struct error *error)
{
	struct entry_point point = {.gui = gui, .line = number};
	struct entry_point *items;
	const char *fault = read_point(line, length, &point);

	if (!fault && point.name && has_name(points, point.name))
		fault = "has a name that another one has";
	if (!fault && points->count == ENTRY_POINTS_MAX)
		fault = "is one script too many";
	if (fault) {
		free_point(&point);
		return error_set(error, -EINVAL, "line %u of entry_points.txt, '%s', %s", number,
				 QUOTE_TEXT(line, length), fault);
	}
	items = reallocarray(points->items, points->count + 1, sizeof(*items));
	if (items)
		points->items = items;
	if (!items || !point.name || !point.module || !point.object) {
		free_point(&point);
		return -ENOMEM;
	}
	items[points->count++] = point;
	return 0;
}

int entry_points_parse(const char *text, size_t length, struct entry_points *out,
		       struct error *error)
{
	_cleanup_entry_points_ struct entry_points points = {0};
	bool console = false, gui = false;
	const char *line;
	size_t line_length;
	int r = 0;

	if (text_starts_with(text, length, "\xef\xbb\xbf")) {
		text += 3;
		length -= 3;
	}
	for (unsigned number = 1; r == 0 && text_next_line(&text, &length, &line, &line_length);
	     number++) {
		text_trim(&line, &line_length);
		if (line_length == 0 || *line == '#' || *line == ';')
			continue;
		if (*line == '[' && line[line_length - 1] != ']') {
			r = error_set(error, -EINVAL,
				      "line %u of entry_points.txt, '%s', is no group", number,
				      QUOTE_TEXT(line, line_length));
		} else if (*line == '[') {
			console = text_equals(line, line_length, "[console_scripts]");
			gui = text_equals(line, line_length, "[gui_scripts]");
		} else if (console || gui) {
			r = add_point(&points, line, line_length, gui, number, error);
		}
	}
	if (r < 0)
		return r;
	*out = points;
	points = (struct entry_points){0};
	return 0;
}

void entry_points_clear(struct entry_points *points)
{
	for (size_t i = 0; i < points->count; i++)
		free_point(&points->items[i]);
	free(points->items);
	*points = (struct entry_points){0};
}
