#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inode_map.h"
#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "view.h"

/* Slots are kept in chunks that never move. An id is its slot, and above it how often the slot was
 * used before. */
#define CHUNK_NODES 1024u
#define CHUNKS      65536u
#define ROOT_SLOT   1u

struct slot {
	struct node *node; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct node_table {
	pthread_mutex_t lock;
	struct slot *chunks[CHUNKS];
	uint32_t slot_count, first_free; /* 0: no free slot */
	struct node *root;
	size_t count;
	struct name **buckets; /* a power of two of them */
	size_t bucket_count, name_count;
	struct inode_map inodes;
	uint64_t epoch;
};

static struct slot *slot_at(struct node_table *table, uint32_t index)
{
	struct slot *chunk = index < table->slot_count ? table->chunks[index / CHUNK_NODES] : NULL;

	return chunk ? &chunk[index % CHUNK_NODES] : NULL;
}

/* A free slot's index, or 0 without memory. */
static uint32_t slot_allocate(struct node_table *table)
{
	uint32_t index = table->first_free;

	if (index != 0) {
		table->first_free = slot_at(table, index)->next_free;
		return index;
	}
	index = table->slot_count;
	if (index / CHUNK_NODES >= CHUNKS)
		return 0;
	if (!table->chunks[index / CHUNK_NODES]) {
		table->chunks[index / CHUNK_NODES] = calloc(CHUNK_NODES, sizeof(struct slot));
		if (!table->chunks[index / CHUNK_NODES])
			return 0;
	}
	table->slot_count = index + 1;
	return index;
}

static uint32_t name_hash(const struct node *parent, const char *name)
{
	uint64_t hash =
		hash_bytes(name, strlen(name), HASH_SEED ^ parent->id * 0x9e3779b97f4a7c15ull);

	return (uint32_t)(hash ^ hash >> 32);
}

static struct name **find_slot(struct node_table *table, const struct node *parent,
			       const char *name)
{
	uint32_t hash = name_hash(parent, name);
	struct name **slot = &table->buckets[hash & (table->bucket_count - 1)];

	while (*slot && ((*slot)->hash != hash || (*slot)->parent != parent ||
			 strcmp((*slot)->text, name) != 0))
		slot = &(*slot)->chain;
	return slot;
}

static void grow_buckets(struct node_table *table)
{
	size_t count = table->bucket_count * 2;
	struct name **buckets = calloc(count, sizeof(struct name *));

	if (!buckets)
		return; /* longer chains, nothing worse */
	for (size_t i = 0; i < table->bucket_count; i++) {
		for (struct name *name = table->buckets[i], *next; name; name = next) {
			next = name->chain;
			name->chain = buckets[name->hash & (count - 1)];
			buckets[name->hash & (count - 1)] = name;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

static struct name *name_new(const char *text)
{
	size_t size = strlen(text) + 1;
	struct name *name = malloc(offsetof(struct name, text) + size);

	if (name)
		memcpy(name->text, text, size);
	return name;
}

static void name_attach(struct node_table *table, struct name *name, struct node *parent,
			struct node *node)
{
	if (table->name_count++ >= table->bucket_count)
		grow_buckets(table);
	name->hash = name_hash(parent, name->text);
	name->parent = parent;
	name->node = node;
	name->chain = table->buckets[name->hash & (table->bucket_count - 1)];
	table->buckets[name->hash & (table->bucket_count - 1)] = name;
	name->alias = node->names;
	node->names = name;
	parent->children++;
}

/* Takes @name out of the hash and off its node; it is the caller's. */
static void name_detach(struct node_table *table, struct name *name)
{
	struct name **slot = &table->buckets[name->hash & (table->bucket_count - 1)];

	while (*slot != name)
		slot = &(*slot)->chain;
	*slot = name->chain;
	slot = &name->node->names;
	while (*slot != name)
		slot = &(*slot)->alias;
	*slot = name->alias;
	name->parent->children--;
	table->name_count--;
}

struct node_table *node_table_new(struct view *view, uint64_t root_ino, enum node_source source)
{
	struct node_table *table = calloc(1, sizeof(*table));
	struct node *root = calloc(1, sizeof(*root));

	if (table) {
		table->bucket_count = 1024;
		table->buckets = calloc(table->bucket_count, sizeof(struct name *));
		table->slot_count = ROOT_SLOT;
		if (!table->buckets || slot_allocate(table) != ROOT_SLOT) {
			free(table->buckets);
			free(table);
			table = NULL;
		}
	}
	if (!table || !root) {
		node_table_free(table);
		free(root);
		return NULL;
	}
	pthread_mutex_init(&table->lock, NULL);
	*root = (struct node){
		.id = ROOT_SLOT,
		.ino = root_ino,
		.lookups = 1,
		.source = source,
		.kind = S_IFDIR,
		.view = view,
	};
	slot_at(table, ROOT_SLOT)->node = root;
	table->root = root;
	table->count = 1;
	return table;
}

/* Frees what belongs to a node that is in no table any more. May close files: no lock is held. */
static void node_destroy(struct node *node)
{
	if (node->source == NODE_CONTROL)
		content_drop(node->snapshot);
	else
		view_free(node->view);
	if (node->orphan) {
		if (node->orphan->fd >= 0)
			close(node->orphan->fd);
		free(node->orphan->lower);
		free(node->orphan);
	}
	free(node);
}

void node_table_free(struct node_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->bucket_count; i++) {
		for (struct name *name = table->buckets[i], *next; name; name = next) {
			next = name->chain;
			free(name);
		}
	}
	for (uint32_t i = 0; i < table->slot_count; i++)
		if (slot_at(table, i) && slot_at(table, i)->node)
			node_destroy(slot_at(table, i)->node);
	for (uint32_t i = 0; i < CHUNKS && table->chunks[i]; i++)
		free(table->chunks[i]);
	inode_map_clear(&table->inodes);
	free(table->buckets);
	pthread_mutex_destroy(&table->lock);
	free(table);
}

struct node *node_table_root(struct node_table *table)
{
	return table->root;
}

size_t node_table_count(struct node_table *table)
{
	size_t count;

	pthread_mutex_lock(&table->lock);
	count = table->count;
	pthread_mutex_unlock(&table->lock);
	return count;
}

static struct node *get_locked(struct node_table *table, uint64_t id)
{
	struct slot *slot = slot_at(table, (uint32_t)id);

	return slot && slot->node && slot->node->id == id ? slot->node : NULL;
}

struct node *node_get(struct node_table *table, uint64_t id)
{
	struct node *node;

	pthread_mutex_lock(&table->lock);
	node = get_locked(table, id);
	pthread_mutex_unlock(&table->lock);
	return node;
}

/* A node made of @template, without a name; NULL without memory. */
static struct node *make_node(struct node_table *table, struct node_template *template)
{
	struct node *node = calloc(1, sizeof(*node));
	uint32_t index = node ? slot_allocate(table) : 0;
	struct slot *slot;

	if (index == 0) {
		free(node);
		return NULL;
	}
	slot = slot_at(table, index);
	*node = (struct node){
		.id = (uint64_t)slot->generation << 32 | index,
		.ino = template->ino,
		.lookups = 1,
		.layer = template->layer,
		.source = template->source,
		.kind = (uint16_t) template->kind,
	};
	if (template->source == NODE_CONTROL)
		node->snapshot = template->snapshot;
	else
		node->view = template->view;
	template->view = NULL;
	template->snapshot = NULL;
	slot->node = node;
	table->count++;
	return node;
}

/* Another name of a file that is known already, or NULL. */
static struct node *find_linked(struct node_table *table, const struct node_template *template)
{
	struct inode_entry *entry =
		template->upper_ino ? inode_map_find(&table->inodes, template->upper_ino) : NULL;

	return entry ? entry->node : NULL;
}

/* Lets later names of the same file find @node. Without memory they become nodes of their own. */
static void link_inode(struct node_table *table, struct node *node, uint64_t upper_ino)
{
	struct inode_entry *entry = inode_map_add(&table->inodes, upper_ino);

	if (entry) {
		entry->node = node;
		node->linked_ino = upper_ino;
	}
}

static int obtain_locked(struct node_table *table, struct node *parent, const char *text,
			 struct node_template *template, uint64_t epoch, struct node **out,
			 bool *made)
{
	struct name *name = *find_slot(table, parent, text);
	struct node *node;

	*made = false;
	if (name) {
		name->node->lookups++;
		*out = name->node;
		return 0;
	}
	if (epoch != table->epoch)
		return -EAGAIN;
	name = name_new(text);
	if (!name)
		return -ENOMEM;
	node = find_linked(table, template);
	if (node) {
		node->lookups++;
	} else {
		node = make_node(table, template);
		if (!node) {
			free(name);
			return -ENOMEM;
		}
		*made = true;
		if (template->has_names)
			link_inode(table, node, template->upper_ino);
	}
	name_attach(table, name, parent, node);
	*out = node;
	return 0;
}

int node_obtain(struct node_table *table, struct node *parent, const char *name,
		struct node_template *template, uint64_t epoch, struct node **out, bool *made)
{
	int r;

	pthread_mutex_lock(&table->lock);
	r = obtain_locked(table, parent, name, template, epoch, out, made);
	pthread_mutex_unlock(&table->lock);
	return r;
}

struct node *node_obtain_known(struct node_table *table, struct node *parent, const char *text)
{
	struct name *name;

	pthread_mutex_lock(&table->lock);
	name = *find_slot(table, parent, text);
	if (name)
		name->node->lookups++;
	pthread_mutex_unlock(&table->lock);
	return name ? name->node : NULL;
}

void node_raise(struct node_table *table, struct node *node)
{
	pthread_mutex_lock(&table->lock);
	node->lookups++;
	pthread_mutex_unlock(&table->lock);
}

struct node *node_add_nameless(struct node_table *table, struct node_template *template)
{
	struct node *node;

	pthread_mutex_lock(&table->lock);
	node = make_node(table, template);
	pthread_mutex_unlock(&table->lock);
	return node;
}

/* Takes @node out of the table when nobody needs it, and then its parents likewise. They are put on
 * the list *dead, to be destroyed when the lock is released. */
static void release_unused(struct node_table *table, struct node *node, struct node **dead)
{
	struct slot *slot;

	if (node == table->root || node->lookups > 0 || node->children > 0)
		return;
	slot = slot_at(table, (uint32_t)node->id);
	slot->node = NULL;
	slot->generation++;
	slot->next_free = table->first_free;
	table->first_free = (uint32_t)node->id;
	table->count--;
	if (node->linked_ino)
		inode_map_drop_node(&table->inodes, node->linked_ino);
	node->next_dead = *dead;
	*dead = node;
	while (node->names) {
		struct name *name = node->names;
		struct node *parent = name->parent;

		name_detach(table, name);
		free(name);
		release_unused(table, parent, dead); /* as deep as the tree */
	}
}

static void destroy_all(struct node *dead)
{
	while (dead) {
		struct node *next = dead->next_dead;

		node_destroy(dead);
		dead = next;
	}
}

bool node_forget(struct node_table *table, uint64_t id, uint64_t count)
{
	struct node *dead = NULL, *node;
	bool gone;

	pthread_mutex_lock(&table->lock);
	node = get_locked(table, id);
	if (node) {
		node->lookups -= count < node->lookups ? count : node->lookups;
		release_unused(table, node, &dead);
	}
	gone = dead != NULL;
	pthread_mutex_unlock(&table->lock);
	destroy_all(dead);
	return gone;
}

int node_add_name(struct node_table *table, struct node *node, struct node *parent,
		  const char *text, uint64_t upper_ino)
{
	struct name *name = name_new(text);

	if (!name)
		return -ENOMEM;
	pthread_mutex_lock(&table->lock);
	if (!node->linked_ino)
		link_inode(table, node, upper_ino);
	name_attach(table, name, parent, node);
	pthread_mutex_unlock(&table->lock);
	return 0;
}

void node_remove_name(struct node_table *table, struct node *parent, const char *text)
{
	struct node *dead = NULL;
	struct name *name;

	pthread_mutex_lock(&table->lock);
	name = *find_slot(table, parent, text);
	if (name) {
		struct node *node = name->node;

		name_detach(table, name);
		free(name);
		release_unused(table, node, &dead);
	}
	pthread_mutex_unlock(&table->lock);
	destroy_all(dead);
}

int node_move_name(struct node_table *table, struct node *parent, const char *text,
		   struct node *new_parent, const char *new_text)
{
	struct name *new_name = name_new(new_text), *name;

	if (!new_name)
		return -ENOMEM;
	pthread_mutex_lock(&table->lock);
	name = *find_slot(table, parent, text);
	if (name) {
		name_attach(table, new_name, new_parent, name->node);
		new_name = NULL;
		name_detach(table, name);
		free(name);
	}
	pthread_mutex_unlock(&table->lock);
	free(new_name);
	return 0;
}

int node_exchange_names(struct node_table *table, struct node *parent_a, const char *a,
			struct node *parent_b, const char *b)
{
	struct name *new_a = name_new(a), *new_b = name_new(b), *old_a, *old_b;

	if (!new_a || !new_b) {
		free(new_a);
		free(new_b);
		return -ENOMEM;
	}
	pthread_mutex_lock(&table->lock);
	old_a = *find_slot(table, parent_a, a);
	old_b = *find_slot(table, parent_b, b);
	if (old_b) {
		name_attach(table, new_a, parent_a, old_b->node);
		name_detach(table, old_b);
		new_a = NULL;
	}
	if (old_a) {
		name_attach(table, new_b, parent_b, old_a->node);
		name_detach(table, old_a);
		new_b = NULL;
	}
	pthread_mutex_unlock(&table->lock);
	free(old_a);
	free(old_b);
	free(new_a);
	free(new_b);
	return 0;
}

/* How long the node's path is, with the slashes between its parts, or -ESTALE. */
static ssize_t path_length(const struct node_table *table, const struct node *node)
{
	ssize_t length = 0;

	for (; node != table->root; node = node->names->parent) {
		if (!node->names)
			return -ESTALE;
		length += (ssize_t)strlen(node->names->text) + (length > 0);
	}
	return length;
}

/* Writes the path so that it ends at @end. */
static void write_path(const struct node_table *table, const struct node *node, char *end)
{
	char *p = end;

	for (; node != table->root; node = node->names->parent) {
		size_t length = strlen(node->names->text);

		if (p != end)
			*--p = '/';
		p -= length;
		memcpy(p, node->names->text, length);
	}
}

int node_path(struct node_table *table, const struct node *node, struct buffer *out)
{
	_cleanup_free_ char *path = NULL;
	ssize_t length;

	pthread_mutex_lock(&table->lock);
	length = path_length(table, node);
	path = length < 0 ? NULL : malloc((size_t)length + 1);
	if (path)
		write_path(table, node, path + length);
	pthread_mutex_unlock(&table->lock);
	if (!path)
		return length < 0 ? (int)length : -ENOMEM;
	buffer_append(out, path, (size_t)length);
	return buffer_status(out);
}

struct node *node_parent(struct node_table *table, const struct node *node, char **name)
{
	struct node *parent = NULL;

	*name = NULL;
	pthread_mutex_lock(&table->lock);
	if (node->names) {
		*name = strdup(node->names->text);
		parent = *name ? node->names->parent : NULL;
	}
	pthread_mutex_unlock(&table->lock);
	return parent;
}

bool node_is_within(struct node_table *table, const struct node *node, const struct node *directory)
{
	bool found;

	pthread_mutex_lock(&table->lock);
	while (node != directory && node != table->root && node->names)
		node = node->names->parent;
	found = node == directory;
	pthread_mutex_unlock(&table->lock);
	return found;
}

void node_each(struct node_table *table, void (*fn)(void *arg, const struct node *node), void *arg)
{
	pthread_mutex_lock(&table->lock);
	for (uint32_t i = ROOT_SLOT; i < table->slot_count; i++)
		if (slot_at(table, i)->node)
			fn(arg, slot_at(table, i)->node);
	pthread_mutex_unlock(&table->lock);
}

uint64_t node_epoch(struct node_table *table)
{
	uint64_t epoch;

	pthread_mutex_lock(&table->lock);
	epoch = table->epoch;
	pthread_mutex_unlock(&table->lock);
	return epoch;
}

void node_advance_epoch(struct node_table *table)
{
	pthread_mutex_lock(&table->lock);
	table->epoch++;
	pthread_mutex_unlock(&table->lock);
}

int node_remember_inode(struct node_table *table, uint64_t upper_ino, uint64_t shown)
{
	struct inode_entry *entry;

	pthread_mutex_lock(&table->lock);
	entry = inode_map_add(&table->inodes, upper_ino);
	if (entry)
		entry->shown = shown;
	pthread_mutex_unlock(&table->lock);
	return entry ? 0 : -ENOMEM;
}

uint64_t node_shown_inode(struct node_table *table, uint64_t upper_ino)
{
	struct inode_entry *entry;
	uint64_t shown;

	pthread_mutex_lock(&table->lock);
	entry = inode_map_find(&table->inodes, upper_ino);
	shown = entry && entry->shown ? entry->shown : upper_ino;
	pthread_mutex_unlock(&table->lock);
	return shown;
}

void node_forget_inode(struct node_table *table, uint64_t upper_ino)
{
	pthread_mutex_lock(&table->lock);
	inode_map_remove(&table->inodes, upper_ino);
	pthread_mutex_unlock(&table->lock);
}
