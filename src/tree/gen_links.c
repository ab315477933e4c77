/*
 * The links: bin/python to the base executable, and the other names to their neighbour. So the
 * interpreter, and the standard library that it finds from `home`, never pass through FUSE.
 */
#include "gen.h"

int gen_python_link(const struct generated_context *context, struct buffer *out)
{
	buffer_puts(out, context->interpreter->executable);
	return buffer_status(out);
}

int gen_python_alias(const struct generated_context *context, struct buffer *out)
{
	(void)context;
	buffer_puts(out, "python");
	return buffer_status(out);
}

int gen_lib64_link(const struct generated_context *context, struct buffer *out)
{
	(void)context;
	buffer_puts(out, "lib");
	return buffer_status(out);
}
