/*
 * bin/activate, for bash, zsh, ksh, dash: one file, and the prompt for each of them.
 */
#include "gen.h"
#include "gen_quote.h"

int gen_activate_posix(const struct generated_context *context, struct buffer *out)
{
	const struct gen_slot slots[] = {
		{"VIRTUAL_ENV", context->mountpoint, quote_sh},
		{"PROMPT", context->prompt, quote_sh},
		{"PROMPT_BASH", context->prompt, quote_prompt_bash},
		{"PROMPT_DASH", context->prompt, quote_prompt_dash},
		{"PROMPT_KSH93", context->prompt, quote_prompt_ksh93},
		{"PROMPT_MKSH", context->prompt, quote_prompt_mksh},
		{"PROMPT_ZSH", context->prompt, quote_prompt_zsh},
		GEN_SLOT_END,
	};

	return gen_activate(context, gen_activate_posix_template, slots, out);
}
