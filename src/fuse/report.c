#include "report.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "venvfs/ahead.h"

/* "KEY: VALUE\n", with control characters as \OOO, so that a line is a line. */
static void add_line(struct buffer *out, const char *key, const char *value)
{
	buffer_printf(out, "%s: ", key);
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			buffer_printf(out, "\\%03o", (unsigned char)*p);
		else
			buffer_putc(out, *p);
	}
	buffer_putc(out, '\n');
}

static void add_time(struct buffer *out, const char *key, time_t time)
{
	char text[32];
	struct tm tm;

	if (gmtime_r(&time, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm) > 0)
		add_line(out, key, text);
}

static void add_base(struct buffer *out, const struct environment *environment)
{
	_cleanup_buffer_ struct buffer version = {0};

	add_line(out, "base", environment->executable);
	layer_generated_base_version(environment->generated, &version);
	if (buffer_status(&version) == 0 && version.data)
		add_line(out, "base-version", version.data);
}

static const char *state_word(int state)
{
	return state == BASE_OK ? "running" : state == BASE_GONE ? "base-gone" : "base-changed";
}

/* What to do when not all is well. */
static void add_advice(struct buffer *out, const struct environment *environment)
{
	int state = environment->base_state;

	if (state == BASE_GONE)
		buffer_printf(out,
			      "advice: the base interpreter is gone: install Python 3.%d again, or "
			      "name another one in the spec and mount anew\n",
			      environment->minor);
	else if (state == BASE_OTHER)
		buffer_printf(out,
			      "advice: the base interpreter is no longer Python 3.%d: install that "
			      "again, or mount anew and install the packages for the new one\n",
			      environment->minor);
}

static void add_share(struct buffer *out, const struct share *share)
{
	add_line(out, "share", share_mode_name(share->used));
	if (!share->reason)
		return;
	add_line(out, "share-asked", share_mode_name(share->asked));
	add_line(out, "share-reason", share->reason);
}

static int render_status(void *arg, struct buffer *out)
{
	const struct report *report = arg;
	const struct environment *environment = report->environment;

	add_line(out, "state", state_word(environment->base_state));
	buffer_printf(out, "pid: %d\n", (int)getpid());
	add_line(out, "version", PACKAGE_VERSION);
	add_line(out, "mountpoint", environment->mountpoint);
	add_line(out, "mode", environment->read_only ? "read-only" : "read-write");
	add_share(out, &environment->share);
	add_time(out, "mounted", environment->mounted);
	add_line(out, "spec", environment->spec->path);
	add_base(out, environment);
	if (environment->store) {
		add_line(out, "store", environment->store->path);
		if (environment->store->log_fd >= 0)
			buffer_printf(out, "log: %s/log\n", environment->store->path);
	}
	for (size_t i = 0; i < environment->spec->layer_count; i++)
		add_line(out, "layer", environment->spec->layers[i].path);
	ahead_report(report->channel->ahead, out);
	add_advice(out, environment);
	return buffer_status(out);
}

static int render_stats(void *arg, struct buffer *out)
{
	const struct report *report = arg;

	for (unsigned i = 0; i < CHANNEL_OPCODES; i++) {
		uint64_t count = report->channel->requests[i];
		const char *name = channel_opcode_name(i);

		if (count == 0)
			continue;
		if (name)
			buffer_printf(out, "%s %llu\n", name, (unsigned long long)count);
		else
			buffer_printf(out, "OPCODE_%u %llu\n", i, (unsigned long long)count);
	}
	buffer_printf(out, "nodes %zu\n", tree_node_count(report->environment->tree));
	return buffer_status(out);
}

static int render_spec(void *arg, struct buffer *out)
{
	const struct report *report = arg;

	buffer_puts(out, report->environment->spec->text);
	return buffer_status(out);
}

int report_add(struct report *report)
{
	struct tree *tree = report->environment->tree;
	int r = tree_add_control(tree, "status", render_status, report);

	if (r == 0)
		r = tree_add_control(tree, "stats", render_stats, report);
	if (r == 0)
		r = tree_add_control(tree, "spec", render_spec, report);
	return r;
}
