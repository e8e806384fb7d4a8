/*
 * The kernel as an allocator sees it: page frames (alloc/mm_types.h), per-CPU data, locks, RCU,
 * delayed work, counters.
 *
 * Names and semantics are those of Linux 6.1, so that an allocator written here reads like kernel
 * code. The simulator (sim/) implements what is declared; the rest is inline. The one question
 * everybody asks: *when does time pass?* Only when something is charged: charge(COST_...) moves the
 * clock of the CPU that runs. Everything runs on one host thread; an operation runs to its end
 * before the next one starts.
 *
 * Unlike Linux: physical memory starts at pfn 0 without holes, node after node.
 */
#ifndef ALLOC_KERNEL_H
#define ALLOC_KERNEL_H

#include "alloc/cost.h"
#include "alloc/gfp.h"
#include "alloc/mm_types.h"
#include "alloc/vm_event.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/list.h"
#include "lib/types.h"

/* ---- RCU ---- */

/* Runs func(head) on this CPU after a grace period. Any context; allocates nothing. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
/* Waits until every callback queued so far has run. The caller may sleep. */
void rcu_barrier(void);

/* ---- The machine that runs now ---- */

/* Path of the operation that runs, for the latency tables; later ones outrank earlier ones. */
enum op_path {
	PATH_FAST,
	PATH_SLOW,
	PATH_NEW_SLAB,
	PATH_RECLAIM,
	PATH_COMPACT,
	PATH_REFUSED,
	NR_OP_PATHS
};

/* How far the slab layer has come up (alloc/boot.h); in the last two nobody may use it. */
enum slab_state { SLAB_NORMAL, SLAB_EARLY, SLAB_NONE, SLAB_FORBIDDEN };

/* Who else is there under pressure (alloc/mm.h). */
enum mm_mode {
	MM_BARE,     /* nobody: a request is served while there is a block for it */
	MM_RECORDED, /* threads run, pages move; served as long as in MM_BARE, for what a recording
			frees is what was reclaimed */
	MM_LIVE,     /* watermarks hold, requests reclaim, and are refused as in Linux */
};

struct machine; /* sim/machine.h */
struct layer;	/* alloc/allocator.h */
struct mm_ops;	/* alloc/mm.h */

/* What the inline part of the seam needs at hand; embedded first in struct machine. */
struct kernel {
	u64 clock_ns; /* of the current CPU */
	int cpu;
	int nid;	   /* node of the current CPU, with memory or not */
	enum op_path path; /* of the operation that runs: raised by note_path */
	enum slab_state slab_state;
	u32 cost_ns[NR_COSTS];
	struct page *mem_map;
	char *direct_map; /* backing bytes of pfn 0 */
	unsigned long max_pfn;
	/* By pfn >> pageblock_order; which regions of it are touched (alloc/pages/block.h). */
	struct pageblock_use *block_use;
	struct pageblock_moves *block_moves;
	u8 *block_regions;
	int nr_cpu_ids, nr_node_ids;
	const u8 *section_zone; /* zone index (node * MAX_NR_ZONES + type) of each 4 MiB section */
	const u8 *cpu_node;
	const u8 *distance; /* nr_node_ids x nr_node_ids */
	struct zone *zones; /* nr_node_ids x MAX_NR_ZONES */
	u64 hz;
	u32 site; /* call site of the operation that runs, for reports; 0: not known */
	/* Whose time passes (alloc/layer.h); never NULL: outside of all, the machine's own. */
	struct layer *layer;
	enum mm_mode mm_mode;
	const struct mm_ops *mm_ops; /* never NULL */
	u64 vm_event[NR_VM_EVENT_ITEMS];
	bool pf_memalloc; /* the operation that runs makes room for others (PF_MEMALLOC) */
	u64 direct_reclaim_ns, kswapd_ns; /* CPU time of it */
	/* Settings of the machine that Linux has as sysctls; 0: as Linux computes them. */
	unsigned long min_free_pages;	  /* vm.min_free_kbytes */
	unsigned long watermark_scale;	  /* vm.watermark_scale_factor, of 10,000; never 0 */
	unsigned int pcp_batch, pcp_high; /* per-CPU lists: moved at once, kept at most, in pages */
};

/* The machine of this thread: set by the simulator before any allocator code runs. */
extern __thread struct kernel *kernel;

/* ---- Pages and addresses ---- */

#define SECTION_PFN_SHIFT (MAX_ORDER - 1)

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)(page - kernel->mem_map);
}

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return kernel->mem_map + pfn;
}

