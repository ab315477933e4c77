/* venvfs list */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "output.h"
#include "output_json.h"
#include "status.h"
#include "venvfs/cleanup.h"
#include "venvfs/mountinfo.h"

static const char help[] = "Lists the environments that are mounted: where, in what state, the "
			   "daemon's process id, and\n"
			   "the spec. States that are not the daemon's own words: \"dead\" "
			   "(unmount it), \"hangs\" (no\n"
			   "answer within a second), \"private\" (another user's), \"unknown\".\n\n"
			   "Options:\n"
			   "  --json      the list as a JSON array of objects\n"
			   "  -h, --help  this text\n";

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* What is known of one mount. */
struct environment {
	const struct mountinfo_entry *mount;
	struct status status; /* pid 0: not known */
};

static const char *state_of_failure(int code)
{
	switch (code) {
	case -ENOTCONN:
	case -ECONNABORTED:
		return "dead";
	case -ETIMEDOUT:
		return "hangs";
	case -EACCES:
		return "private";
	default:
		return "unknown";
	}
}

/* The environments among @mounts, in *out (to be given to free_environments()). */
static int find_environments(const struct mountinfo *mounts, struct environment **out,
			     size_t *count)
{
	struct environment *found = calloc(mounts->count + 1, sizeof(*found));

	*count = 0;
	*out = found;
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < mounts->count; i++) {
		const struct mountinfo_entry *mount = &mounts->entries[i];
		struct environment *environment = &found[*count];
		int r;

		if (!mountinfo_is_venvfs(mount))
			continue;
		environment->mount = mount;
		r = status_read(mount->mountpoint, &environment->status);
		if (r < 0)
			environment->status.state = strdup(state_of_failure(r));
		if (!environment->status.state)
			return -ENOMEM;
		(*count)++;
	}
	return 0;
}

static void free_environments(struct environment *environments, size_t count)
{
	for (size_t i = 0; i < count; i++)
		status_free(&environments[i].status);
	free(environments);
}

static int print_json(const struct environment *environments, size_t count)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct environment *e = &environments[i];
		json_t *pid = e->status.pid > 0 ? json_integer(e->status.pid) : json_null();
		json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "directory",
					   output_json_string(e->mount->mountpoint), "state",
					   output_json_string(e->status.state), "pid", pid, "spec",
					   output_json_string(e->mount->source), "share",
					   output_json_string(e->status.share), "share-reason",
					   output_json_string(e->status.share_reason));

		if (json_array_append_new(list, object) < 0)
			return output_json(NULL);
	}
	return output_json(list);
}

static void print_cell(const char *text, size_t width)
{
	_cleanup_free_ char *escaped = output_escape(text);
	size_t used = escaped ? output_width(escaped) : 0;

	printf("%s%*s  ", escaped ? escaped : "", used < width ? (int)(width - used) : 0, "");
}

static void widen(size_t *width, const char *text)
{
	_cleanup_free_ char *escaped = output_escape(text);
	size_t used = escaped ? output_width(escaped) : 0;

	if (used > *width)
		*width = used;
}

static void print_table(const struct environment *environments, size_t count)
{
	size_t directory = strlen("DIRECTORY"), state = strlen("STATE");
	size_t most = output_columns(STDOUT_FILENO) / 2;

	for (size_t i = 0; i < count; i++) {
		widen(&directory, environments[i].mount->mountpoint);
		widen(&state, environments[i].status.state);
	}
	/* One long path does not push all others out of the terminal; its own line is longer. */
	if (most > strlen("DIRECTORY") && directory > most)
		directory = most;
	if (count > 0)
		printf("%-*s  %-*s  %7s  SPEC\n", (int)directory, "DIRECTORY", (int)state, "STATE",
		       "PID");
	for (size_t i = 0; i < count; i++) {
		const struct environment *e = &environments[i];
		_cleanup_free_ char *spec = output_escape(e->mount->source);

		print_cell(e->mount->mountpoint, directory);
		print_cell(e->status.state, state);
		if (e->status.pid > 0)
			printf("%7d  ", (int)e->status.pid);
		else
			printf("%7s  ", "-");
		puts(spec ? spec : "");
	}
}

static int list_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	struct environment *environments = NULL;
	bool json = false;
	const struct command_switch switches[] = {{'j', &json}, {0}};
	int status = EXIT_OK, c, r;
	size_t count = 0;

	c = command_read_switches(command, argc, argv, switches);
	if (c != -1)
		return c;
	if (optind < argc)
		return command_bad_usage(command, "it takes no arguments");

	r = mountinfo_read(&mounts);
	if (r == 0)
		r = find_environments(&mounts, &environments, &count);
	if (r < 0) {
		output_problem("cannot list what is mounted: %s", strerror(-r));
		status = EXIT_FAILED;
	} else if (json) {
		status = print_json(environments, count);
	} else {
		print_table(environments, count);
	}
	free_environments(environments, count);
	return status;
}

const struct command command_list = {
	.name = "list",
	.summary = "list the environments that are mounted",
	.usage = "[--json]",
	.help = help,
	.short_options = ":h",
	.long_options = long_options,
	.run = list_run,
};
