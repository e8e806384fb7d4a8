/*
 * Host memory of layer instances and per-CPU data: zeroed, owned by the current machine.
 *
 * Theory: what a layer knows of itself is not what is measured, so the host pays for it. What is
 * left when the machine goes is freed with it: a cache abandoned with live objects keeps its
 * description for as long as the pages that point to it.
 *
 * Invariant: an instance is on its machine's list from its allocation to its free.
 *
 * Unlike Linux: there such memory is the kernel's own and counts; per-CPU data is an array with a
 * line or more for each CPU, not chunks of which each CPU has a unit.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "sim/machine_priv.h"

#define LAZY_BYTES (1UL << 20)

struct instance {
	struct list_head list;
	char pad[SMP_CACHE_BYTES - sizeof(struct list_head)];
	char bytes[];
};

/* Small ones lie on cache lines of their own. Large tables (a bitmap of a terabyte) cost what is
 * touched: calloc maps them lazily. */
static struct instance *zeroed(size_t n)
{
	struct instance *in;

	if (n >= LAZY_BYTES)
		return calloc(1, n);
	in = aligned_alloc(SMP_CACHE_BYTES, n);
	if (in)
		memset(in, 0, n);
	return in;
}

void *instance_alloc(size_t size)
{
	struct instance *in =
		mem_checked(zeroed(ALIGN(sizeof(*in) + size, (size_t)SMP_CACHE_BYTES)));

	list_add_tail(&in->list, &machine_current()->instances);
	return in->bytes;
}

void instance_free(void *p)
{
	struct instance *in;

	if (!p)
		return;
	in = container_of(p, struct instance, bytes);
	list_del(&in->list);
	free(in);
}

void instances_free_all(struct machine *m)
{
	struct instance *in, *next;

	list_for_each_entry_safe (in, next, &m->instances, list)
		free(in);
	INIT_LIST_HEAD(&m->instances);
}

void *alloc_percpu_size(size_t size)
{
	return instance_alloc(percpu_stride(size) * (size_t)kernel->nr_cpu_ids);
}

void free_percpu(void *p)
{
	instance_free(p);
}
