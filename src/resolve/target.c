#include "target.h"

#include <errno.h>
#include <string.h>

#include "venvfs/python_ask.h"

void target_clear(struct target *target)
{
	json_decref(target->facts);
	wheel_tags_free(target->tags);
	version_clear(&target->python);
	*target = (struct target){0};
}

/* In builds from a checkout, as "3.14.0a1+". The plus has no meaning for versions (PEP 508). */
static int parse_python(const char *text, struct version *out)
{
	size_t length = text ? strlen(text) : 0;

	if (length > 0 && text[length - 1] == '+')
		length--;
	return version_parse(text ? text : "", length, out);
}

int target_decode(json_t *facts, struct target *out)
{
	const json_t *markers = json_object_get(facts, "markers");
	const char *tags = json_string_value(json_object_get(facts, "tags"));
	int r;

	*out = (struct target){.facts = facts, .tag_list = tags};
	for (int i = 0; i < MARKER_EXTRA; i++)
		out->markers.values[i] = json_string_value(
			json_object_get(markers, marker_variable_name((enum marker_variable)i)));
	r = tags ? wheel_tags_new(tags, &out->tags) : -EINVAL;
	if (r == 0)
		r = parse_python(out->markers.values[MARKER_PYTHON_FULL_VERSION], &out->python);
	if (r < 0)
		target_clear(out);
	return r;
}

int target_ask(const struct interpreter *interpreter, struct target *out, struct error *error)
{
	json_t *facts;
	int r;

	*out = (struct target){0};
	r = python_ask_facts(interpreter, &facts, error);
	if (r < 0)
		return r;
	r = target_decode(facts, out);
	return r < 0 ? error_set_errno(error, r, "what '%s' says of itself makes no sense",
				       interpreter->executable)
		     : 0;
}
