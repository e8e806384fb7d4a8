/*
 * debug (store): contents checked on every read, and who did what to each object.
 *
 * Theory: a handle is the address of a record that remembers the object: its length, checksums of
 * what was written, who allocated, wrote and freed it. So a call is believed only if the record is
 * that of a live object of this length; what is read is compared with what was written last, and so
 * is what lies there when the object goes. Eight checksums, each of an eighth of the object, tell
 * where it changed. Records of objects that were freed are kept for a while, the oldest given up
 * first: until then a second free, or a read, is told apart from a handle that never was one. What
 * is found is reported with the call sites, and the run goes on: a call that cannot be right is
 * refused, contents that have changed are from then on what is expected.
 *
 * Invariant: every live object of the base's that came through here has a record on `live`; at most
 * `remember` records are on `freed`, in order of their frees.
 *
 * Unlike Linux: zpool has no such thing; the texts are those of SLUB's (mm/slub.c).
 */
#include <string.h>

#include "alloc/layer.h"
#include "alloc/slab_leak.h"
#include "alloc/store_record.h"
#include "alloc/track.h"
#include "lib/digest.h"

#define RECORD_LIVE 0x6576696c20626f31ULL
#define RECORD_FREED 0x6465657266626f32ULL
#define RECORD_END 0x646e65206f626a33ULL
#define NR_SUMS 8

struct debug_record {
	u64 state;
	const struct store *owner;
	unsigned long handle; /* the base's */
	struct list_head list;
	u32 size;
	u32 is_written;
	u32 sums[NR_SUMS];
	struct track allocated, written, freed;
	u64 end;
};

struct debug_options {
	u64 remember;
};

struct debug_store {
	struct store s;
	u64 remember;
	struct list_head live, freed; /* oldest first */
	u64 nr_live, nr_freed;
};

static struct debug_store *to_debug(const struct store *self)
{
	return container_of((struct store *)(unsigned long)self, struct debug_store, s);
}

/* ---- Whose handle is it? ---- */

/* NULL: the address is that of no object of the cache. */
static struct debug_record *record_at(const struct debug_store *d, unsigned long handle)
{
	return store_cache_holds(store_records(&d->s), handle) ? (struct debug_record *)handle
							       : NULL;
}

static bool is_whole(const struct debug_store *d, const struct debug_record *r)
{
	return (r->state == RECORD_LIVE || r->state == RECORD_FREED) && r->owner == &d->s &&
	       r->end == RECORD_END;
}

static bool is_live(const struct debug_store *d, const struct debug_record *r)
{
	return r && is_whole(d, r) && r->state == RECORD_LIVE;
}

static void report_freed(const struct debug_store *d, const struct debug_record *r,
			 const char *call)
{
	bool twice = !strcmp(call, "free");

	report_event(twice ? "double_free" : "use_after_free",
		     "BUG %s: %s of handle 0x%llx, whose object of %u bytes is %s\n"
		     "Allocated in %s age=%llu cpu=%u\nFreed in %s age=%llu cpu=%u\n%s in %s "
		     "cpu=%d",
		     d->s.name, call, handle_name((unsigned long)r), r->size,
		     twice ? "free already" : "free", site_name(r->allocated.site),
		     track_age(&r->allocated), r->allocated.cpu, site_name(r->freed.site),
		     track_age(&r->freed), r->freed.cpu, twice ? "Freed again" : "Used",
		     site_name(kernel->site), smp_processor_id());
}

static void report_stranger(const struct debug_store *d, unsigned long handle, const char *call)
{
	char where[128];

	store_describe(&d->s, handle, where, sizeof(where));
	report_event("invalid_pointer",
		     "BUG %s: %s of handle 0x%llx, which is none: %s\nUsed in %s cpu=%d", d->s.name,
		     call, handle_name(handle), where, site_name(kernel->site), smp_processor_id());
}

/* A record of which only a part is one. */
static void report_damaged(const struct debug_store *d, const struct debug_record *r,
			   const char *call)
{
	char dump[3 * DUMP_BYTES + 1];

	report_event("redzone",
		     "BUG %s: %s of handle 0x%llx, whose record is overwritten\nFound in %s "
		     "cpu=%d\nBytes   %s",
		     d->s.name, call, handle_name((unsigned long)r), site_name(kernel->site),
		     smp_processor_id(), dump_bytes(dump, (const u8 *)r, sizeof(*r)));
}

