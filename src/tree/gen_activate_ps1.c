/*
 * bin/Activate.ps1, for PowerShell.
 */
#include "gen.h"
#include "gen_quote.h"

int gen_activate_ps1(const struct generated_context *context, struct buffer *out)
{
	const struct gen_slot slots[] = {
		{"VIRTUAL_ENV", context->mountpoint, quote_powershell},
		{"PROMPT", context->prompt, quote_powershell},
		GEN_SLOT_END,
	};

	return gen_activate(context, gen_activate_ps1_template, slots, out);
}
