#include "import_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "venvfs/cleanup.h"

/* As many lines are there of files of one kind, without --verbose. */
#define LINES_MAX 20

/* So many files of one directory are named; of more, the directory. */
#define NAMED_MAX 3

struct report {
	const struct venv_import_result *result;
	bool verbose;
	bool shortened; /* not every file was named */
};

static void print_finding(const struct venv_finding *finding, const char *indent)
{
	_cleanup_free_ char *what = output_escape(finding->what);
	_cleanup_free_ char *detail = finding->detail ? output_escape(finding->detail) : NULL;

	printf("%s%s%s%s%s\n", indent, what ? what : "", detail ? ": " : "", detail ? detail : "",
	       finding->copied && finding->kind >= VENV_CHANGED ? " (copied)" : "");
}

/* Packages. */

static void print_packages(const struct report *report, enum venv_finding_kind kind, bool copied,
			   const char *why)
{
	size_t count = 0;

	for (size_t i = 0; i < report->result->finding_count; i++) {
		const struct venv_finding *finding = &report->result->findings[i];

		if (finding->kind != kind || finding->copied != copied)
			continue;
		if (count++ == 0)
			printf("%s, as %s:\n",
			       copied ? "copied as files, and no layers" : "not taken over", why);
		print_finding(finding, "  ");
	}
}

/* Those that the takeover has lost, or those that were not there before. */
static void print_unmet(const struct report *report, bool lost)
{
	size_t count = 0;

	for (size_t i = 0; i < report->result->unmet_count; i++) {
		const struct venv_unmet *unmet = &report->result->unmet[i];
		_cleanup_free_ char *requirement = output_escape(unmet->requirement);
		_cleanup_free_ char *version = output_escape(unmet->version);

		if (unmet->lost != lost)
			continue;
		if (count++ == 0)
			puts(lost ? "unmet from now on, as what is required was not taken over:"
				  : "unmet, and not in that environment either:");
		printf("  %s %s requires %s\n", unmet->by, version ? version : "",
		       requirement ? requirement : "");
	}
}

/* Files. */

static void print_changed(struct report *report)
{
	size_t count = 0;

	for (size_t i = 0; i < report->result->finding_count; i++) {
		const struct venv_finding *finding = &report->result->findings[i];

		if (finding->kind != VENV_CHANGED)
			continue;
		if (count++ == 0)
			puts("files that were changed since they were installed:");
		if (count <= LINES_MAX || report->verbose)
			print_finding(finding, "  ");
	}
	if (count > LINES_MAX && !report->verbose) {
		printf("  and %zu more\n", count - LINES_MAX);
		report->shortened = true;
	}
}

static bool is_of(const struct venv_finding *file, const char *package)
{
	return file->kind == VENV_UNOWNED && file->package && strcmp(file->package, package) == 0;
}

/* The files of the package of a finding, if it has any. 1: it has. */
static int print_files_of(struct report *report, const struct venv_finding *package, bool first)
{
	const struct venv_import_result *result = report->result;
	_cleanup_free_ char *name = output_escape(package->what);
	size_t count = 0, copied = 0;

	for (size_t i = 0; i < result->finding_count; i++) {
		count += is_of(&result->findings[i], package->what);
		copied += is_of(&result->findings[i], package->what) && result->findings[i].copied;
	}
	if (count == 0)
		return 0;
	if (first)
		puts("files of these packages:");
	printf("  %s: %zu file%s", name ? name : "", count, count == 1 ? "" : "s");
	if (copied > 0)
		printf(copied == count ? " (copied)" : " (%zu copied)", copied);
	putchar('\n');
	for (size_t i = 0; report->verbose && i < result->finding_count; i++)
		if (is_of(&result->findings[i], package->what))
			print_finding(&result->findings[i], "    ");
	report->shortened |= !report->verbose;
	return 1;
}

