/*
 * bin/activate.nu, for nushell.
 */
#include "gen.h"
#include "gen_quote.h"

int gen_activate_nu(const struct generated_context *context, struct buffer *out)
{
	const struct gen_slot slots[] = {
		{"VIRTUAL_ENV", context->mountpoint, quote_nu},
		{"PROMPT", context->prompt, quote_nu},
		GEN_SLOT_END,
	};

	return gen_activate(context, gen_activate_nu_template, slots, out);
}
