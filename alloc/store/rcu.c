/*
 * rcu (store): a free waits for a grace period.
 *
 * Theory: a reader that found an object under rcu_read_lock may still read it after it was freed.
 * So a handle is the address of a record with all that a free needs later (the rcu_head, the base's
 * handle, the length): freeing allocates nothing, it queues the record with call_rcu. Until the
 * callback gives the object to the base, its handle can be read, and not written. While the object
 * is in use the room of the rcu_head holds its place on the list of all of them, for the end.
 *
 * The back-pointer to the store also says what the object is: in use, in limbo (1 added) or freed
 * (2 added).
 *
 * Invariant: an object in limbo is live for the base, and its contents are what they were.
 *
 * Unlike Linux: zsmalloc and zbud have nothing of the kind; who reads without a lock there waits
 * for readers by himself.
 */
#include "alloc/layer.h"
#include "alloc/store_record.h"

enum { IN_USE, IN_LIMBO, FREED };

struct rcu_record {
	union {
		struct list_head list; /* in use */
		struct rcu_head head;  /* in limbo */
	};
	unsigned long handle; /* the base's */
	const char *state;    /* the store, plus one of the above */
	u32 size;
	u32 site; /* that freed it */
};

struct rcu_store {
	struct store s;
	struct list_head live;
	u64 nr_live;
};

static struct rcu_store *to_rcu(const struct store *self)
{
	return container_of((struct store *)(unsigned long)self, struct rcu_store, s);
}

static const char *state_of(const struct rcu_store *rs, int state)
{
	return (const char *)&rs->s + state;
}

/* The record of this handle, whatever became of its object; NULL: it is none of ours. */
static struct rcu_record *record_at(const struct rcu_store *rs, unsigned long handle)
{
	struct rcu_record *r = (struct rcu_record *)handle;

	if (!store_cache_holds(store_records(&rs->s), handle) || r->state < state_of(rs, IN_USE) ||
	    r->state > state_of(rs, FREED))
		return NULL;
	return r;
}

static bool bad(struct rcu_store *rs, const struct rcu_record *r, unsigned long handle,
		const char *call, bool is_free)
{
	const char *kind = "invalid_pointer";

	if (r && r->state != state_of(rs, IN_USE))
		kind = is_free ? "double_free" : "use_after_free";
	return store_bad(&rs->s, kind, call, handle);
}

/* ---- Methods ---- */

static unsigned long rcu_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct rcu_store *rs = to_rcu(self);
	unsigned long handle;
	struct rcu_record *r = store_record_alloc(self, size, flags, &handle);

	if (unlikely(!r))
		return 0;
	*r = (struct rcu_record){
		.handle = handle, .state = state_of(rs, IN_USE), .size = (u32)size};
	list_add_tail(&r->list, &rs->live);
	rs->nr_live++;
	return (unsigned long)r;
}

static void give_back(struct rcu_store *rs, struct rcu_record *r)
{
	r->state = state_of(rs, FREED);
	store_free(rs->s.base, r->handle, r->size);
	kmem_cache_free(store_records(&rs->s), r);
}

/* A grace period is over: who freed the object is the one to blame for what is found now. */
static void limbo_ends(struct rcu_head *head)
{
	struct rcu_record *r = container_of(head, struct rcu_record, head);
	struct rcu_store *rs = to_rcu((const struct store *)(const void *)(r->state - IN_LIMBO));

	kernel->site = r->site;
	layer_waits_no_more(rs->s.layer, r->size);
	give_back(rs, r);
	kernel->site = 0;
}

static bool rcu_free(struct store *self, unsigned long handle, size_t size)
{
	struct rcu_store *rs = to_rcu(self);
	struct rcu_record *r = record_at(rs, handle);

	charge(COST_CALL);
	if (unlikely(!r || r->state != state_of(rs, IN_USE) || r->size != size))
		return bad(rs, r, handle, "free", true);
	store_touch(r);
	list_del(&r->list);
	rs->nr_live--;
	r->state = state_of(rs, IN_LIMBO);
	r->site = kernel->site;
	layer_waits(self->layer, size);
	call_rcu(&r->head, limbo_ends);
	return true;
}

