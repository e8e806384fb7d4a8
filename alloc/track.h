/*
 * Who did it, and what the bytes were: what reports of damage say.
 */
#ifndef ALLOC_TRACK_H
#define ALLOC_TRACK_H

#include "alloc/kernel.h"

struct track {
	u64 when_ns;
	u32 site;
	u32 cpu;
};

/* The operation that runs. */
static inline struct track track_now(void)
{
	return (struct track){ktime_get_ns(), kernel->site, (u32)smp_processor_id()};
}

/* In jiffies. */
static inline unsigned long long track_age(const struct track *t)
{
	u64 now_ns = ktime_get_ns();

	return nsecs_to_jiffies(now_ns > t->when_ns ? now_ns - t->when_ns : 0);
}

#define DUMP_BYTES 16

/* "6b 6b a5 ": the first DUMP_BYTES of n. */
static inline const char *dump_bytes(char out[3 * DUMP_BYTES + 1], const u8 *from, u64 n)
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	for (u64 i = 0; i < min(n, (u64)DUMP_BYTES); i++) {
		*p++ = hex[from[i] >> 4];
		*p++ = hex[from[i] & 15];
		*p++ = ' ';
	}
	*p = '\0';
	return out;
}

#endif
