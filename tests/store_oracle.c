/*
 * The oracle of the store fuzzer.
 */
#include "tests/store_oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/contents.h"
#include "sim/machine.h"

void store_oracle_wrong(struct store_oracle *o, const char *fmt, ...)
{
	va_list ap;

	if (*o->wrong)
		return;
	va_start(ap, fmt);
	vsnprintf(o->wrong, sizeof(o->wrong), fmt, ap);
	va_end(ap);
}

static u64 map_words(void)
{
	return (kernel->max_pfn << PAGE_SHIFT) / BITS_PER_WORD;
}

void store_oracle_init(struct store_oracle *o, struct store *store)
{
	*o = (struct store_oracle){.store = store, .next_key = 1};
	o->used = calloc(map_words(), sizeof(u64));
	o->live = calloc(STORE_OBJECTS_MAX, sizeof(*o->live));
	ASSERT(o->used && o->live);
}

void store_oracle_fini(struct store_oracle *o)
{
	free(o->used);
	free(o->live);
}

/* ---- What the machine reports ---- */

static void listen(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	static const char *const bad[] = {"double_free", "use_after_free", "invalid_pointer",
					  "poison",	 "redzone",	   "leak"};
	struct store_oracle *o = arg;

	(void)t_ns, (void)cpu;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!strcmp(kind, bad[i]))
			store_oracle_wrong(o, "reported: %s: %s", kind, detail);
}

void store_oracle_listen(struct store_oracle *o)
{
	struct machine *m = machine_current();

	m->on_event = listen;
	m->on_event_arg = o;
}

/* ---- Where objects lie ---- */

static bool is_of_store(const struct store *source, const void *addr)
{
	if (!virt_addr_valid(addr))
		return false;
	if (source->nr_pages)
		return store_page_of(source, (unsigned long)addr);
	return virt_to_head_page(addr)->flags & PG_slab;
}

/* The bytes from `from` to `end`, a word at a time: true if one of them was as it shall be. */
static bool mark_bytes(u64 *used, u64 from, u64 end, bool use)
{
	bool was = false;

	while (from < end) {
		u64 first = from % BITS_PER_WORD, n = min(BITS_PER_WORD - first, end - from);
		u64 bits = (n == BITS_PER_WORD ? ~0ULL : (1ULL << n) - 1) << first;
		u64 *word = &used[from / BITS_PER_WORD];

		was |= (use ? *word : ~*word) & bits;
		*word = use ? *word | bits : *word & ~bits;
		from += n;
	}
	return was;
}

/* Marks them as used, or as free again; a byte that is so already is somebody else's. */
static void mark(struct store_oracle *o, const struct store_object *so, bool use)
{
	for (int i = 0; i < so->nr_spans; i++) {
		u64 from = virt_to_phys(so->spans[i].addr);

		if (mark_bytes(o->used, from, from + so->spans[i].len, use))
			store_oracle_wrong(o, "an object of %u bytes at 0x%llx overlaps another",
					   so->size, (unsigned long long)from);
	}
}

static void locate(struct store_oracle *o, struct store_object *so)
{
	const struct store *source = store_source(o->store);
	u64 bytes = 0;
	int n = store_map(o->store, so->handle, so->size, so->spans);

	so->nr_spans = 0;
	if (n <= 0 || n > STORE_SPANS_MAX) {
		store_oracle_wrong(o, "an object of %u bytes lies in %d pieces", so->size, n);
		return;
	}
	for (int i = 0; i < n; i++) {
		const char *first = so->spans[i].addr;

		bytes += so->spans[i].len;
		if (!so->spans[i].len || so->spans[i].len > PAGE_SIZE ||
		    !is_of_store(source, first) ||
		    !is_of_store(source, first + so->spans[i].len - 1)) {
			store_oracle_wrong(o, "an object of %u bytes lies outside of the store",
					   so->size);
			return;
		}
	}
	if (bytes < so->size)
		store_oracle_wrong(o, "an object of %u bytes has room for %llu", so->size,
				   (unsigned long long)bytes);
	so->nr_spans = n;
	mark(o, so, true);
}

static u64 nr_runs(const struct store_oracle *o)
{
	return store_source(o->store)->compacted.runs;
}

static void locate_all(struct store_oracle *o)
{
	for (unsigned int i = 0; i < o->nr_live; i++)
		mark(o, &o->live[i], false);
	for (unsigned int i = 0; i < o->nr_live; i++)
		locate(o, &o->live[i]);
	o->nr_runs = nr_runs(o);
}

static void catch_up(struct store_oracle *o)
{
	if (o->nr_runs != nr_runs(o))
		locate_all(o);
}

/* ---- What is in them ---- */

static void verify_contents(struct store_oracle *o, const struct store_object *so)
{
	u32 at = 0;

	for (int i = 0; i < so->nr_spans && at < so->size; i++) {
		u32 len = min(so->spans[i].len, so->size - at);

		if (!contents_same(so->spans[i].addr, at, len, so->key))
			store_oracle_wrong(o, "bytes %u to %u of an object of %u have changed", at,
					   at + len - 1, so->size);
		at += len;
	}
}

static void check_counts(struct store_oracle *o)
{
	const struct layer *l = o->store->layer;

	if (l->live_objs != o->nr_live || l->live_bytes != (s64)o->live_bytes)
		store_oracle_wrong(o, "%lld objects, %lld bytes are counted, %u and %llu are live",
				   (long long)l->live_objs, (long long)l->live_bytes, o->nr_live,
				   (unsigned long long)o->live_bytes);
}

