#include "output_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

json_t *output_json_string(const char *text)
{
	_cleanup_buffer_ struct buffer replaced = {0};
	_cleanup_free_ char *string = NULL;
	json_t *json;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			buffer_putc(&replaced, *text);
		else
			buffer_puts(&replaced, "\xef\xbf\xbd");
	}
	string = buffer_take(&replaced);
	return string ? json_string(string) : NULL;
}

json_t *output_json_strings(const struct string_list *strings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strings->count; i++) {
		if (json_array_append_new(list, output_json_string(strings->items[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int output_json(const json_t *json)
{
	if (!json || json_dumpf(json, stdout, JSON_INDENT(2)) < 0) {
		output_problem("cannot write JSON: %s", strerror(json ? errno : ENOMEM));
		return EXIT_FAILED;
	}
	putchar('\n');
	return EXIT_OK;
}