static void report_handle(const struct debug_store *d, unsigned long handle, const char *call)
{
	const struct debug_record *r = record_at(d, handle);

	if (r && is_whole(d, r))
		report_freed(d, r, call);
	else if (r && r->owner == &d->s)
		report_damaged(d, r, call);
	else if (r && (r->state == RECORD_LIVE) + (r->end == RECORD_END) == 1)
		report_damaged(d, r, call);
	else
		report_stranger(d, handle, call);
}

/* More than there is room for would damage somebody else's. */
static void report_size(const struct debug_store *d, const struct debug_record *r, size_t size,
			const char *call)
{
	report_event(!strcmp(call, "write") && size > r->size ? "redzone" : "invalid_pointer",
		     "BUG %s: %s of %zu bytes of handle 0x%llx, whose object has %u\n"
		     "Allocated in %s age=%llu cpu=%u\nUsed in %s cpu=%d",
		     d->s.name, call, size, handle_name((unsigned long)r), r->size,
		     site_name(r->allocated.site), track_age(&r->allocated), r->allocated.cpu,
		     site_name(kernel->site), smp_processor_id());
}

/* The live object of this handle and length; NULL, and reported: there is none. */
static struct debug_record *find(struct debug_store *d, unsigned long handle, size_t size,
				 const char *call)
{
	struct debug_record *r = record_at(d, handle);

	charge(COST_CALL);
	if (likely(is_live(d, r) && r->size == size))
		return r;
	d->s.nr_bad++;
	if (is_live(d, r))
		report_size(d, r, size, call);
	else
		report_handle(d, handle, call);
	return NULL;
}

/* ---- Contents ---- */

static u32 part_bytes(u32 size)
{
	return DIV_ROUND_UP(size, NR_SUMS);
}

static u32 checksum(const u8 *from, size_t n)
{
	u64 digest = DIGEST_INIT, word;

	for (; n >= 8; n -= 8, from += 8) {
		memcpy(&word, from, 8);
		digest = digest_u64(digest, word);
	}
	word = n;
	memcpy(&word, from, n);
	return (u32)(digest_u64(digest_u64(digest, n), word) >> 32);
}

static void make_sums(u32 sums[NR_SUMS], const u8 *contents, u32 size)
{
	u32 step = part_bytes(size);

	for (u32 i = 0; i < NR_SUMS; i++) {
		u32 from = min(i * step, size);

		sums[i] = checksum(contents + from, min(step, size - from));
	}
}

static void report_changed(const struct debug_store *d, const struct debug_record *r,
			   const u32 sums[NR_SUMS], const u8 *contents, const char *call)
{
	u32 first = 0, last = NR_SUMS - 1, step = part_bytes(r->size), from, to;
	char dump[3 * DUMP_BYTES + 1];

	while (r->sums[first] == sums[first])
		first++;
	while (r->sums[last] == sums[last])
		last--;
	from = first * step;
	to = min((last + 1) * step, r->size);
	report_event("poison",
		     "BUG %s: contents of handle 0x%llx have changed, in bytes %u to %u of %u\n"
		     "Allocated in %s age=%llu cpu=%u\nWritten in %s age=%llu cpu=%u\n"
		     "Found by a %s in %s cpu=%d\nByte %-4u %s",
		     d->s.name, handle_name((unsigned long)r), from, to - 1, r->size,
		     site_name(r->allocated.site), track_age(&r->allocated), r->allocated.cpu,
		     site_name(r->written.site), track_age(&r->written), r->written.cpu, call,
		     site_name(kernel->site), smp_processor_id(), from,
		     dump_bytes(dump, contents + from, to - from));
}

static void check_contents(const struct debug_store *d, struct debug_record *r, const u8 *contents,
			   const char *call)
{
	u32 sums[NR_SUMS];

	charge_bytes(r->size);
	make_sums(sums, contents, r->size);
	if (likely(!memcmp(sums, r->sums, sizeof(sums))))
		return;
	report_changed(d, r, sums, contents, call);
	memcpy(r->sums, sums, sizeof(sums));
}