/* Frees that wait are in the store's books, and not in ours. */
static void check_stats(struct store_oracle *o)
{
	const struct store *source = store_source(o->store);
	struct store_stats s;
	u64 total;

	store_stats(o->store, &s);
	total = store_total_bytes(&s);
	if (s.pages != source->nr_pages && source->nr_pages)
		store_oracle_wrong(o, "%llu pages are counted, it has %llu",
				   (unsigned long long)s.pages,
				   (unsigned long long)source->nr_pages);
	if (s.reserve_pages > s.pages || s.blocks < (u64)source->layer->live_objs)
		store_oracle_wrong(o, "%llu blocks, %llu of %llu pages in reserve, %u objects",
				   (unsigned long long)s.blocks,
				   (unsigned long long)s.reserve_pages, (unsigned long long)s.pages,
				   o->nr_live);
	if (s.pages && s.block_bytes + s.free_bytes > total)
		store_oracle_wrong(o, "%llu bytes in blocks and %llu free, of %llu",
				   (unsigned long long)s.block_bytes,
				   (unsigned long long)s.free_bytes, (unsigned long long)total);
	if (s.block_bytes < o->live_bytes)
		store_oracle_wrong(o, "%llu bytes in blocks, %llu in objects",
				   (unsigned long long)s.block_bytes,
				   (unsigned long long)o->live_bytes);
}

void store_oracle_verify(struct store_oracle *o)
{
	locate_all(o);
	for (unsigned int i = 0; i < o->nr_live; i++)
		verify_contents(o, &o->live[i]);
	check_counts(o);
	check_stats(o);
	if (!*o->wrong)
		store_check(o->store);
}

/* ---- Operations ---- */

static void write(struct store_oracle *o, struct store_object *so)
{
	char buf[CONTENTS_MAX];

	so->key = o->next_key++;
	contents_make(buf, so->size, so->key);
	if (!store_write(o->store, so->handle, buf, so->size))
		store_oracle_wrong(o, "an object of %u bytes cannot be written", so->size);
	verify_contents(o, so);
}

bool store_oracle_malloc(struct store_oracle *o, u32 size, gfp_t flags)
{
	struct store_object so = {.size = size};

	ASSERT(o->nr_live < STORE_OBJECTS_MAX);
	catch_up(o);
	so.handle = store_malloc(o->store, size, flags);
	if (!so.handle)
		return false;
	for (unsigned int i = 0; i < o->nr_live; i++)
		if (o->live[i].handle == so.handle)
			store_oracle_wrong(o, "a handle is handed out twice");
	o->live_bytes += size;
	locate(o, &so);
	if (!*o->wrong)
		write(o, &so);
	o->live[o->nr_live++] = so;
	return true;
}

void store_oracle_write(struct store_oracle *o, unsigned int i)
{
	catch_up(o);
	verify_contents(o, &o->live[i]);
	if (!*o->wrong)
		write(o, &o->live[i]);
}

void store_oracle_read(struct store_oracle *o, unsigned int i)
{
	const struct store_object *so = &o->live[i];
	char buf[CONTENTS_MAX];

	if (!store_read(o->store, so->handle, buf, so->size))
		store_oracle_wrong(o, "an object of %u bytes cannot be read", so->size);
	else if (!contents_same(buf, 0, so->size, so->key))
		store_oracle_wrong(o, "an object of %u bytes is read as something else", so->size);
}

/* Readers that found it before may still look where frees wait. */
void store_oracle_free(struct store_oracle *o, unsigned int i)
{
	struct store_object so;
	char buf[CONTENTS_MAX];

	catch_up(o);
	so = o->live[i];
	verify_contents(o, &so);
	mark(o, &so, false);
	o->live[i] = o->live[--o->nr_live];
	o->live_bytes -= so.size;
	if (!store_free(o->store, so.handle, so.size)) {
		store_oracle_wrong(o, "an object of %u bytes cannot be freed", so.size);
		return;
	}
	if (o->store->defers_free && (!store_read(o->store, so.handle, buf, so.size) ||
				      !contents_same(buf, 0, so.size, so.key)))
		store_oracle_wrong(o, "an object of %u bytes is gone before the grace period",
				   so.size);
}

struct store_compact store_oracle_compact(struct store_oracle *o, u64 goal_pages, u64 bytes_max)
{
	struct store_compact c = {.goal_pages = goal_pages, .bytes_max = bytes_max};
	u64 pages = store_source(o->store)->nr_pages, left;
	struct store_stats before;

	store_stats(o->store, &before);
	store_compact(o->store, &c);
	left = store_source(o->store)->nr_pages;
	if (pages - left != c.freed_pages)
		store_oracle_wrong(o, "compaction says %llu pages, and %lld are gone",
				   (unsigned long long)c.freed_pages, (long long)(pages - left));
	if (c.freed_pages > before.freeable_pages)
		store_oracle_wrong(o, "compaction freed %llu pages of at most %llu",
				   (unsigned long long)c.freed_pages,
				   (unsigned long long)before.freeable_pages);
	if (bytes_max < UINT64_MAX && c.moved_bytes > bytes_max + o->store->size_max)
		store_oracle_wrong(o, "compaction moved %llu bytes of at most %llu",
				   (unsigned long long)c.moved_bytes,
				   (unsigned long long)bytes_max);
	if (c.more && c.moved_bytes < bytes_max)
		store_oracle_wrong(o, "compaction stopped after %llu of %llu bytes, for no reason",
				   (unsigned long long)c.moved_bytes,
				   (unsigned long long)bytes_max);
	return c;
}
