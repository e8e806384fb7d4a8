/*
 * The machine: memory, zones, CPUs, and the running of events.
 *
 * Theory: physical memory is one reserved range of host address space, and so is the array of page
 * structs; the host gives pages to both when they are touched, so an untouched terabyte costs
 * nothing.
 *
 * Unlike Linux: no holes and no reserved frames; struct pages of a section are not initialised,
 * they read as zero. Zones follow x86-64: DMA below 16 MiB, DMA32 below 4 GiB, NORMAL above,
 * MOVABLE the tail of each node that the configuration sets apart.
 */
#include "sim/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/mm.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "sim/machine_priv.h"

#define DMA_END_PFN (16 * MIB >> PAGE_SHIFT)
#define DMA32_END_PFN (4 * GIB >> PAGE_SHIFT)

__thread struct kernel *kernel;

const char *const zone_names[MAX_NR_ZONES] = {"DMA", "DMA32", "Normal", "Movable"};
const char *const migratetype_names[MIGRATE_TYPES] = {"Unmovable", "Movable", "Reclaimable",
						      "HighAtomic"};

static void *reserve(size_t bytes, bool huge)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Huge host pages would populate 2 MiB where one struct is touched. */
	madvise(p, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return p;
}

/*
 * Small machines are worth huge host pages: fewer TLB misses, at most 64 MiB of page structs and of
 * contents no more than the machine has. Of tiny ones, memory nearly fits the TLB as it is, and
 * clearing 2 MiB at each first touch is most of the time they take.
 */
#define HUGE_MAP_BYTES_MAX (64 * MIB)
#define HUGE_DIRECT_BYTES_MIN (256 * MIB)
#define HUGE_DIRECT_BYTES_MAX (4 * GIB)

static bool wants_huge_contents(const struct machine *m)
{
	return m->direct_map_bytes >= HUGE_DIRECT_BYTES_MIN &&
	       m->direct_map_bytes <= HUGE_DIRECT_BYTES_MAX;
}

static int reserve_memory(struct machine *m, struct err *e)
{
	char text[32];

	m->mem_map_bytes = m->k.max_pfn * sizeof(struct page);
	m->direct_map_bytes = m->k.max_pfn << PAGE_SHIFT;
	m->k.mem_map = reserve(m->mem_map_bytes, m->mem_map_bytes <= HUGE_MAP_BYTES_MAX);
	m->k.direct_map = reserve(m->direct_map_bytes, wants_huge_contents(m));
	m->block_use_bytes = (m->k.max_pfn >> pageblock_order) * sizeof(*m->k.block_use);
	m->k.block_use = reserve(m->block_use_bytes, false);
	m->block_moves_bytes = (m->k.max_pfn >> pageblock_order) * sizeof(*m->k.block_moves);
	m->k.block_moves = reserve(m->block_moves_bytes, false);
	if (m->k.mem_map && m->k.direct_map && m->k.block_use && m->k.block_moves)
		return 0;
	size_print(m->direct_map_bytes, text, sizeof(text));
	return err_set(e, "machine '%s': cannot reserve address space for %s of memory: %s",
		       m->config.name, text, strerror(errno));
}

static void add_zone(struct machine *m, int nid, enum zone_type type, u64 start, u64 end)
{
	struct zone *z = &m->zones[nid * MAX_NR_ZONES + (int)type];

	if (start >= end)
		return;
	z->zone_start_pfn = start;
	z->spanned_pages = end - start;
	memset(m->section_zone + (start >> SECTION_PFN_SHIFT), nid * MAX_NR_ZONES + (int)type,
	       (end - start) >> SECTION_PFN_SHIFT);
}

static void make_zones(struct machine *m)
{
	u64 start = 0;

	for (int nid = 0; nid < (int)m->config.nr_nodes; nid++) {
		u64 end = start + (m->config.nodes[nid].memory >> PAGE_SHIFT);
		u64 movable = end - min(m->config.movable_bytes >> PAGE_SHIFT, end - start);

		for (int type = 0; type < MAX_NR_ZONES; type++) {
			struct zone *z = &m->zones[nid * MAX_NR_ZONES + type];

			z->name = zone_names[type];
			z->node = nid;
			z->type = (enum zone_type)type;
			z->pcp_batch = m->config.zone_pcp[nid][type].batch;
			z->pcp_high = m->config.zone_pcp[nid][type].high;
		}
		add_zone(m, nid, ZONE_DMA, start, min(movable, DMA_END_PFN));
		add_zone(m, nid, ZONE_DMA32, max(start, DMA_END_PFN), min(movable, DMA32_END_PFN));
		add_zone(m, nid, ZONE_NORMAL, max(start, DMA32_END_PFN), movable);
		add_zone(m, nid, ZONE_MOVABLE, movable, end);
		start = end;
	}
}

static void make_nodes(struct machine *m)
{
	unsigned int n = m->config.nr_nodes;

	m->distances = mem_alloc(n, n);
	for (unsigned int a = 0; a < n; a++)
		for (unsigned int b = 0; b < n; b++)
			m->distances[a * n + b] = m->config.nodes[a].distance[b];
}

