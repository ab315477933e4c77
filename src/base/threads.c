#include "venvfs/threads.h"

#include <pthread.h>
#include <unistd.h>

void threads_run(unsigned wanted, void *(*fn)(void *arg), void *arg)
{
	pthread_t threads[THREADS_MAX];
	unsigned started = 0;

	while (started + 1 < wanted && started < THREADS_MAX &&
	       pthread_create(&threads[started], NULL, fn, arg) == 0)
		started++;
	fn(arg);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

unsigned threads_for_processors(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors < 1)
		return 1;
	return processors < THREADS_MAX ? (unsigned)processors : THREADS_MAX;
}
