/* venvfs check */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "output_json.h"
#include "venvfs/cleanup.h"
#include "venvfs/mount.h"
#include "venvfs/spec.h"

static const char help[] =
	"Says everything that would keep the environment of a SPEC from being mounted: errors in "
	"its\n"
	"text, the interpreter, its version, pip, the store, the layers, the lock, the wheel "
	"stores,\n"
	"requirements that do not go together. Mounts nothing, makes nothing and asks no index; "
	"what a\n"
	"mount would need and was not looked at is said. The mount point is not known to it.\n\n"
	"Options:\n"
	"  --json      the result as a JSON array, one object for each SPEC\n"
	"  -h, --help  this text\n";

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static json_t *error_to_json(const struct error *error)
{
	json_t *line = error->line > 0 ? json_integer(error->line) : json_null();

	return json_pack("{s:o, s:o, s:o, s:o}", "message", output_json_string(error->message),
			 "file", output_json_string(error->file), "line", line, "hint",
			 output_json_string(error->hint));
}

/* Where the environment of a spec keeps what is written, to be freed; NULL: it is not known. */
static char *find_store(const char *path)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct spec *spec = NULL;
	char *store;

	(void)spec_load_in_part(path, &spec, &errors);
	store = spec && spec->store ? strdup(spec->store) : NULL;
	spec_free(spec);
	return store;
}

/* What is said of one spec; NULL without memory. */
static json_t *result_to_json(const char *spec, const struct error_list *errors,
			      const struct string_list *unseen, bool valid)
{
	_cleanup_free_ char *store = find_store(spec);
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++) {
		if (json_array_append_new(list, error_to_json(&errors->items[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:o, s:b, s:o, s:o, s:o}", "spec", output_json_string(spec), "valid",
			 valid, "store", output_json_string(store), "errors", list, "unchecked",
			 output_json_strings(unseen));
}

/* As mount_check(), but never fails without saying why. */
static bool check_spec(const char *spec, struct string_list *unseen, struct error_list *errors)
{
	int r = mount_check(spec, unseen, errors);

	if (r < 0 && errors->count == 0)
		error_set_errno(error_list_add(errors), r, "cannot check '%s'", spec);
	return r == 0;
}

/* For people: the errors to stderr, and to stdout that there are none, as far as was looked. */
static void print_result(const char *spec, const struct error_list *errors,
			 const struct string_list *unseen, bool valid)
{
	_cleanup_free_ char *name = output_escape(spec), *path = find_store(spec);
	_cleanup_free_ char *store = path ? output_escape(path) : NULL;

	if (!valid) {
		output_errors(errors, -EINVAL);
		return;
	}
	printf("%s: valid\n", name ? name : "spec");
	if (store)
		printf("  store: %s\n", store);
	for (size_t i = 0; i < unseen->count; i++) {
		_cleanup_free_ char *text = output_escape(unseen->items[i]);

		printf("  not checked: %s\n", text ? text : unseen->items[i]);
	}
}

static int check_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_json_ json_t *report = json_array();
	bool json = false;
	const struct command_switch switches[] = {{'j', &json}, {0}};
	int status = EXIT_OK, c;

	c = command_read_switches(command, argc, argv, switches);
	if (c != -1)
		return c;
	if (optind == argc)
		return command_bad_usage(command, "a spec is needed");

	for (int i = optind; i < argc; i++) {
		_cleanup_error_list_ struct error_list errors = {0};
		_cleanup_string_list_ struct string_list unseen = {0};
		bool valid = check_spec(argv[i], &unseen, &errors);

		if (!valid)
			status = EXIT_FAILED;
		if (!json)
			print_result(argv[i], &errors, &unseen, valid);
		else if (json_array_append_new(
				 report, result_to_json(argv[i], &errors, &unseen, valid)) < 0)
			return output_json(NULL);
	}
	if (json && output_json(report) != EXIT_OK)
		return EXIT_FAILED;
	return status;
}

const struct command command_check = {
	.name = "check",
	.summary = "say everything that is wrong with a spec",
	.usage = "[--json] SPEC...",
	.help = help,
	.short_options = ":h",
	.long_options = long_options,
	.run = check_run,
};
