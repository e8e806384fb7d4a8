/*
 * compact (store): gathers objects in the background, so that pages become free.
 *
 * Theory: pages grow sparse when objects are freed, so frees are what is counted. When enough was
 * freed a work is scheduled; it looks at how much of the base's pages is free, and if that is the
 * share asked for, has the base move up to `bytes`. If there is more to move it comes again, as
 * often as it takes; each run is in the time of the CPU that freed last. Otherwise it waits until
 * so much was freed that a look can be worth it: what is missing to the share; or, where a run
 * gained nothing, the share itself. A store that is not used has no work pending.
 *
 * Invariant: a work is pending exactly if at least `wait_bytes` were freed since the last one that
 * found nothing more to do. Runs that gain no page end when they have moved as much as there is.
 *
 * Unlike Linux: zsmalloc compacts when the shrinker asks (zs_shrinker_scan) or the user does
 * (/sys/block/zramN/compact); z3fold alone has a work of its own.
 */
#include "alloc/layer.h"
#include "alloc/store_alloc.h"
#include "lib/units.h"

struct compact_options {
	u64 every_ns, bytes, free, goal;
};

struct compact_store {
	struct store s;
	struct compact_options o;
	struct delayed_work dwork;
	u64 freed_bytes; /* since the last work */
	u64 wait_bytes;	 /* so many make the next one */
	u64 vain_bytes;	 /* moved since a page was gained */
	bool goes_on;	 /* the next work is to move what the last one left */
};

static struct compact_store *to_compact(struct store *self)
{
	return container_of(self, struct compact_store, s);
}

static void run_later(struct compact_store *c)
{
	schedule_delayed_work_on(smp_processor_id(), &c->dwork, nsecs_to_jiffies(c->o.every_ns));
}

/* So many bytes of `all` are the share. */
static u64 share_of(const struct compact_store *c, u64 all)
{
	return (u64)((unsigned __int128)all * c->o.free / SHARE_ONE);
}

static void wait_for(struct compact_store *c, u64 bytes)
{
	c->freed_bytes = 0;
	c->wait_bytes = max(bytes, (u64)PAGE_SIZE);
}

/* A run that came to its end may have left what is worth another. */
static bool is_worth_more(struct compact_store *c, const struct store_compact *sc)
{
	c->vain_bytes = sc->freed_pages ? 0 : c->vain_bytes + sc->moved_bytes;
	if (sc->more)
		return sc->moved_bytes && c->vain_bytes <= (u64)c->s.layer->live_bytes;
	return c->o.goal && sc->freed_pages >= c->o.goal;
}

static void compact_work(struct work_struct *work)
{
	struct delayed_work *dwork = container_of(work, struct delayed_work, work);
	struct compact_store *c = container_of(dwork, struct compact_store, dwork);
	struct store_compact sc = {.goal_pages = c->o.goal ? c->o.goal : UINT64_MAX,
				   .bytes_max = c->o.bytes};
	struct store_stats stats;
	u64 enough;

	charge(COST_CALL);
	store_stats(&c->s, &stats);
	enough = share_of(c, store_total_bytes(&stats));
	if (!c->goes_on && stats.free_bytes < enough) {
		wait_for(c, enough - stats.free_bytes);
		return;
	}
	store_compact(&c->s, &sc);
	c->goes_on = is_worth_more(c, &sc);
	if (c->goes_on) {
		run_later(c);
		return;
	}
	c->vain_bytes = 0;
	wait_for(c, sc.freed_pages ? 0 : enough);
}

static bool compact_free(struct store *self, unsigned long handle, size_t size)
{
	struct compact_store *c = to_compact(self);

	charge(COST_CALL);
	if (unlikely(!store_free(self->base, handle, size)))
		return false;
	c->freed_bytes += size;
	if (unlikely(c->freed_bytes >= c->wait_bytes))
		run_later(c);
	return true;
}

static void compact_check(const struct store *self)
{
	const struct compact_store *c = container_of(self, const struct compact_store, s);

	ASSERT(!c->dwork.timer == (c->freed_bytes < c->wait_bytes));
}

static void compact_destructor(struct store *self)
{
	cancel_delayed_work_sync(&to_compact(self)->dwork);
	store_release(self);
}

static struct allocator_desc compact_store_desc;

static int check_base(const struct store *base, struct err *e)
{
	if (!store_moves(base))
		return err_set(e, "'%s' never moves an object: there is nothing to gain",
			       base->name);
	if (store_chain_has(base, &compact_store_desc))
		return err_set(e, "'%s' compacts in the background already", base->name);
	return 0;
}

static struct store *compact_create(struct store *base, const struct store_env *env,
				    const void *options, struct err *e)
{
	struct compact_store *c;

	if (check_base(base, e))
		return NULL;
	c = instance_alloc(sizeof(*c));
	derive_store(&c->s, base, env, &compact_store_desc);
	c->o = *(const struct compact_options *)options;
	INIT_DELAYED_WORK(&c->dwork, compact_work);
	wait_for(c, 0);
	c->s.free = compact_free;
	c->s.check = compact_check;
	c->s.destructor = compact_destructor;
	return &c->s;
}

static const struct opt_desc compact_opts[] = {
	OPT_TIME("every", struct compact_options, every_ns, "100ms", 1, NSEC_PER_SEC * 3600,
		 "from a free that makes it worth while to the run, and from run to run"),
	OPT_SIZE("bytes", struct compact_options, bytes, "256KiB", 1, (s64)GIB,
		 "moved at most by a run"),
	OPT_SHARE("free", struct compact_options, free, "25%", 0, SHARE_ONE,
		  "of the pages that are not in reserve: less is left as it is"),
	OPT_U64("goal", struct compact_options, goal, "0", 0, 1 << 30,
		"pages freed by a run that are enough; 0: any number"),
	OPT_END,
};

static struct allocator_desc compact_store_desc = {
	.name = "compact",
	.kind = ALLOC_STORE,
	.role = ROLE_LAYER,
	.summary = "gathers objects in the background, so that pages become free",
	.help = "A work that frees of objects start, and that ends when nothing is left to gain. "
		"It takes the time of the CPU it runs on. The store below must be one that moves "
		"objects. `every` should be shorter than what the load takes to fill up again, or "
		"a work finds less than `free` and does nothing.",
	.options = compact_opts,
	.options_size = sizeof(struct compact_options),
	.create_store = compact_create,
};
ALLOCATOR(compact_store_desc)
