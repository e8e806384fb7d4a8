/*
 * The spool: requests between the two passes of an import.
 */
#define _GNU_SOURCE
#include "traces/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "traces/guard.h"

/* 2.6 MB: most patches reach no further back than this. */
#define TAIL_RECORDS 65536U
#define LATE_RECORDS_MIN 16384U

int spool_open(struct spool *s, struct err *e)
{
	*s = (struct spool){.fd = -1, .late_fd = -1};
	s->fd = file_nameless(e);
	if (s->fd < 0)
		return -1;
	s->late_fd = file_nameless(e);
	if (s->late_fd < 0) {
		spool_close(s);
		return -1;
	}
	s->tail = mem_alloc(TAIL_RECORDS, sizeof(*s->tail));
	return 0;
}

void spool_close(struct spool *s)
{
	if (s->late)
		munmap(s->late, (size_t)s->late_max * sizeof(*s->late));
	if (s->fd >= 0)
		close(s->fd);
	if (s->late_fd >= 0)
		close(s->late_fd);
	free(s->tail);
	*s = (struct spool){.fd = -1, .late_fd = -1};
}

static off_t spool_offset(u32 pos, size_t field)
{
	return (off_t)((u64)pos * sizeof(struct spool_record) + field);
}

/* A write that fails shows again when the file is read back: it is then too short or stale. */
static void write_all(int *fd, const void *data, size_t n, off_t at)
{
	while (n && *fd >= 0) {
		ssize_t got = pwrite(*fd, data, n, at);

		if (got <= 0) {
			close(*fd);
			*fd = -1;
			return;
		}
		data = (const char *)data + got;
		n -= (size_t)got;
		at += got;
	}
}

u32 spool_add(struct spool *s, const struct spool_record *r)
{
	if (s->nr - s->flushed == TAIL_RECORDS) {
		write_all(&s->fd, s->tail, TAIL_RECORDS / 2 * sizeof(*s->tail),
			  spool_offset(s->flushed, 0));
		memmove(s->tail, s->tail + TAIL_RECORDS / 2, TAIL_RECORDS / 2 * sizeof(*s->tail));
		s->flushed += TAIL_RECORDS / 2;
	}
	s->tail[s->nr - s->flushed] = *r;
	return s->nr++;
}

void spool_set_kind(struct spool *s, u32 pos, u8 kind)
{
	if (pos >= s->flushed)
		s->tail[pos - s->flushed].kind = kind;
	else
		write_all(&s->fd, &kind, 1, spool_offset(pos, offsetof(struct spool_record, kind)));
}

void spool_set_cache(struct spool *s, u32 pos, u32 cache)
{
	if (pos >= s->flushed)
		s->tail[pos - s->flushed].cache = cache;
	else
		write_all(&s->fd, &cache, sizeof(cache),
			  spool_offset(pos, offsetof(struct spool_record, cache)));
}

static void late_grow(struct spool *s)
{
	u32 more = max(s->late_max * 2, LATE_RECORDS_MIN);
	int failed = posix_fallocate(s->late_fd, 0, (off_t)((size_t)more * sizeof(*s->late)));
	void *p;

	/* Without a disk to hold them the import cannot go on. */
	if (failed) {
		struct err e;

		err_set(&e, "no room for temporary files: %s (TMPDIR names another place)",
			strerror(failed));
		guard_fail(&e);
	}
	if (s->late)
		p = mremap(s->late, (size_t)s->late_max * sizeof(*s->late),
			   (size_t)more * sizeof(*s->late), MREMAP_MAYMOVE);
	else
		p = mmap(NULL, (size_t)more * sizeof(*s->late), PROT_READ | PROT_WRITE, MAP_SHARED,
			 s->late_fd, 0);
	ASSERT(p != MAP_FAILED);
	s->late = p;
	s->late_max = more;
}

u32 spool_add_late(struct spool *s, const struct spool_record *r, u32 pos, u64 key)
{
	if (s->nr_late == s->late_max)
		late_grow(s);
	s->late[s->nr_late] = (struct late_record){.rec = *r, .pos = pos, .key = key};
	s->late[s->nr_late].rec.slot = SLOT_LATE | s->nr_late;
	return s->nr_late++;
}

int spool_rewind(struct spool *s, struct err *e)
{
	write_all(&s->fd, s->tail, (s->nr - s->flushed) * sizeof(*s->tail),
		  spool_offset(s->flushed, 0));
	s->flushed = 0; /* from here on: the next to read */
	if (s->fd < 0)
		return err_set(e, "cannot write the temporary file (is the disk full?)");
	return 0;
}

long spool_read(struct spool *s, const struct spool_record **batch, struct err *e)
{
	u32 n = min(s->nr - s->flushed, TAIL_RECORDS);
	size_t want = n * sizeof(*s->tail), got = 0;

	while (got < want) {
		ssize_t r = pread(s->fd, (char *)s->tail + got, want - got,
				  spool_offset(s->flushed, 0) + (off_t)got);

		if (r <= 0)
			return err_set(e, "cannot read back the temporary file: %s",
				       r ? strerror(errno) : "it has shrunk");
		got += (size_t)r;
	}
	s->flushed += n;
	*batch = s->tail;
	return n;
}
