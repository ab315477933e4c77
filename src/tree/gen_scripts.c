/*
 * Scripts: how they find their interpreter, and pip's.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "gen.h"
#include "gen_quote.h"

/* The kernel read 127 bytes of the first line before Linux 5.1; they hold "#!" and the newline
 * too. */
#define SHEBANG_MAX 127

/* Whether the kernel and Python both understand "#!PYTHON\n". The kernel ends the path at a blank,
 * and Python would take a "coding=" in the first line for the encoding of the source (PEP 263). */
static bool is_plain(const char *python)
{
	return strlen(python) + 3 <= SHEBANG_MAX && !strpbrk(python, " \t") &&
	       !strstr(python, "coding=") && !strstr(python, "coding:");
}

/*
 * The other form is two programs in one. sh takes ''' for an empty string before 'exec', and never
 * gets to the next line. To Python the two lines are a string that nobody uses.
 */
static void append_exec(struct buffer *out, void (*quote)(struct buffer *out, const char *text),
			const char *python)
{
	buffer_puts(out, "#!/bin/sh\n'''exec' ");
	if (quote)
		quote(out, python);
	else
		buffer_puts(out, python);
	buffer_puts(out, " \"$0\" \"$@\"\n' '''\n");
}

void generated_shebang(struct buffer *out, const char *python)
{
	if (is_plain(python))
		buffer_printf(out, "#!%s\n", python);
	else
		append_exec(out, quote_sh_in_python, python);
}

void generated_shebang_relocatable(struct buffer *out)
{
	/* Links to the script from elsewhere are followed, as pipx and users make them. */
	append_exec(out, NULL, "\"$(dirname -- \"$(realpath -- \"$0\")\")/python\"");
}

static int append_shebang(struct buffer *out, const struct generated_context *context)
{
	_cleanup_buffer_ struct buffer python = {0};
	int r;

	if (context->spec->relocatable) {
		generated_shebang_relocatable(out);
		return 0;
	}
	buffer_printf(&python, "%s/bin/python", context->mountpoint);
	r = buffer_status(&python);
	if (r == 0)
		r = quote_check(python.data);
	if (r == 0)
		generated_shebang(out, python.data);
	return r;
}

void generated_script_body(struct buffer *out, const char *module, const char *object)
{
	buffer_printf(out,
		      "import sys\n"
		      "\n"
		      "from %s import %.*s\n"
		      "\n"
		      "if __name__ == \"__main__\":\n"
		      "    for suffix in (\"-script.py\", \"-script.pyw\", \".exe\"):\n"
		      "        if sys.argv[0].endswith(suffix):\n"
		      "            sys.argv[0] = sys.argv[0][: -len(suffix)]\n"
		      "    sys.exit(%s())\n",
		      module, (int)strcspn(object, "."), object, object);
}

int gen_pip_script(const struct generated_context *context, struct buffer *out)
{
	int r = append_shebang(out, context);

	if (r < 0)
		return r;
	generated_script_body(out, "pip._internal.cli.main", "main");
	return buffer_status(out);
}
