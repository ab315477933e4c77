/* venvfs import */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "import_report.h"
#include "output.h"
#include "output_json.h"
#include "venvfs/cleanup.h"
#include "venvfs/progress.h"
#include "venvfs/venv_import.h"

static const char help[] =
	"Takes over a virtual environment that exists: its packages go to the wheel store, and a "
	"SPEC\n"
	"(default: the environment's name and .cfg, here), its requirements and its lock are "
	"written, so that\n"
	"mounting asks no index. VENV is only read. What cannot be taken over is reported.\n\n"
	"Options:\n"
	"  --python=PYTHON  the base interpreter, not the one that VENV names\n"
	"  --with-changes   copy files that no package owns, and changed ones, into the store of\n"
	"                   the new environment\n"
	"  -v, --verbose    name every file that was not taken over\n"
	"  --json           the report as a JSON object\n"
	"  -h, --help       this text\n";

enum { OPTION_PYTHON = 'p', OPTION_WITH_CHANGES = 'c', OPTION_JSON = 'j', OPTION_VERBOSE = 'v' };

static const struct option long_options[] = {
	{"python", required_argument, NULL, OPTION_PYTHON},
	{"with-changes", no_argument, NULL, OPTION_WITH_CHANGES},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static json_t *packages_to_json(const struct venv_import_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->package_count; i++) {
		const struct venv_package *package = &result->packages[i];
		json_t *row =
			json_pack("{s:o, s:o, s:o, s:b}", "name", output_json_string(package->name),
				  "version", output_json_string(package->version), "file",
				  output_json_string(package->file), "existed", package->reused);

		if (json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *findings_to_json(const struct venv_import_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->finding_count; i++) {
		const struct venv_finding *finding = &result->findings[i];
		json_t *row = json_pack(
			"{s:s, s:o, s:o, s:o, s:b}", "kind", venv_finding_name(finding->kind),
			"what", output_json_string(finding->what), "detail",
			output_json_string(finding->detail), "package",
			output_json_string(finding->package), "copied", finding->copied);

		if (json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *unmet_to_json(const struct venv_import_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->unmet_count; i++) {
		const struct venv_unmet *unmet = &result->unmet[i];
		json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:b}", "package",
					output_json_string(unmet->by), "version",
					output_json_string(unmet->version), "requirement",
					output_json_string(unmet->requirement), "name",
					output_json_string(unmet->name), "lost", unmet->lost);

		if (json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int print_json(const struct venv_import_result *result)
{
	_cleanup_json_ json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "spec", output_json_string(result->spec),
		"requirements", output_json_string(result->requirements), "lock",
		output_json_string(result->lock), "packages", packages_to_json(result), "left",
		findings_to_json(result), "unmet", unmet_to_json(result));

	return output_json(object);
}

static bool has_lost(const struct venv_import_result *result)
{
	for (size_t i = 0; i < result->unmet_count; i++)
		if (result->unmet[i].lost)
			return true;
	return false;
}

/* How many packages the new environment has neither as layers nor as files. */
static size_t count_left(const struct venv_import_result *result)
{
	size_t count = 0;

	for (size_t i = 0; i < result->finding_count; i++)
		count += result->findings[i].kind < VENV_CHANGED && !result->findings[i].copied;
	return count;
}

/* A spec that lacks packages is there, but who asked must hear of it. */
static int finish(const struct venv_import_result *result)
{
	size_t left = count_left(result);

	if (has_lost(result)) {
		output_problem("packages that were taken over require others that were not");
		output_hint("'venvfs lock --upgrade %s' has them from the index", result->spec);
	} else if (left > 0) {
		output_problem("%zu package%s not taken over", left,
			       left == 1 ? " was" : "s were");
		output_hint("add what the environment needs of them to %s, or import with "
			    "--with-changes, which copies their files",
			    result->requirements);
	} else {
		return EXIT_OK;
	}
	return EXIT_INCOMPLETE;
}

static int import_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_venv_import_result_ struct venv_import_result result = {0};
	_cleanup_error_list_ struct error_list errors = {0};
	struct venv_import_options options = {0};
	bool json = false, verbose = false;
	int c, r;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		switch (c) {
		case OPTION_PYTHON:
			options.python = optarg;
			break;
		case OPTION_WITH_CHANGES:
			options.with_changes = true;
			break;
		case OPTION_VERBOSE:
			verbose = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case 'h':
			return command_print_help(command);
		default:
			return command_bad_option(command, argv, c);
		}
	}
	if (argc - optind < 1 || argc - optind > 2)
		return command_bad_usage(command,
					 "a virtual environment is needed, and perhaps a spec");
	options.venv = argv[optind];
	options.spec = argv[optind + 1];
	progress_listen(output_progress);
	r = venv_import(&options, &result, &errors);
	if (r < 0) {
		output_errors(&errors, r);
		return EXIT_FAILED;
	}
	output_progress_end("%zu packages are in the store", result.package_count);
	if (!json)
		import_report(&result, verbose);
	else if (print_json(&result) != EXIT_OK)
		return EXIT_FAILED;
	return finish(&result);
}

const struct command command_import = {
	.name = "import",
	.summary = "take over a virtual environment",
	.usage = "[-v] [--with-changes] [--python=PYTHON] [--json] VENV [SPEC]",
	.help = help,
	.short_options = ":hv",
	.long_options = long_options,
	.run = import_run,
};
