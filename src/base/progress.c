#include "venvfs/progress.h"

static progress_fn *listener;

void progress_listen(progress_fn *fn)
{
	listener = fn;
}

void progress_report(size_t done, size_t total, const char *name)
{
	if (listener)
		listener(done, total, name);
}