static inline bool pfn_valid(unsigned long pfn)
{
	return pfn < kernel->max_pfn;
}

/* The page's address as its name: nobody writes through it. */
static inline void *page_name(const struct page *page)
{
	return kernel->direct_map + (page_to_pfn(page) << PAGE_SHIFT);
}

/* Who knows the address may write: that is how zeroing knows which frames have contents. */
static inline void *page_address(const struct page *page)
{
	((struct page *)page)->flags |= PG_written;
	return page_name(page);
}

/*
 * Direct-mapped: mapping is free and unmapping does nothing; the pair marks who touches contents.
 */
static inline void *kmap_local_page(const struct page *page)
{
	return page_address(page);
}

static inline void kunmap_local(const void *addr)
{
	(void)addr;
}

/* True if addr lies in simulated memory: ask before believing a pointer. */
static inline bool virt_addr_valid(const void *addr)
{
	return (unsigned long)((const char *)addr - kernel->direct_map) >> PAGE_SHIFT <
	       kernel->max_pfn;
}

static inline struct page *virt_to_page(const void *addr)
{
	return pfn_to_page((unsigned long)((const char *)addr - kernel->direct_map) >> PAGE_SHIFT);
}

static inline struct page *compound_head(struct page *page)
{
	return unlikely(page->flags & PG_tail) ? pfn_to_page(page->index) : page;
}

static inline struct page *virt_to_head_page(const void *addr)
{
	return compound_head(virt_to_page(addr));
}

/* Offset of an address in physical memory: what digests and reports use instead of pointers. */
static inline u64 virt_to_phys(const void *addr)
{
	return (u64)((const char *)addr - kernel->direct_map);
}

static inline struct zone *page_zone(const struct page *page)
{
	return &kernel->zones[kernel->section_zone[page_to_pfn(page) >> SECTION_PFN_SHIFT]];
}

static inline int page_to_nid(const struct page *page)
{
	return kernel->section_zone[page_to_pfn(page) >> SECTION_PFN_SHIFT] / MAX_NR_ZONES;
}

static inline struct zone *node_zone(int nid, enum zone_type type)
{
	return &kernel->zones[nid * MAX_NR_ZONES + (int)type];
}

#define for_each_populated_zone(zone)                                                              \
	for ((zone) = kernel->zones; (zone) < kernel->zones + kernel->nr_node_ids * MAX_NR_ZONES;  \
	     (zone)++)                                                                             \
		if (!(zone)->spanned_pages)                                                        \
			;                                                                          \
		else

static inline bool node_has_memory(int nid)
{
	for (int type = 0; type < MAX_NR_ZONES; type++)
		if (node_zone(nid, (enum zone_type)type)->spanned_pages)
			return true;
	return false;
}

static inline void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta)
{
	zone->vm_stat[item] += delta;
}

/* ---- CPUs and nodes ---- */

static inline int smp_processor_id(void)
{
	return kernel->cpu;
}

static inline int numa_node_id(void)
{
	return kernel->nid;
}

static inline int cpu_to_node(int cpu)
{
	return kernel->cpu_node[cpu];
}

static inline int node_distance(int a, int b)
{
	return kernel->distance[a * kernel->nr_node_ids + b];
}

/* ---- Time and costs ---- */

static inline u64 ktime_get_ns(void)
{
	return kernel->clock_ns;
}

static inline void charge(enum cost c)
{
	kernel->clock_ns += kernel->cost_ns[c];
}

static inline void charge_n(enum cost c, u64 n)
{
	kernel->clock_ns += kernel->cost_ns[c] * n;
}

/* A miss to memory of node nid: local, or remote in proportion to the distance. */
static inline void charge_memory(int nid)
{
	if (nid == kernel->nid)
		charge(COST_LINE_LOCAL);
	else
		kernel->clock_ns += (u64)kernel->cost_ns[COST_LINE_REMOTE] *
				    (u64)node_distance(kernel->nid, nid) / 20;
}

/* Writes or compares so many bytes that lie in this CPU's cache. */
static inline void charge_bytes(u64 bytes)
{
	kernel->clock_ns += kernel->cost_ns[COST_ZERO_PAGE] * bytes / PAGE_SIZE;
}

/* A line that `cpu` wrote last (-1: nobody): free if that was us. */
static inline void charge_line_of(int cpu)
{
	if (cpu < 0 || cpu == kernel->cpu)
		return;
	charge(kernel->cpu_node[cpu] == kernel->nid ? COST_LINE_SHARED : COST_LINE_FOREIGN);
}

