#include "venvfs/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define COLUMNS_MAX 32

/* How many characters must be changed, added or removed to make one word the other, case aside. */
static size_t edit_distance(const char *written, const char *known)
{
	size_t row[COLUMNS_MAX], columns = strlen(known);

	if (columns >= COLUMNS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 0; written[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < columns; j++) {
			bool same = tolower((unsigned char)written[i]) == known[j];
			size_t best = diagonal + (same ? 0 : 1);

			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			row[j + 1] = best;
		}
	}
	return row[columns];
}

const char *nearest_name(const char *written, const char *best, const char *candidate)
{
	size_t distance = edit_distance(written, candidate);

	if (distance > 2 || distance * 2 >= strlen(candidate))
		return best;
	return best && edit_distance(written, best) <= distance ? best : candidate;
}
