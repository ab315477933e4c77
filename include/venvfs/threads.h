/* Work that is shared out among threads, each of which takes the next piece until there is none. */
#pragma once

/* No more threads than this are of use to anybody. */
#define THREADS_MAX 64

/* Runs fn(@arg) on up to @wanted threads, this one among them, until all have returned. Where no
 * other can be started, this one does all of it. */
void threads_run(unsigned wanted, void *(*fn)(void *arg), void *arg);

/* How many there are to be for work that keeps processors busy: THREADS_MAX at most. */
unsigned threads_for_processors(void);