static u64 total_pages(const struct machine_config *c)
{
	u64 pages = 0;

	for (unsigned int n = 0; n < c->nr_nodes; n++)
		pages += c->nodes[n].memory >> PAGE_SHIFT;
	return pages;
}

static void fill_kernel(struct machine *m)
{
	struct kernel *k = &m->k;

	memcpy(k->cost_ns, m->config.costs.ns, sizeof(k->cost_ns));
	k->max_pfn = total_pages(&m->config);
	k->nr_cpu_ids = (int)m->config.nr_cpus;
	k->nr_node_ids = (int)m->config.nr_nodes;
	k->cpu_node = m->config.cpu_node;
	k->distance = m->distances;
	k->zones = m->zones;
	k->hz = m->config.hz;
	k->layer = &m->outside;
	k->mm_ops = &mm_nobody;
	k->min_free_pages = m->config.min_free_bytes >> PAGE_SHIFT;
	k->watermark_scale = m->config.watermark_scale;
	k->pcp_batch = (unsigned int)m->config.pcp_batch;
	k->pcp_high = (unsigned int)m->config.pcp_high;
	k->block_regions = mem_alloc(1, (k->max_pfn >> (pageblock_order + BLOCK_REGION_SHIFT)) + 1);
	m->section_zone = mem_alloc(1, (k->max_pfn >> SECTION_PFN_SHIFT) + 1);
	k->section_zone = m->section_zone;
}

_Static_assert(MACHINE_BLOCK_BYTES == PAGE_SIZE << SECTION_PFN_SHIFT,
	       "a section is a largest block");
_Static_assert(MACHINE_ZONES == MAX_NR_ZONES, "the zones of a machine file are the kernel's");
_Static_assert(MACHINE_NODES_MAX <= MAX_NUMNODES && MACHINE_NODES_MAX * MAX_NR_ZONES <= 256,
	       "a zone's index fits a byte");

struct machine *machine_create(const struct machine_config *config, struct err *e)
{
	struct machine *m =
		aligned_alloc(SMP_CACHE_BYTES, ALIGN(sizeof(*m), (size_t)SMP_CACHE_BYTES));

	ASSERT(m);
	memset(m, 0, sizeof(*m));
	m->config = *config;
	INIT_LIST_HEAD(&m->lock_classes);
	INIT_LIST_HEAD(&m->instances);
	INIT_LIST_HEAD(&m->threads);
	make_nodes(m);
	fill_kernel(m);
	make_zones(m);
	m->cpus = mem_alloc(config->nr_cpus, sizeof(*m->cpus));
	rcu_create(m);
	if (reserve_memory(m, e)) {
		machine_destroy(m);
		return NULL;
	}
	return m;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	if (machine_current() == m)
		machine_use(NULL);
	if (m->k.mem_map)
		munmap(m->k.mem_map, m->mem_map_bytes);
	if (m->k.direct_map)
		munmap(m->k.direct_map, m->direct_map_bytes);
	if (m->k.block_use)
		munmap(m->k.block_use, m->block_use_bytes);
	if (m->k.block_moves)
		munmap(m->k.block_moves, m->block_moves_bytes);
	instances_free_all(m);
	lock_classes_free(m);
	rcu_destroy(m);
	event_queue_free(&m->events);
	free(m->section_zone);
	free(m->k.block_regions);
	free(m->distances);
	works_free(m);
	free(m->cpus);
	free(m);
}

void machine_use(struct machine *m)
{
	kernel = m ? &m->k : NULL;
	if (m)
		m->k.nid = m->k.cpu_node[m->k.cpu];
}

struct machine *machine_current(void)
{
	return kernel ? container_of(kernel, struct machine, k) : NULL;
}

u64 machine_end_ns(const struct machine *m)
{
	u64 end_ns = m->now_ns;

	for (unsigned int cpu = 0; cpu < m->config.nr_cpus; cpu++)
		end_ns = max(end_ns, m->cpus[cpu].clock_ns);
	return end_ns;
}

bool machine_step(struct machine *m)
{
	struct event *ev = event_pop(&m->events);

	if (!ev)
		return false;
	if (ev->t_ns > m->now_ns)
		m->now_ns = ev->t_ns;
	ev->func(ev);
	return true;
}

void machine_advance(struct machine *m, u64 t_ns)
{
	while (event_next_ns(&m->events) <= t_ns)
		machine_step(m);
	if (t_ns > m->now_ns)
		m->now_ns = t_ns;
}

void machine_count_anew(struct machine *m)
{
	for (unsigned int cpu = 0; cpu < m->config.nr_cpus; cpu++)
		m->cpus[cpu].busy_ns = 0;
	memset(m->nr_extfrag, 0, sizeof(m->nr_extfrag));
	memset(m->k.vm_event, 0, sizeof(m->k.vm_event));
	m->k.direct_reclaim_ns = m->k.kswapd_ns = 0;
	m->works = (struct work_counts){0};
	m->kthreads = (struct kthread_counts){0};
	m->compact = (struct compact_counts){0};
	m->nr_events = 0;
	rcu_count_anew(m);
	lock_classes_count_anew(m);
}
