/*
 * Numbers of the .kmt format shared by its reader and its writer; FORMAT.md explains them.
 */
#ifndef TRACES_KMT_FORMAT_H
#define TRACES_KMT_FORMAT_H

#include "sim/source.h"
#include "traces/bytes.h"
#include "traces/kmt.h"

#define KMT_MAGIC "\x89KMT\r\n\x1a\n"
#define KMT_ENDIAN_MARK 0x01020304U
#define KMT_HEADER_BYTES 32
#define KMT_BLOCK_MAGIC 0x314b4c42U   /* "BLK1" */
#define KMT_TABLES_MAGIC 0x31424154U  /* "TAB1" */
#define KMT_END_MAGIC 0x31444e45U     /* "END1" */
#define KMT_SECTION_MAGIC 0x31434553U /* "SEC1" */
#define KMT_BLOCK_HEADER_BYTES 40
#define KMT_SECTION_HEADER_BYTES 40
#define KMT_TABLES_HEADER_BYTES 24
#define KMT_END_BYTES 48
/* Tables above this are not ours: keeps a damaged length from asking for the world. */
#define KMT_TABLES_BYTES_MAX (1U << 30)
/* The same for a section, decompressed; and there are few of them. */
#define KMT_SECTION_BYTES_MAX (1U << 30)
#define KMT_SECTIONS_MAX 16

/* The columns of a block, in this order. */
enum kmt_column {
	KMT_COL_TEMPLATE, /* one per request */
	KMT_COL_TIME,	  /* one per request: (time - time before) / time unit of the block */
	KMT_COL_CPU,	  /* one per request */
	KMT_COL_ALLOC,	  /* object of each request that makes one */
	KMT_COL_OTHER,	  /* object of each other request */
	NR_KMT_COLUMNS
};

/* All of a request but its time, CPU and object: few differ, so each is written once. */
struct kmt_template {
	u32 size, gfp, site;
	u16 cache;
	s16 node;
	u8 kind, order, flags;
};

#define KMT_TEMPLATE_BYTES 19

/* A block on its way in or out. Columns hold at most KMT_BLOCK_REQUESTS values. */
struct kmt_block {
	u32 nr;
	u64 t_first_ns; /* of the first request */
	u32 time_unit;
	u32 nr_col[NR_KMT_COLUMNS];
	u32 *template, *cpu, *alloc, *other;
	u64 *time;
};

void kmt_block_init(struct kmt_block *b);
void kmt_block_free(struct kmt_block *b);

struct kmt_codec;

struct kmt_codec *kmt_codec_new(void);
void kmt_codec_free(struct kmt_codec *c);
/* Appends header and columns. */
void kmt_block_encode(struct kmt_codec *c, const struct kmt_block *b, struct bytes *out);
/* Payload of a block whose header has been read into *b and whose checksum is right; -1:
 * impossible. */
int kmt_block_decode(struct kmt_codec *c, struct kmt_block *b, const u8 *payload, size_t n);

/* Where a section lies in the file. */
struct kmt_section {
	u32 kind;
	u64 at; /* of its header */
	u64 raw_len, len, sum, header_sum;
};

/* Appends header and content, compressed. */
void kmt_section_encode(u32 kind, const u8 *data, size_t n, struct bytes *out);
/* A header of KMT_SECTION_HEADER_BYTES; -1: impossible. */
int kmt_section_decode(const u8 *h, struct kmt_section *s);
/* Its content out of the `len` bytes behind the header; the caller frees. NULL: damaged. */
u8 *kmt_section_unpack(const struct kmt_section *s, const u8 *packed);

/* The tables: everything in *m, and the templates. */
void kmt_tables_encode(const struct kmt_meta *m, const struct kmt_template *t, u32 nr_templates,
		       struct bytes *out);
/* -1: they contradict themselves (then they are not ours: the checksum was right). */
int kmt_tables_decode(const u8 *data, size_t n, struct kmt_meta *m, struct kmt_template **t,
		      u32 *nr_templates);

#endif
