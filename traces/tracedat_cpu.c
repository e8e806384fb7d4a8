/*
 * A CPU's records, one chunk at a time.
 *
 * Theory. A CPU's data are pages of the kernel's ring buffer: 8 bytes of time, 8 bytes with the
 * length of what follows and flags, then records (include/linux/ring_buffer.h, Linux 6.1). They
 * lie in the file as they are, or in compressed chunks of whole pages: number of chunks, then for
 * each its compressed size, its size, the data (trace-cmd.dat.v7(5); the size that the file gives
 * for a CPU leaves out the number of chunks). Records are decoded by libtraceevent's kbuffer. It
 * believes every length, so each page is walked once before it sees it.
 *
 * Invariant: kbuffer only ever has a page of which page_fault() said nothing, with SLACK bytes
 * behind it that may be read.
 */
#include "traces/tracedat_cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <kbuffer.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "traces/bytes.h"

#define PAGE_HEAD_BYTES 16
#define COMMIT_MASK ((1U << 27) - 1)
#define MISSED_EVENTS (1U << 31)
#define MISSED_STORED (1U << 30) /* their number is behind the records */
#define RECORD_HEAD_BYTES 4	 /* type and length: 5 bits, time since the last: 27 */
#define SLACK 16

#define PLAIN_PAGES 16		    /* read at a time if there are no chunks */
#define CHUNK_BYTES_MAX (16U << 20) /* trace-cmd makes them of ten pages */

struct cpu {
	u64 at, end;   /* in the file: what has not been read yet */
	u64 nr_chunks; /* not read yet */
	u64 chunk_at;  /* in the file: where `data` comes from */
	u8 *data;
	size_t n, max, pos; /* bytes of data, room for, beginning of the next page */
	struct kbuffer *page;
};

struct tracedat_cpus {
	const struct tracedat_about *about;
	int fd;
	struct cpu *cpus;
	u8 *packed; /* a chunk as it is in the file */
	size_t packed_max;
	ZSTD_DCtx *zstd;
};

static int bad(const struct tracedat_cpus *f, const struct cpu *c, u64 at, const char *what,
	       struct err *e)
{
	return err_set(e, "CPU %zu: offset %llu: %s", (size_t)(c - f->cpus), (unsigned long long)at,
		       what);
}

/* Room for n bytes; what was there is lost. */
static void make_room(u8 **data, size_t *max, size_t n)
{
	if (n <= *max)
		return;
	free(*data);
	*data = mem_alloc(n, 1);
	*max = n;
}

