/* venvfs import */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
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
	"  --json           the report as a JSON object\n"
	"  -h, --help       this text\n";

enum { OPTION_PYTHON = 'p', OPTION_WITH_CHANGES = 'c', OPTION_JSON = 'j' };

static const struct option long_options[] = {
	{"python", required_argument, NULL, OPTION_PYTHON},
	{"with-changes", no_argument, NULL, OPTION_WITH_CHANGES},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* As many files of a kind are listed for people; JSON has them all. */
#define FILES_MAX 20

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
		json_t *row =
			json_pack("{s:s, s:o, s:o, s:b}", "kind", venv_finding_name(finding->kind),
				  "what", output_json_string(finding->what), "detail",
				  output_json_string(finding->detail), "copied", finding->copied);

		if (json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int print_json(const struct venv_import_result *result)
{
	_cleanup_json_ json_t *object =
		json_pack("{s:o, s:o, s:o, s:o, s:o}", "spec", output_json_string(result->spec),
			  "requirements", output_json_string(result->requirements), "lock",
			  output_json_string(result->lock), "packages", packages_to_json(result),
			  "left", findings_to_json(result));

	return output_json(object);
}

static void print_finding(const struct venv_finding *finding)
{
	_cleanup_free_ char *what = output_escape(finding->what);
	_cleanup_free_ char *detail = finding->detail ? output_escape(finding->detail) : NULL;

	printf("  %s%s%s%s\n", what ? what : "", detail ? ": " : "", detail ? detail : "",
	       finding->copied ? " (copied)" : "");
}

static void print_kind(const struct venv_import_result *result, enum venv_finding_kind kind,
		       const char *title)
{
	size_t count = 0;

	for (size_t i = 0; i < result->finding_count; i++) {
		if (result->findings[i].kind != kind)
			continue;
		if (count++ == 0)
			puts(title);
		if (count <= FILES_MAX || kind < VENV_CHANGED)
			print_finding(&result->findings[i]);
	}
	if (count > FILES_MAX && kind >= VENV_CHANGED)
		printf("  and %zu more\n", count - FILES_MAX);
}

static void print_result(const struct venv_import_result *result)
{
	static const char *const titles[] = {
		[VENV_EDITABLE] = "not taken over, as they are links to projects:",
		[VENV_BROKEN] = "not taken over, as they are not what was installed:",
		[VENV_NO_RECORD] = "not taken over, as no wheel installer has installed them:",
		[VENV_CHANGED] = "files that were changed since they were installed:",
		[VENV_UNOWNED] = "files that no package that was taken over owns:",
	};
	size_t reused = 0;

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		print_kind(result, (enum venv_finding_kind)i, titles[i]);
	for (size_t i = 0; i < result->package_count; i++)
		reused += result->packages[i].reused;
	printf("%s: %zu package%s, %zu of them in the store before\n", result->spec,
	       result->package_count, result->package_count == 1 ? "" : "s", reused);
}

static int import_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_venv_import_result_ struct venv_import_result result = {0};
	_cleanup_error_list_ struct error_list errors = {0};
	struct venv_import_options options = {0};
	bool json = false;
	int c, r;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		switch (c) {
		case OPTION_PYTHON:
			options.python = optarg;
			break;
		case OPTION_WITH_CHANGES:
			options.with_changes = true;
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
	if (json)
		return print_json(&result);
	print_result(&result);
	return EXIT_OK;
}

const struct command command_import = {
	.name = "import",
	.summary = "take over a virtual environment",
	.usage = "[--with-changes] [--python=PYTHON] [--json] VENV [SPEC]",
	.help = help,
	.short_options = ":h",
	.long_options = long_options,
	.run = import_run,
};
