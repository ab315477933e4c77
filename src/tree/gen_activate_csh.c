/*
 * bin/activate.csh, for csh and tcsh.
 */
#include "gen.h"
#include "gen_quote.h"

int gen_activate_csh(const struct generated_context *context, struct buffer *out)
{
	const struct gen_slot slots[] = {
		{"VIRTUAL_ENV", context->mountpoint, quote_csh},
		{"PROMPT", context->prompt, quote_csh},
		{"PROMPT_CSH", context->prompt, quote_prompt_csh},
		{"PROMPT_TCSH", context->prompt, quote_prompt_tcsh},
		GEN_SLOT_END,
	};

	return gen_activate(context, gen_activate_csh_template, slots, out);
}