static void print_left_files(struct report *report)
{
	bool first = true;

	for (size_t i = 0; i < report->result->finding_count; i++) {
		const struct venv_finding *finding = &report->result->findings[i];
		bool again = false;

		if (finding->kind >= VENV_CHANGED)
			continue;
		for (size_t k = 0; k < i && !again; k++)
			again = report->result->findings[k].kind < VENV_CHANGED &&
				strcmp(report->result->findings[k].what, finding->what) == 0;
		if (!again && print_files_of(report, finding, first))
			first = false;
	}
}

/* How much of @path names the directory under which it is told of: the first one in site-packages,
 * else its own. 0: it is in none. */
static size_t group_length(const char *path)
{
	static const char site[] = "/site-packages/";
	const char *below = strstr(path, site), *slash;

	if (below) {
		below += strlen(site);
		slash = strchr(below, '/');
		return slash ? (size_t)(slash - path) : 0;
	}
	slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) : 0;
}

static bool same_group(const char *a, const char *b)
{
	size_t length = group_length(a);

	return length > 0 && length == group_length(b) && strncmp(a, b, length) == 0;
}

static int by_path(const void *a, const void *b)
{
	const struct venv_finding *const *x = a, *const *y = b;

	return strcmp((*x)->what, (*y)->what);
}

/* One directory of @count files. How many lines it took. */
static size_t print_group(struct report *report, const struct venv_finding *const *files,
			  size_t count)
{
	_cleanup_free_ char *directory = strndup(files[0]->what, group_length(files[0]->what));
	_cleanup_free_ char *escaped = directory ? output_escape(directory) : NULL;
	bool copied = true;

	for (size_t i = 0; i < count; i++) {
		if (report->verbose || count <= NAMED_MAX)
			print_finding(files[i], "  ");
		copied &= files[i]->copied;
	}
	if (report->verbose || count <= NAMED_MAX)
		return count;
	printf("  %s/: %zu files%s\n", escaped ? escaped : "", count, copied ? " (copied)" : "");
	report->shortened = true;
	return 1;
}

static void print_unowned(struct report *report)
{
	const struct venv_import_result *result = report->result;
	_cleanup_free_ const struct venv_finding **files =
		calloc(result->finding_count + 1, sizeof(*files));
	size_t count = 0, lines = 0, i, next;

	for (i = 0; files && i < result->finding_count; i++)
		if (result->findings[i].kind == VENV_UNOWNED && !result->findings[i].package)
			files[count++] = &result->findings[i];
	if (count == 0)
		return;
	qsort(files, count, sizeof(*files), by_path);
	puts("files that no package owns:");
	for (i = 0; i < count && (report->verbose || lines < LINES_MAX); i = next) {
		for (next = i + 1; next < count; next++)
			if (!same_group(files[i]->what, files[next]->what))
				break;
		lines += print_group(report, files + i, next - i);
	}
	if (i < count) {
		printf("  and %zu more\n", count - i);
		report->shortened = true;
	}
}

void import_report(const struct venv_import_result *result, bool verbose)
{
	static const char *const why[] = {
		[VENV_EDITABLE] = "they are links to projects",
		[VENV_BROKEN] = "they are not what was installed",
		[VENV_NO_RECORD] = "no wheel installer has listed their files",
	};
	struct report report = {.result = result, .verbose = verbose};
	size_t reused = 0;

	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		print_packages(&report, (enum venv_finding_kind)i, false, why[i]);
		print_packages(&report, (enum venv_finding_kind)i, true, why[i]);
	}
	print_left_files(&report);
	print_changed(&report);
	print_unowned(&report);
	if (report.shortened)
		puts("--verbose names every file");
	print_unmet(&report, true);
	print_unmet(&report, false);
	for (size_t i = 0; i < result->package_count; i++)
		reused += result->packages[i].reused;
	printf("%s: %zu package%s, %zu of them in the store before\n", result->spec,
	       result->package_count, result->package_count == 1 ? "" : "s", reused);
}
