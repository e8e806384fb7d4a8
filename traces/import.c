/*
 * A recorded trace to a .kmt file.
 */
#include "traces/import.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "traces/bytes.h"
#include "traces/guard.h"
#include "traces/kmt_format.h"
#include "traces/text_input.h"

#define HASH_BYTES (1U << 20)
#define HEAD_BYTES (1U << 18) /* a whole block, if compressed */
#define TEXT_BYTES 4096U      /* of text, until it is taken for text */

/* The words of a user, and their place, while the child runs. */
struct import_job {
	const char *path;
	FILE *out;
	const struct import_options *options;
	const struct importer *importer;
	u64 hash;
	bool hash_failed;
};

/* Its first bytes. */
static int look_at(const char *path, u8 *head, size_t *head_n, struct err *e)
{
	bool failed;
	FILE *f;

	if (file_check_regular(path, e))
		return -1;
	f = fopen(path, "rb");
	if (!f)
		return err_set(e, "%s: cannot open: %s", path, strerror(errno));
	*head_n = fread(head, 1, HEAD_BYTES, f);
	failed = ferror(f);
	fclose(f);
	if (failed)
		return err_set(e, "%s: cannot read: %s", path, strerror(errno));
	if (!*head_n)
		return err_set(e, "%s: the file is empty", path);
	return 0;
}

/* A thread: the hash of the whole content, while the importer reads it. */
static void *hash_content(void *arg)
{
	struct import_job *job = arg;
	FILE *f = fopen(job->path, "rb");
	u8 *buf = mem_alloc(HASH_BYTES, 1);
	size_t n;

	while (f && (n = fread(buf, 1, HASH_BYTES, f)) > 0)
		job->hash = bytes_checksum(job->hash, buf, n);
	job->hash_failed = !f || ferror(f);
	if (f)
		fclose(f);
	free(buf);
	return NULL;
}

static bool is_text(const u8 *head, size_t n)
{
	char buf[TEXT_BYTES + 1];

	return text_head(head, n, buf, TEXT_BYTES);
}

static const struct importer *choose(const struct import_options *o, const char *path,
				     const u8 *head, size_t n, struct err *e)
{
	const struct importer *im;

	if (o->from) {
		im = importer_find(o->from);
		ASSERT(im); /* the caller has checked the name */
		if (im->probe(head, n) || (im->text && is_text(head, n)))
			return im;
		err_set(e, "%s: offset 0: not a file of the kind '%s' (%s)", path, im->name,
			im->summary);
		return NULL;
	}
	for (im = importer_first(); im; im = im->next)
		if (im->probe(head, n))
			return im;
	if (n >= strlen(KMT_MAGIC) && !memcmp(head, KMT_MAGIC, strlen(KMT_MAGIC)))
		err_set(e, "%s: offset 0: this is a .kmt trace already", path);
	else
		err_set(e,
			"%s: offset 0: no importer knows this kind of file (see `kmemsim list "
			"importers`)",
			path);
	return NULL;
}

/* "x.tar.zst: x/trace.dat" -> "trace.dat" */
static const char *base_name(const struct import_job *job)
{
	return file_base(job->options->name ? job->options->name : job->path);
}

static int read_recording(struct import_job *job, struct raw_sink *sink, struct err *e)
{
	pthread_t hasher;
	bool beside = !pthread_create(&hasher, NULL, hash_content, job);
	int ret = job->importer->run(job->path, sink, e);

	if (beside)
		pthread_join(hasher, NULL);
	else
		hash_content(job);
	if (!ret && job->hash_failed)
		ret = err_set(e, "%s: cannot be read twice", job->path);
	return ret;
}

static int import_in_child(void *arg, struct err *e)
{
	struct import_job *job = arg;
	struct raw_sink *sink = raw_sink_open(e);
	struct kmt_writer *w;
	int ret = -1;

	if (!sink)
		return -1;
	if (job->options->snapshots)
		raw_sink_mm_stat(sink, job->options->snapshots->mm_stat,
				 job->options->snapshots->nr_mm_stat);
	w = kmt_writer_open(job->out, e);
	if (!w)
		goto out;
	if (read_recording(job, sink, e))
		kmt_writer_abort(w);
	else
		ret = raw_sink_finish(sink, w, job->options, base_name(job), job->hash,
				      job->importer->name, e);
	if (!ret && fflush(job->out))
		ret = err_set(e, "cannot write: %s", strerror(errno));
out:
	raw_sink_close(sink);
	return ret;
}

/* Importers name the path they were given: the user knows the file by another. */
static void name_in_message(const char *path, const char *name, struct err *e)
{
	char *at = strstr(e->msg, path), *message;

	if (!at)
		return;
	message = mem_print("%.*s%s%s", (int)(at - e->msg), e->msg, name, at + strlen(path));
	err_set(e, "%s", message);
	free(message);
}

static int import_file(const char *path, FILE *out, const struct import_options *o, struct err *e)
{
	struct import_job job = {.path = path, .out = out, .options = o};
	u8 head[HEAD_BYTES];
	size_t n = 0;

	if (look_at(path, head, &n, e))
		return -1;
	job.importer = choose(o, path, head, n, e);
	if (!job.importer)
		return -1;
	return guard_run(import_in_child, &job, o->name ? o->name : path, e);
}

int import_trace(const char *path, FILE *out, const struct import_options *o, struct err *e)
{
	int ret = import_file(path, out, o, e);

	if (ret && o->name)
		name_in_message(path, o->name, e);
	return ret;
}