/* As they lie there, and in no time; false: the base has no such object. */
static bool gather(const struct debug_store *d, const struct debug_record *r, u8 *buf)
{
	struct store_span spans[STORE_SPANS_MAX];
	int n = store_map(d->s.base, r->handle, r->size, spans);

	if (n)
		store_spans_read(spans, n, buf, r->size);
	return n;
}

/* ---- Methods ---- */

static unsigned long debug_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct debug_store *d = to_debug(self);
	unsigned long handle;
	struct debug_record *r = store_record_alloc(self, size, flags, &handle);

	if (unlikely(!r))
		return 0;
	*r = (struct debug_record){
		.state = RECORD_LIVE,
		.owner = self,
		.handle = handle,
		.size = (u32)size,
		.allocated = track_now(),
		.end = RECORD_END,
	};
	charge_bytes(sizeof(*r));
	list_add_tail(&r->list, &d->live);
	d->nr_live++;
	return (unsigned long)r;
}

static void forget(struct debug_store *d, struct debug_record *r)
{
	r->state = 0;
	r->owner = NULL;
	list_del(&r->list);
	kmem_cache_free(store_records(&d->s), r);
}

static bool debug_free(struct store *self, unsigned long handle, size_t size)
{
	struct debug_store *d = to_debug(self);
	struct debug_record *r = find(d, handle, size, "free");
	u8 contents[PAGE_SIZE];

	if (unlikely(!r))
		return false;
	store_touch(r);
	if (r->is_written && gather(d, r, contents))
		check_contents(d, r, contents, "free");
	if (unlikely(!store_free(self->base, r->handle, size)))
		return false;
	r->state = RECORD_FREED;
	r->freed = track_now();
	list_move_tail(&r->list, &d->freed);
	d->nr_live--;
	if (++d->nr_freed > d->remember) {
		forget(d, list_first_entry(&d->freed, struct debug_record, list));
		d->nr_freed--;
	}
	return true;
}

static bool debug_write(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	struct debug_store *d = to_debug(self);
	struct debug_record *r = find(d, handle, size, "write");

	if (unlikely(!r || !store_write(self->base, r->handle, buf, size)))
		return false;
	charge_bytes(size);
	make_sums(r->sums, buf, r->size);
	r->is_written = true;
	r->written = track_now();
	return true;
}

static bool debug_read(struct store *self, unsigned long handle, void *buf, size_t size)
{
	struct debug_store *d = to_debug(self);
	struct debug_record *r = find(d, handle, size, "read");

	if (unlikely(!r || !store_read(self->base, r->handle, buf, size)))
		return false;
	if (likely(r->is_written))
		check_contents(d, r, buf, "read");
	else
		report_event("poison",
			     "BUG %s: read of handle 0x%llx, whose %u bytes nobody wrote\n"
			     "Allocated in %s age=%llu cpu=%u\nRead in %s cpu=%d",
			     self->name, handle_name(handle), r->size, site_name(r->allocated.site),
			     track_age(&r->allocated), r->allocated.cpu, site_name(kernel->site),
			     smp_processor_id());
	return true;
}

static int debug_map(const struct store *self, unsigned long handle, size_t size,
		     struct store_span spans[STORE_SPANS_MAX])
{
	const struct debug_store *d = to_debug(self);
	const struct debug_record *r = record_at(d, handle);

	return is_live(d, r) && r->size == size ? store_map(self->base, r->handle, size, spans) : 0;
}

static void debug_stats(const struct store *self, struct store_stats *s)
{
	const struct debug_store *d = to_debug(self);

	store_cache_stats(store_records(&d->s), d->nr_live + d->nr_freed, s);
}

static void check_list(const struct debug_store *d, const struct list_head *list, u64 state, u64 nr)
{
	const struct debug_record *r;
	u8 contents[PAGE_SIZE];
	u32 sums[NR_SUMS];
	u64 found = 0;

	list_for_each_entry (r, list, list) {
		found++;
		ASSERT(record_at(d, (unsigned long)r) == r && is_whole(d, r) && r->state == state);
		if (state == RECORD_FREED || !r->is_written)
			continue;
		ASSERT(gather(d, r, contents));
		make_sums(sums, contents, r->size);
		ASSERT(!memcmp(sums, r->sums, sizeof(sums)));
	}
	ASSERT(found == nr);
}

