/*
 * Files that tell other programs to pass the environment by.
 */
#include "gen.h"

int gen_gitignore(const struct generated_context *context, struct buffer *out)
{
	(void)context;
	buffer_puts(out, "*\n");
	return buffer_status(out);
}

/* https://bford.info/cachedir/: backups look for the first 43 bytes. */
int gen_cachedir_tag(const struct generated_context *context, struct buffer *out)
{
	(void)context;
	buffer_puts(out, "Signature: 8a477f597d28d172789f06886806bc55\n"
			 "# This directory is a Python environment that venvfs shows.\n");
	return buffer_status(out);
}
