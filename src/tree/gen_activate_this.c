/*
 * bin/activate_this.py, for a Python that already runs: virtualenv's invention.
 */
#include <errno.h>

#include "venvfs/cleanup.h"

#include "gen.h"
#include "gen_quote.h"

int gen_activate_this(const struct generated_context *context, struct buffer *out)
{
	static const struct generated_entry entry = {
		.path = "lib/python{X.Y}{t}/site-packages",
	};
	_cleanup_free_ char *site_packages = generated_path(&entry, context);
	const struct gen_slot slots[] = {
		{"VIRTUAL_ENV", context->mountpoint, quote_python},
		{"PROMPT", context->prompt, quote_python},
		{"SITE_PACKAGES", site_packages, quote_python},
		GEN_SLOT_END,
	};

	if (!site_packages)
		return -ENOMEM;
	return gen_activate(context, gen_activate_this_template, slots, out);
}
