/* What `venvfs import` reports to people. */
#pragma once

#include <stdbool.h>

#include "venvfs/venv_import.h"

/* @verbose: every file, not only how many. */
void import_report(const struct venv_import_result *result, bool verbose);