static inline void note_path(enum op_path path)
{
	if (path > kernel->path)
		kernel->path = path;
}

/* ---- Per-CPU data and the memory of layer instances (host memory, zeroed, never NULL) ---- */

/* Belongs to the current machine, which frees what is left when it goes. */
void *instance_alloc(size_t size);
void instance_free(void *p);
/* nr_cpu_ids elements of `size` bytes, each on cache lines of its own. */
void *alloc_percpu_size(size_t size);
void free_percpu(void *p);

static inline size_t percpu_stride(size_t size)
{
	return ALIGN(size, (size_t)SMP_CACHE_BYTES);
}

#define alloc_percpu(type) ((type *)alloc_percpu_size(sizeof(type)))
#define per_cpu_ptr(p, c) ((__typeof__(p))((char *)(p) + percpu_stride(sizeof(*(p))) * (size_t)(c)))
#define this_cpu_ptr(p) per_cpu_ptr(p, kernel->cpu)
#define for_each_possible_cpu(c) for ((c) = 0; (c) < kernel->nr_cpu_ids; (c)++)
#define for_each_node(n) for ((n) = 0; (n) < kernel->nr_node_ids; (n)++)

/* ---- Locks ---- */

struct lock_class;

#define LOCK_HISTORY 8

/*
 * Busy until its holder's clock at release. It remembers its last busy intervals; a requester takes
 * the first gap at or after its own clock that is as long as the last hold was, so an earlier
 * request never waits behind a later hold. What lies closer together than that is one interval.
 */
typedef struct spinlock {
	struct lock_class *class;
	struct {
		u64 start_ns, end_ns;
	} busy[LOCK_HISTORY]; /* by time, none touching the next */
	u64 held_since_ns;
	u64 hold_ns; /* how long the last hold was */
	u32 nr_busy;
	s32 owner; /* CPU that held it last; -1: nobody yet */
	bool locked;
} spinlock_t;

/* Locks of one class share their statistics under this name. */
void spin_lock_init(spinlock_t *lock, const char *class_name);
/* Returns the time waited for its holders. */
u64 spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);

static inline void local_irq_save_charge(void)
{
	charge(COST_IRQ_SAVE);
}

static inline u64 spin_lock_irqsave(spinlock_t *lock)
{
	local_irq_save_charge();
	return spin_lock(lock);
}

static inline void spin_unlock_irqrestore(spinlock_t *lock)
{
	spin_unlock(lock);
}

/* ---- Delayed work ---- */

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	void *timer; /* the simulator's; NULL: not pending */
	u64 ran_ns;  /* the simulator's: when it ran last, 1 added; 0: never */
};

void INIT_DELAYED_WORK(struct delayed_work *dwork, void (*func)(struct work_struct *work));
/* Runs on `cpu` after `delay` jiffies; false if it was pending already. */
bool schedule_delayed_work_on(int cpu, struct delayed_work *dwork, u64 delay);
bool cancel_delayed_work_sync(struct delayed_work *dwork);

static inline u64 msecs_to_jiffies(u64 ms)
{
	return DIV_ROUND_UP(ms * kernel->hz, 1000);
}

/* Rounds up, as its sister does; Linux's rounds down. */
static inline u64 nsecs_to_jiffies(u64 ns)
{
	return DIV_ROUND_UP(ns * kernel->hz, 1000000000);
}

/* ---- Reports ---- */

/*
 * Something happened that results list (event_view): kind is one of the contract's names. A double
 * free or a damaged red zone is data, reported here and survived; a broken invariant of ours is an
 * ASSERT.
 */
void report_event(const char *kind, const char *fmt, ...) __printf(2, 3);

/* Name of a call site of the load ("copy_process+0x20e"); "?": not known. */
const char *site_name(u32 site);

#define BUG_ON(cond) ASSERT(!(cond))
/* True if the condition holds; reports it as an event of kind "warn" once per place and run. */
#define WARN_ON(cond)                                                                              \
	({                                                                                         \
		bool warn_ = !!(cond);                                                             \
		if (unlikely(warn_))                                                               \
			kernel_warn(#cond, __FILE__, __LINE__);                                    \
		warn_;                                                                             \
	})
void kernel_warn(const char *what, const char *file, int line);

/* mm_page_alloc_extfrag, counted by class and listed. */
void trace_mm_page_alloc_extfrag(struct page *page, int alloc_order, int fallback_order,
				 int alloc_migratetype, int fallback_migratetype,
				 bool change_ownership);

#endif
