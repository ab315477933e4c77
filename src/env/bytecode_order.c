#include "bytecode_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/compile.h"
#include "venvfs/log.h"

#define STORES (sizeof(((struct bytecode_order *)NULL)->stores) / \
		sizeof(((struct bytecode_order *)NULL)->stores[0]))

int bytecode_order_init(const struct interpreter *interpreter, struct bytecode_order *out)
{
	*out = (struct bytecode_order){
		.executable = strdup(interpreter->executable),
		.tag = strdup(interpreter->cache_tag),
	};
	return out->executable && out->tag ? 0 : -ENOMEM;
}

void bytecode_order_empty(struct bytecode_order *order)
{
	for (size_t i = 0; i < STORES; i++) {
		free(TAKE_PTR(order->stores[i].path));
		string_list_clear(&order->stores[i].layers);
	}
	order->count = 0;
}

void bytecode_order_clear(struct bytecode_order *order)
{
	bytecode_order_empty(order);
	free(order->executable);
	free(order->tag);
	*order = (struct bytecode_order){0};
}

int bytecode_order_add(struct bytecode_order *order, const struct store *store, const char *digest)
{
	size_t i = 0;

	while (i < STORES && order->stores[i].path &&
	       strcmp(order->stores[i].path, store->path) != 0)
		i++;
	if (i == STORES)
		return -EINVAL;
	if (!order->stores[i].path) {
		if (!store_is_writable(store))
			return 0;
		order->stores[i].path = strdup(store->path);
		if (!order->stores[i].path)
			return -ENOMEM;
	}
	order->count++;
	return string_list_add(&order->stores[i].layers, digest, strlen(digest));
}

void bytecode_order_run(const struct bytecode_order *order, bool wait)
{
	for (size_t i = 0; i < STORES && order->stores[i].path; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		const struct compile_order compile = {
			.store = order->stores[i].path,
			.executable = order->executable,
			.tag = order->tag,
			.layers = (const char *const *)order->stores[i].layers.items,
			.count = order->stores[i].layers.count,
			.timeout_ms = COMPILE_TIMEOUT_MS,
			.wait = wait,
		};
		int r = store_compile(&compile, &error);

		if (r < 0)
			log_warning("no bytecode for layers of %s: %s", compile.store,
				    error.message ? error.message : strerror(-r));
	}
}
