/*
 * Lines of a text file, plain or compressed with zstd.
 */
#include "traces/text_input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "lib/mem.h"

#define BUFFER_BYTES (1U << 20)
#define ZSTD_MAGIC_LE 0xfd2fb528U

struct text_input {
	FILE *f;
	char *path;
	char *buf; /* BUFFER_BYTES, then slack */
	size_t pos, end;
	u64 line, done, total;
	bool eof;

	ZSTD_DStream *zstd; /* NULL: plain */
	u8 *packed;
	ZSTD_inBuffer in;
	bool in_frame;
};

static bool is_zstd(const u8 *head, size_t n)
{
	u32 magic;

	if (n < sizeof(magic))
		return false;
	memcpy(&magic, head, sizeof(magic));
	return magic == ZSTD_MAGIC_LE;
}

struct text_input *text_input_open(const char *path, struct err *e)
{
	struct text_input *in;
	FILE *f = fopen(path, "rb");
	struct stat st;
	u8 head[4];

	if (!f) {
		err_set(e, "%s: cannot open: %s", path, strerror(errno));
		return NULL;
	}
	in = mem_alloc(1, sizeof(*in));
	in->f = f;
	in->path = mem_dup(path);
	in->buf = mem_alloc(BUFFER_BYTES + TEXT_SLACK, 1);
	in->total = fstat(fileno(f), &st) ? 0 : (u64)st.st_size;
	if (is_zstd(head, fread(head, 1, sizeof(head), f))) {
		in->zstd = mem_checked(ZSTD_createDStream());
		in->packed = mem_alloc(ZSTD_DStreamInSize(), 1);
		in->in.src = in->packed;
	}
	rewind(f);
	return in;
}

void text_input_close(struct text_input *in)
{
	if (!in)
		return;
	fclose(in->f);
	ZSTD_freeDStream(in->zstd);
	free(in->packed);
	free(in->buf);
	free(in->path);
	free(in);
}

static size_t read_bytes(struct text_input *in, void *buf, size_t n)
{
	size_t got = fread(buf, 1, n, in->f);

	in->done += got;
	return got;
}

static int unpack(struct text_input *in, struct err *e)
{
	ZSTD_outBuffer out = {in->buf, BUFFER_BYTES, in->end};
	size_t left;

	while (out.pos == in->end) {
		if (in->in.pos == in->in.size) {
			in->in.size = read_bytes(in, in->packed, ZSTD_DStreamInSize());
			in->in.pos = 0;
			if (!in->in.size) {
				in->eof = true;
				if (in->in_frame)
					return err_set(e,
						       "%s:%llu: the compressed file is truncated",
						       in->path, (unsigned long long)in->line + 1);
				break;
			}
		}
		left = ZSTD_decompressStream(in->zstd, &out, &in->in);
		if (ZSTD_isError(left))
			return err_set(e, "%s:%llu: the compressed file is damaged: %s", in->path,
				       (unsigned long long)in->line + 1, ZSTD_getErrorName(left));
		in->in_frame = left != 0;
	}
	in->end = out.pos;
	return 0;
}

/* More bytes behind those that are there; eof is set where there are none. */
static int fill(struct text_input *in, struct err *e)
{
	size_t got;

	memmove(in->buf, in->buf + in->pos, in->end - in->pos);
	in->end -= in->pos;
	in->pos = 0;
	if (in->zstd) {
		if (unpack(in, e))
			return -1;
	} else {
		got = read_bytes(in, in->buf + in->end, BUFFER_BYTES - in->end);
		in->end += got;
		in->eof = !got;
	}
	if (ferror(in->f))
		return err_set(e, "%s: cannot read: %s", in->path, strerror(errno));
	memset(in->buf + in->end, 0, TEXT_SLACK);
	return 0;
}

int text_input_next(struct text_input *in, char **line, u32 *len, struct err *e)
{
	char *nl;
	size_t n;

	while (!(nl = memchr(in->buf + in->pos, '\n', in->end - in->pos))) {
		if (in->end - in->pos > TEXT_LINE_MAX)
			break;
		if (in->eof) {
			if (in->pos == in->end)
				return 0;
			return err_set(
				e, "%s:%llu:%zu: the file is truncated: its last line has no end",
				in->path, (unsigned long long)in->line + 1, in->end - in->pos + 1);
		}
		if (fill(in, e))
			return -1;
	}
	n = nl ? (size_t)(nl - (in->buf + in->pos)) : TEXT_LINE_MAX + 1;
	in->line++;
	if (n > TEXT_LINE_MAX)
		return err_set(
			e, "%s:%llu:%u: the line is longer than %u characters: no trace text",
			in->path, (unsigned long long)in->line, TEXT_LINE_MAX, TEXT_LINE_MAX);
	*line = in->buf + in->pos;
	in->pos += n + 1;
	if (n && (*line)[n - 1] == '\r')
		(*line)[--n] = '\n';
	*len = (u32)n;
	return 1;
}

u64 text_input_line(const struct text_input *in)
{
	return in->line;
}

const char *text_input_path(const struct text_input *in)
{
	return in->path;
}

u64 text_input_done(const struct text_input *in)
{
	return in->done;
}

u64 text_input_total(const struct text_input *in)
{
	return in->total;
}

size_t text_head(const u8 *head, size_t n, char *buf, size_t max)
{
	size_t got = min(n, max);

	if (is_zstd(head, n)) {
		ZSTD_DStream *zstd = mem_checked(ZSTD_createDStream());
		ZSTD_outBuffer out = {buf, max, 0};
		ZSTD_inBuffer in = {head, n, 0};
		size_t left = 1;

		/* The head ends in the middle of a frame: what can be had of it. */
		while (left && !ZSTD_isError(left) && in.pos < in.size && out.pos < out.size)
			left = ZSTD_decompressStream(zstd, &out, &in);
		ZSTD_freeDStream(zstd);
		got = out.pos;
	} else {
		memcpy(buf, head, got);
	}
	buf[got] = '\0';
	return memchr(buf, '\0', got) ? 0 : got;
}