static int read_at(const struct tracedat_cpus *f, const struct cpu *c, u64 at, u8 *data, size_t n,
		   struct err *e)
{
	while (n) {
		ssize_t got = pread(f->fd, data, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return bad(f, c, at, got ? strerror(errno) : "the file ends (truncated?)",
				   e);
		data += got;
		at += (u64)got;
		n -= (size_t)got;
	}
	return 0;
}

/* What is wrong with a page of n bytes; NULL: nothing. */
static const char *page_fault(const u8 *page, size_t n)
{
	const u8 *data = page + PAGE_HEAD_BYTES;
	u64 at = 0, len, end, room = n - PAGE_HEAD_BYTES;
	u32 flags;

	if (n < PAGE_HEAD_BYTES)
		return "a page ends inside its head";
	flags = (u32)le_load(page + 8, 4);
	end = flags & COMMIT_MASK;
	if (end > room || (flags & MISSED_EVENTS && flags & MISSED_STORED && end + 8 > room))
		return "a page holds more than its size";
	while (at < end) {
		u32 type = data[at] & 31;

		if (end - at < RECORD_HEAD_BYTES)
			return "a page ends inside a record";
		at += RECORD_HEAD_BYTES;
		if (type && type < KBUFFER_TYPE_PADDING) {
			at += type * 4;
		} else if (end - at < 4) {
			return "a page ends inside a record";
		} else if (type) {
			/* Both kinds of time have four bytes more; so has padding, and a length. */
			len = type == KBUFFER_TYPE_PADDING ? le_load(data + at, 4) : 4;
			at += len;
			/* Padding may fill the page behind the last record. */
			if (type == KBUFFER_TYPE_PADDING && at > end && at <= room)
				return NULL;
		} else {
			len = le_load(data + at, 4);
			if (len < 4)
				return "a record of impossible length";
			at += 4 + ((len - 4 + 3) & ~3ULL);
		}
	}
	return at > end ? "a record is longer than its page" : NULL;
}

/* The next piece of a CPU's data that are in the file as they are. */
static int load_plain(struct tracedat_cpus *f, struct cpu *c, struct err *e)
{
	size_t n = min(c->end - c->at, (u64)f->about->page_bytes * PLAIN_PAGES);

	make_room(&c->data, &c->max, n + SLACK);
	c->chunk_at = c->at;
	if (read_at(f, c, c->at, c->data, n, e))
		return -1;
	c->at += n;
	c->n = n;
	return 0;
}

static int load_chunk(struct tracedat_cpus *f, struct cpu *c, struct err *e)
{
	u64 packed, size, known;
	u8 head[8];

	if (c->end - c->at < sizeof(head))
		return bad(f, c, c->at, "more chunks than data (damaged)", e);
	if (read_at(f, c, c->at, head, sizeof(head), e))
		return -1;
	c->chunk_at = c->at;
	c->at += sizeof(head);
	packed = le_load(head, 4);
	size = le_load(head + 4, 4);
	if (packed > c->end - c->at || !size || size > CHUNK_BYTES_MAX ||
	    packed > ZSTD_compressBound(size) || (c->nr_chunks > 1 && size % f->about->page_bytes))
		return bad(f, c, c->chunk_at, "impossible size of a chunk (damaged)", e);
	make_room(&f->packed, &f->packed_max, packed);
	if (read_at(f, c, c->at, f->packed, packed, e))
		return -1;
	c->at += packed;
	c->nr_chunks--;
	known = ZSTD_getFrameContentSize(f->packed, packed);
	if (known != size && known != ZSTD_CONTENTSIZE_UNKNOWN)
		return bad(f, c, c->chunk_at, "a chunk of another size than it says (damaged)", e);
	make_room(&c->data, &c->max, size + SLACK);
	if (ZSTD_decompressDCtx(f->zstd, c->data, size, f->packed, packed) != size)
		return bad(f, c, c->chunk_at, "a chunk cannot be decompressed (damaged)", e);
	c->n = size;
	return 0;
}

/* Makes the next page kbuffer's; 0: none left. */
static int load_page(struct tracedat_cpus *f, struct cpu *c, struct err *e)
{
	const char *fault;
	size_t n;

	if (c->pos == c->n) {
		if (f->about->chunked ? !c->nr_chunks : c->at == c->end)
			return 0;
		c->pos = c->n = 0;
		if (f->about->chunked ? load_chunk(f, c, e) : load_plain(f, c, e))
			return -1;
		memset(c->data + c->n, 0, SLACK);
	}
	n = min(c->n - c->pos, (size_t)f->about->page_bytes);
	fault = page_fault(c->data + c->pos, n);
	if (fault && f->about->chunked)
		return err_set(e, "CPU %zu: offset %llu: byte %zu of the chunk: %s (damaged)",
			       (size_t)(c - f->cpus), (unsigned long long)c->chunk_at, c->pos,
			       fault);
	if (fault)
		return err_set(e, "CPU %zu: offset %llu: %s (damaged)", (size_t)(c - f->cpus),
			       (unsigned long long)c->chunk_at + c->pos, fault);
	ASSERT(!kbuffer_load_subbuffer(c->page, c->data + c->pos));
	c->pos += n;
	return 1;
}

static u64 to_ns(const struct tracedat_time *t, u64 recorded)
{
	if (t->mult)
		recorded = (u64)(((unsigned __int128)recorded * t->mult) >> t->shift);
	return recorded + (u64)t->offset_ns;
}

int tracedat_cpu_next(struct tracedat_cpus *f, unsigned int cpu, struct tracedat_record *rec,
		      struct err *e)
{
	struct cpu *c = &f->cpus[cpu];
	unsigned long long ts;
	int missed, got;

	if (cpu >= f->about->nr_cpus)
		return 0;
	while (!(rec->data = (const u8 *)kbuffer_read_event(c->page, &ts))) {
		got = load_page(f, c, e);
		if (got <= 0)
			return got;
	}
	rec->t_ns = to_ns(&f->about->time, ts);
	rec->size = (u32)kbuffer_event_size(c->page);
	missed = kbuffer_missed_events(c->page);
	rec->lost =
		missed < 0 ? 1 : (u64)missed; /* < 0: some, the recording does not know how many */
	kbuffer_next_event(c->page, NULL);
	return 1;
}

static int cpu_open(struct tracedat_cpus *f, struct cpu *c, const struct tracedat_span *span,
		    struct err *e)
{
	u8 b[4];

	c->page = kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE);
	ASSERT(c->page);
	c->at = span->offset;
	c->end = c->at + span->size;
	if (!f->about->chunked || !span->size)
		return 0;
	if (read_at(f, c, c->at, b, sizeof(b), e))
		return -1;
	c->nr_chunks = le_load(b, 4);
	c->at += sizeof(b);
	c->end += sizeof(b);
	return 0;
}

struct tracedat_cpus *tracedat_cpus_open(const char *path, const struct tracedat_about *about,
					 struct err *e)
{
	struct tracedat_cpus *f = mem_alloc(1, sizeof(*f));

	f->about = about;
	f->zstd = mem_checked(ZSTD_createDCtx());
	f->cpus = mem_alloc(about->nr_cpus, sizeof(*f->cpus));
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0) {
		err_set(e, "cannot open: %s", strerror(errno));
		goto fail;
	}
	for (u32 i = 0; i < about->nr_cpus; i++)
		if (cpu_open(f, &f->cpus[i], &about->cpus[i], e))
			goto fail;
	return f;
fail:
	tracedat_cpus_close(f);
	return NULL;
}

void tracedat_cpus_close(struct tracedat_cpus *f)
{
	if (!f)
		return;
	for (u32 i = 0; i < f->about->nr_cpus; i++) {
		kbuffer_free(f->cpus[i].page);
		free(f->cpus[i].data);
	}
	if (f->fd >= 0)
		close(f->fd);
	free(f->cpus);
	free(f->packed);
	ZSTD_freeDCtx(f->zstd);
	free(f);
}