static void debug_check(const struct store *self)
{
	const struct debug_store *d = to_debug(self);

	check_list(d, &d->live, RECORD_LIVE, d->nr_live);
	check_list(d, &d->freed, RECORD_FREED, d->nr_freed);
	ASSERT(d->nr_live == (u64)self->layer->live_objs && d->nr_freed <= d->remember);
}

/* ---- The end ---- */

/* The first record of the list; NULL: there is none, or what was written over it hides the rest. */
static struct debug_record *first_whole(const struct debug_store *d, const struct list_head *list)
{
	struct debug_record *r = list_first_entry(list, struct debug_record, list);

	if (list_empty(list) || !record_at(d, (unsigned long)r) || !is_whole(d, r))
		return NULL;
	return r;
}

static void report_leak(const struct debug_store *d)
{
	const struct debug_record *r;
	struct leak_sites ls = {.nr = 0};
	char sites[1024];
	struct text t = text_in(sites, sizeof(sites));
	u64 found = 0, bytes = 0;

	list_for_each_entry (r, &d->live, list) {
		if (!record_at(d, (unsigned long)r) || !is_whole(d, r))
			break;
		leak_site_add(&ls, r->allocated.site);
		bytes += r->size;
		found++;
	}
	leak_sites_print(&ls, &t);
	report_event("leak", "BUG %s: %llu objects still in use, %llu bytes in %llu of them%s",
		     d->s.name, (unsigned long long)d->nr_live, (unsigned long long)bytes,
		     (unsigned long long)found, sites);
}

static void debug_destructor(struct store *self)
{
	struct debug_store *d = to_debug(self);
	struct debug_record *r;

	if (d->nr_live)
		report_leak(d);
	while ((r = first_whole(d, &d->live))) {
		store_free(self->base, r->handle, r->size);
		forget(d, r);
	}
	while ((r = first_whole(d, &d->freed)))
		forget(d, r);
	store_release(self);
}

static struct allocator_desc debug_store_desc;

static int check_base(const struct store *base, struct err *e)
{
	if (base->defers_free)
		return err_set(e,
			       "a free waits in '%s': debug would report readers that may still "
			       "look (the order that works: rcu:debug:...)",
			       base->name);
	if (store_chain_has(base, &debug_store_desc))
		return err_set(e, "'%s' has checksums already: two would check the same objects",
			       base->name);
	return 0;
}

static struct store *debug_create(struct store *base, const struct store_env *env,
				  const void *options, struct err *e)
{
	const struct debug_options *o = options;
	struct debug_store *d;

	if (check_base(base, e))
		return NULL;
	d = instance_alloc(sizeof(*d));
	if (derive_store_with_records(&d->s, base, env, &debug_store_desc, "store_debug",
				      sizeof(struct debug_record),
				      "debug compares what is read with what was written", e))
		return NULL;
	ASSERT(base->size_max <= PAGE_SIZE);
	INIT_LIST_HEAD(&d->live);
	INIT_LIST_HEAD(&d->freed);
	d->remember = o->remember;
	d->s.malloc = debug_malloc;
	d->s.free = debug_free;
	d->s.write = debug_write;
	d->s.read = debug_read;
	d->s.map = debug_map;
	d->s.stats = debug_stats;
	d->s.check = debug_check;
	d->s.destructor = debug_destructor;
	return &d->s;
}

static const struct opt_desc debug_opts[] = {
	OPT_U64("remember", struct debug_options, remember, "256", 0, 1 << 20,
		"freed objects whose handles are still told from those that never were any"),
	OPT_END,
};

static struct allocator_desc debug_store_desc = {
	.name = "debug",
	.kind = ALLOC_STORE,
	.role = ROLE_LAYER,
	.summary = "contents checked on every read, and who allocated, wrote and freed",
	.help = "Finds contents that have changed, double frees, uses of freed and of foreign "
		"handles, wrong lengths, reads of what nobody wrote, objects left in a store that "
		"is destroyed; reports each with the call sites, and goes on. Each object has a "
		"record of 136 bytes, which its handle names; so has each freed one that is "
		"remembered.",
	.options = debug_opts,
	.options_size = sizeof(struct debug_options),
	.create_store = debug_create,
};
ALLOCATOR(debug_store_desc)
