/*
 * pyvenv.cfg, as PEP 405 and its readers have it: lines split at the first "=", no quoting, no
 * sections, no comments. What is here is what venv, virtualenv and uv write, together.
 */
#include <errno.h>
#include <string.h>

#include "config.h"

#include "gen.h"
#include "gen_quote.h"

static int append_line(struct buffer *out, const char *key, const char *value)
{
	int r = quote_check(value);

	if (r < 0)
		return r;
	buffer_printf(out, "%s = %s\n", key, value);
	return 0;
}

/*
 * venv writes repr(), virtualenv puts double quotes around, uv writes the bare text, and nobody
 * undoes escapes. Bare is what all readers understand (Activate.ps1 of venv and virtualenv, VS
 * Code, starship, xonsh), unless it begins with a quote, which Activate.ps1 takes off together with
 * the last character, or has a blank at an end, which all of them take off. Those get quotes of
 * the other kind around them.
 */
static int append_prompt(struct buffer *out, const char *prompt)
{
	_cleanup_buffer_ struct buffer quoted = {0};
	size_t length = strlen(prompt);
	bool bare = length > 0 && !strchr("'\" ", prompt[0]) && prompt[length - 1] != ' ';
	char mark = prompt[0] == '\'' ? '"' : '\'';

	if (bare)
		return append_line(out, "prompt", prompt);
	buffer_printf(&quoted, "%c%s%c", mark, prompt, mark);
	if (buffer_status(&quoted) < 0)
		return -ENOMEM;
	return append_line(out, "prompt", quoted.data);
}

/* The command that would have made the environment, in venv's own words; it does not quote
 * either. */
static int append_command(struct buffer *out, const struct generated_context *context)
{
	const struct spec *spec = context->spec;
	_cleanup_buffer_ struct buffer command = {0};

	buffer_printf(&command, "%s -m venv ", context->interpreter->executable);
	if (!spec->pip)
		buffer_puts(&command, "--without-pip ");
	if (spec->system_site_packages)
		buffer_puts(&command, "--system-site-packages ");
	if (spec->prompt)
		buffer_printf(&command, "--prompt=\"%s\" ", spec->prompt);
	buffer_puts(&command, context->mountpoint);
	if (buffer_status(&command) < 0)
		return -ENOMEM;
	return append_line(out, "command", command.data);
}

int gen_pyvenv_cfg(const struct generated_context *context, struct buffer *out)
{
	const struct interpreter *interpreter = context->interpreter;
	int r = append_line(out, "home", interpreter->home);

	if (r < 0)
		return r;
	/* Without this line Python takes it for true. pip knows the lower-case words only. */
	buffer_printf(out, "include-system-site-packages = %s\n",
		      context->spec->system_site_packages ? "true" : "false");
	/* Numbers alone, as in venv: "3.14.0rc1" is no version to VS Code. */
	buffer_printf(out, "version = %d.%d.%d\n", interpreter->major, interpreter->minor,
		      interpreter->micro);
	r = append_line(out, "version_info", interpreter->version_info);
	if (r == 0)
		r = append_line(out, "implementation", interpreter->implementation);
	if (r == 0)
		r = append_line(out, "executable", interpreter->real_executable);
	if (r == 0)
		r = append_command(out, context);
	if (r == 0)
		r = append_prompt(out, context->prompt);
	if (r < 0)
		return r;
	/* uv then writes scripts that find the environment themselves. */
	if (context->spec->relocatable)
		buffer_puts(out, "relocatable = true\n");
	buffer_puts(out, "venvfs = " PACKAGE_VERSION "\n");
	return buffer_status(out);
}
