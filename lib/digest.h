/*
 * A running 64-bit digest of integers: order matters, equal input gives an equal digest everywhere.
 * Not cryptographic. The mixing step is the finalizer of MurmurHash3 applied to a running sum.
 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include "lib/types.h"

#define DIGEST_INIT 0x6b6d656d73696d31ULL

static inline u64 digest_u64(u64 digest, u64 value)
{
	u64 x = (digest ^ value) * 0xff51afd7ed558ccdULL;

	return (x ^ (x >> 32)) * 0xc4ceb9fe1a85ec53ULL + 0x9e3779b97f4a7c15ULL;
}

static inline u64 digest_bytes(u64 digest, const void *data, size_t n)
{
	const u8 *p = (const u8 *)data;

	for (size_t i = 0; i < n; i++)
		digest = digest_u64(digest, p[i]);
	return digest_u64(digest, n);
}

/* FNV-1a of a string, for hash tables of names. */
static inline u32 text_hash(const char *s)
{
	u32 hash = 2166136261U;

	for (; *s; s++)
		hash = (hash ^ (u8)*s) * 16777619U;
	return hash;
}

#endif
