/*
 * The rows of one run, kept until the run has ended.
 */
#include "reports/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/mem.h"

/* 8 MiB: a run of a few hundred samples never sees the file. */
#define ROWS_MAX_WORDS (1UL << 20)
#define NAME_SLOTS_MIN 256

void rows_init(struct rows *r, const char *dir)
{
	memset(r, 0, sizeof(*r));
	r->dir = dir;
	r->nr_slots = NAME_SLOTS_MIN;
	r->slots = mem_alloc(r->nr_slots, sizeof(*r->slots));
}

void rows_clear(struct rows *r)
{
	for (u32 i = 0; i < r->nr_names; i++)
		free(r->names[i]);
	r->nr_names = 0;
	memset(r->slots, 0, r->nr_slots * sizeof(*r->slots));
	r->used = 0;
	r->sys_errno = 0;
	if (r->spill)
		fclose(r->spill);
	r->spill = NULL;
}

void rows_free(struct rows *r)
{
	rows_clear(r);
	free(r->names);
	free(r->slots);
	free(r->buf);
	memset(r, 0, sizeof(*r));
}

static u32 *name_slot(struct rows *r, const char *name)
{
	u32 i = text_hash(name) & (r->nr_slots - 1);

	while (r->slots[i] && strcmp(r->names[r->slots[i] - 1], name))
		i = (i + 1) & (r->nr_slots - 1);
	return &r->slots[i];
}

static void names_rehash(struct rows *r)
{
	free(r->slots);
	r->nr_slots *= 2;
	r->slots = mem_alloc(r->nr_slots, sizeof(*r->slots));
	for (u32 i = 0; i < r->nr_names; i++)
		*name_slot(r, r->names[i]) = i + 1;
}

u32 rows_name(struct rows *r, const char *name)
{
	u32 *slot = name_slot(r, name);

	if (*slot)
		return *slot - 1;
	MEM_ROOM(r->names, r->nr_names, r->names_room);
	r->names[r->nr_names++] = mem_dup(name);
	*slot = r->nr_names;
	if (r->nr_names * 2 > r->nr_slots)
		names_rehash(r);
	return r->nr_names - 1;
}

/* A file without a name beside the database: where results have room, rows have too. */
static FILE *spill_open(const char *dir)
{
	char *path = mem_print("%s/.kmemsim-rows-XXXXXX", dir);
	int fd = mkstemp(path);
	FILE *f = NULL;

	if (fd >= 0) {
		unlink(path);
		f = fdopen(fd, "w+");
	}
	free(path);
	return f;
}

static void rows_spill(struct rows *r)
{
	if (r->sys_errno)
		goto drop;
	if (!r->spill)
		r->spill = spill_open(r->dir);
	if (!r->spill || fwrite(r->buf, sizeof(u64), r->used, r->spill) != r->used)
		r->sys_errno = errno ? errno : EIO;
drop:
	r->used = 0;
}

static u64 *rows_room(struct rows *r, u32 kind, size_t nr_words)
{
	u64 *at;

	if (r->used + nr_words + 1 > ROWS_MAX_WORDS && r->used)
		rows_spill(r);
	if (r->used + nr_words + 1 > r->room) {
		r->room = max(r->used + nr_words + 1, r->room ? 2 * r->room : 4096);
		r->buf = mem_grow(r->buf, r->room, sizeof(*r->buf));
	}
	at = r->buf + r->used;
	*at = (u64)kind << 32 | nr_words;
	r->used += nr_words + 1;
	return at + 1;
}

void rows_add(struct rows *r, u32 kind, const u64 *words, u32 nr_words)
{
	memcpy(rows_room(r, kind, nr_words), words, nr_words * sizeof(*words));
}

void rows_add_bytes(struct rows *r, u32 kind, const u64 *words, u32 nr_words, const void *data,
		    size_t bytes)
{
	size_t data_words = DIV_ROUND_UP(bytes, sizeof(u64));
	u64 *at = rows_room(r, kind, nr_words + 1 + data_words);

	memcpy(at, words, nr_words * sizeof(*words));
	at[nr_words] = bytes;
	if (data_words)
		at[nr_words + data_words] = 0;
	memcpy(at + nr_words + 1, data, bytes);
}

void rows_add_text(struct rows *r, u32 kind, const u64 *words, u32 nr_words, const char *text)
{
	rows_add_bytes(r, kind, words, nr_words, text, strlen(text));
}

static int visit_memory(struct rows *r, int (*visit)(void *arg, u32 kind, const u64 *words),
			void *arg)
{
	int rc = 0;

	for (size_t i = 0; i < r->used && !rc; i += (u32)r->buf[i] + 1)
		rc = visit(arg, (u32)(r->buf[i] >> 32), r->buf + i + 1);
	return rc;
}

static int spill_row(FILE *f, u64 **words, size_t *room, u64 *head)
{
	u32 n;

	if (fread(head, sizeof(*head), 1, f) != 1)
		return ferror(f) ? -1 : 0;
	n = (u32)*head;
	if (n > *room) {
		*room = n;
		*words = mem_grow(*words, *room, sizeof(**words));
	}
	return fread(*words, sizeof(**words), n, f) == n ? 1 : -1;
}

static int visit_spill(struct rows *r, int (*visit)(void *arg, u32 kind, const u64 *words),
		       void *arg, struct err *e)
{
	u64 *words = NULL, head = 0;
	size_t room = 0;
	int rc = 0, got;

	rewind(r->spill);
	while ((got = spill_row(r->spill, &words, &room, &head)) > 0 && !rc)
		rc = visit(arg, (u32)(head >> 32), words);
	free(words);
	return got < 0 ? err_set(e, "%s: cannot read a temporary file: %s", r->dir, strerror(errno))
		       : rc;
}

int rows_visit(struct rows *r, int (*visit)(void *arg, u32 kind, const u64 *words), void *arg,
	       struct err *e)
{
	if (!r->spill)
		return r->sys_errno ? err_set(e, "%s: cannot make a temporary file: %s", r->dir,
					      strerror(r->sys_errno))
				    : visit_memory(r, visit, arg);
	rows_spill(r);
	if (!r->sys_errno && fflush(r->spill))
		r->sys_errno = errno;
	if (r->sys_errno)
		return err_set(e, "%s: cannot write a temporary file: %s", r->dir,
			       strerror(r->sys_errno));
	return visit_spill(r, visit, arg, e);
}
