/*
 * A walk over a whole request stream.
 */
#include "traces/kmt_check.h"

#include <stdlib.h>

#include "lib/idset.h"
#include "lib/mem.h"

#define NOT_LIVE 0xff

struct walk {
	const struct source_tables *t;
	u8 *kind; /* of each id: of its allocation, or NOT_LIVE */
	struct idset ids;
	u64 nr, t_ns;
	bool births_over;
};

static int wrong(const struct walk *w, const struct request *r, struct err *e, const char *what)
{
	return err_set(e, "%s: request %llu (%s, object %u, at %llu ns): %s", w->t->name,
		       (unsigned long long)w->nr,
		       r->kind < NR_REQUEST_KINDS ? request_kind_names[r->kind] : "?", r->object,
		       (unsigned long long)r->t_ns, what);
}

static int check_birth(struct walk *w, const struct request *r, struct err *e)
{
	bool birth = r->flags & REQ_F_BIRTH;

	if (birth && (w->births_over || r->t_ns))
		return wrong(w, r, e, "a birth after the load began");
	w->births_over |= !birth;
	return 0;
}

static int check_alloc(struct walk *w, const struct request *r, struct err *e)
{
	bool cached = r->kind == REQ_CACHE_ALLOC || r->kind == REQ_KMALLOC;

	if (r->object >= w->t->nr_objects_max)
		return wrong(w, r, e, "the id is too large");
	if (w->kind[r->object] != NOT_LIVE)
		return wrong(w, r, e, "the id is in use");
	if (idset_take(&w->ids) != r->object)
		return wrong(w, r, e, "a smaller id is free");
	if (cached && (r->cache >= w->t->nr_caches || !r->size))
		return wrong(w, r, e, "no cache or no size");
	if (r->kind == REQ_CACHE_ALLOC && r->size != w->t->caches[r->cache].object_size)
		return wrong(w, r, e, "not the size of its cache");
	if (r->kind == REQ_STORE_ALLOC && !r->size)
		return wrong(w, r, e, "no size");
	w->kind[r->object] = r->kind;
	return 0;
}

static int check_free(struct walk *w, const struct request *r, struct err *e)
{
	/* The kinds come in pairs: what allocates, then what frees it. */
	if (r->object >= w->t->nr_objects_max || w->kind[r->object] == NOT_LIVE)
		return wrong(w, r, e, "the object is not live");
	if (w->kind[r->object] != r->kind - 1)
		return wrong(w, r, e, "the object is of another kind");
	w->kind[r->object] = NOT_LIVE;
	idset_put(&w->ids, r->object);
	return 0;
}

static int check_request(struct walk *w, const struct request *r, struct err *e)
{
	if (r->t_ns < w->t_ns)
		return wrong(w, r, e, "time goes back");
	if (r->kind >= NR_REQUEST_KINDS || r->cpu >= w->t->nr_cpus || r->site >= w->t->nr_sites)
		return wrong(w, r, e, "kind, CPU or site out of range");
	w->t_ns = r->t_ns;
	if (check_birth(w, r, e))
		return -1;
	if (request_is_alloc((enum request_kind)r->kind))
		return check_alloc(w, r, e);
	if (request_is_free((enum request_kind)r->kind))
		return check_free(w, r, e);
	if (r->kind == REQ_STORE_READ &&
	    (r->object >= w->t->nr_objects_max || w->kind[r->object] != REQ_STORE_ALLOC))
		return wrong(w, r, e, "no such object is stored");
	if (r->kind == REQ_MARK && r->object >= w->t->nr_marks)
		return wrong(w, r, e, "no such mark");
	return 0;
}

static int walk(struct walk *w, struct source *s, struct err *e)
{
	const struct request *batch;
	long n;

	while ((n = s->ops->next(s, &batch, e)) > 0)
		for (long i = 0; i < n; i++, w->nr++)
			if (check_request(w, &batch[i], e))
				return -1;
	if (n < 0)
		return -1;
	if (w->nr != w->t->nr_requests || w->t_ns != w->t->duration_ns)
		return err_set(e, "%s: the tables count other requests than there are", w->t->name);
	return 0;
}

int kmt_check(struct source *s, struct err *e)
{
	struct walk w = {.t = &s->tables};
	int ret;

	w.kind = mem_alloc(s->tables.nr_objects_max + 1, 1);
	for (u64 i = 0; i < s->tables.nr_objects_max; i++)
		w.kind[i] = NOT_LIVE;
	idset_init(&w.ids);
	ret = s->ops->rewind(s, e);
	if (!ret)
		ret = walk(&w, s, e);
	idset_free(&w.ids);
	free(w.kind);
	return ret;
}