static bool rcu_write(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	struct rcu_store *rs = to_rcu(self);
	struct rcu_record *r = record_at(rs, handle);

	charge(COST_CALL);
	if (unlikely(!r || r->state != state_of(rs, IN_USE)))
		return bad(rs, r, handle, "write", false);
	return store_write(self->base, r->handle, buf, size);
}

static bool rcu_read(struct store *self, unsigned long handle, void *buf, size_t size)
{
	struct rcu_store *rs = to_rcu(self);
	struct rcu_record *r = record_at(rs, handle);

	charge(COST_CALL);
	if (unlikely(!r || r->state == state_of(rs, FREED)))
		return bad(rs, r, handle, "read", false);
	return store_read(self->base, r->handle, buf, size);
}

static int rcu_map(const struct store *self, unsigned long handle, size_t size,
		   struct store_span spans[STORE_SPANS_MAX])
{
	const struct rcu_store *rs = to_rcu(self);
	const struct rcu_record *r = record_at(rs, handle);

	if (!r || r->state == state_of(rs, FREED))
		return 0;
	return store_map(self->base, r->handle, size, spans);
}

static void rcu_stats(const struct store *self, struct store_stats *s)
{
	const struct rcu_store *rs = to_rcu(self);
	u64 in_limbo = (u64)self->layer->waiting_objs;

	store_cache_stats(store_records(&rs->s), rs->nr_live + in_limbo, s);
}

static void rcu_check(const struct store *self)
{
	const struct rcu_store *rs = to_rcu(self);
	struct store_span spans[STORE_SPANS_MAX];
	const struct rcu_record *r;
	u64 found = 0;

	list_for_each_entry (r, &rs->live, list) {
		found++;
		ASSERT(record_at(rs, (unsigned long)r) == r && r->state == state_of(rs, IN_USE));
		ASSERT(store_map(self->base, r->handle, r->size, spans));
	}
	ASSERT(found == rs->nr_live && found == (u64)self->layer->live_objs);
	ASSERT(self->layer->waiting_objs >= 0 && self->layer->waiting_bytes >= 0);
}

/*
 * What is still in use goes. If the base goes as well, it is left to report it, for it may know
 * more; else nobody would.
 */
static void rcu_destructor(struct store *self)
{
	struct rcu_store *rs = to_rcu(self);
	bool base_goes = self->base->refs == 1;

	rcu_barrier();
	store_report_leak(self, base_goes ? 0 : rs->nr_live);
	while (!list_empty(&rs->live)) {
		struct rcu_record *r = list_first_entry(&rs->live, struct rcu_record, list);

		list_del(&r->list);
		if (base_goes)
			kmem_cache_free(store_records(&rs->s), r);
		else
			give_back(rs, r);
	}
	store_release(self);
}

static struct allocator_desc rcu_store_desc;

static struct store *rcu_create(struct store *base, const struct store_env *env,
				const void *options, struct err *e)
{
	struct rcu_store *rs;

	(void)options;
	if (store_chain_has(base, &rcu_store_desc)) {
		err_set(e, "'%s' waits for a grace period already: its objects would wait for two",
			base->name);
		return NULL;
	}
	rs = instance_alloc(sizeof(*rs));
	if (derive_store_with_records(&rs->s, base, env, &rcu_store_desc, "store_rcu",
				      sizeof(struct rcu_record),
				      "rcu keeps objects for who still reads them", e))
		return NULL;
	INIT_LIST_HEAD(&rs->live);
	rs->s.defers_free = true;
	rs->s.malloc = rcu_malloc;
	rs->s.free = rcu_free;
	rs->s.write = rcu_write;
	rs->s.read = rcu_read;
	rs->s.map = rcu_map;
	rs->s.stats = rcu_stats;
	rs->s.check = rcu_check;
	rs->s.destructor = rcu_destructor;
	return &rs->s;
}

static struct allocator_desc rcu_store_desc = {
	.name = "rcu",
	.kind = ALLOC_STORE,
	.role = ROLE_LAYER,
	.summary = "a free waits for an RCU grace period",
	.help = "A handle names a record of 40 bytes with the rcu_head and the handle "
		"below: a free allocates nothing. Until the grace period is over the object "
		"can be read. Destroying the store waits for its callbacks.",
	.create_store = rcu_create,
};
ALLOCATOR(rcu_store_desc)
