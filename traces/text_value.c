/*
 * Values as trace text writes them.
 */
#include "traces/text_value.h"

#include <string.h>

#include "lib/units.h"

/* Kernels print the low 32 bits of the hash; errors and the first page are what they are. */
#define HASH_FIRST 4096ULL
#define HASH_LAST 0xffffffffULL

#define DIGITS_SAFE 19 /* no decimal of as many overflows */

static bool decimal(const char **p, u64 *v)
{
	const char *s = *p;
	u64 n = 0;

	for (; *s >= '0' && *s <= '9' && s - *p < DIGITS_SAFE; s++)
		n = 10 * n + (u64)(*s - '0');
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (u64)(*s - '0'), &n))
			return false;
	if (s == *p)
		return false;
	*p = s;
	*v = n;
	return true;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Eight hexadecimal digits at once. A byte x < 128 is above n if x + 127 - n has its high bit set:
 * a digit is 0 to 9 above '0', a letter 1 to 6 above 0x60 (or 0x40).
 */
static bool hexadecimal8(const char *p, u64 *v)
{
	u64 x = text_load8(p), digit = x ^ TEXT_EACH('0');
	u64 letter = (x | TEXT_EACH(0x20)) ^ TEXT_EACH(0x60);
	u64 no_digit = digit + TEXT_EACH(127 - 9);
	u64 no_letter = (letter + TEXT_EACH(127 - 6)) | ~(letter + TEXT_EACH(127));

	if ((x | (no_digit & no_letter)) & TEXT_HIGH)
		return false;
	x = (x & TEXT_EACH(15)) + ((x >> 6) & TEXT_EACH(1)) * 9;
	x = __builtin_bswap64(x);
	x = (x | x >> 4) & 0x00ff00ff00ff00ffULL;
	x = (x | x >> 8) & 0x0000ffff0000ffffULL;
	*v = (x | x >> 16) & 0xffffffffULL;
	return true;
}

static bool hexadecimal(const char **p, u64 *v)
{
	const char *s = *p;
	u64 n = 0, low;
	int digit;

	if (hexadecimal8(s, &n)) {
		s += 8;
		if (hexadecimal8(s, &low)) {
			n = n << 32 | low;
			s += 8;
		}
	}
	for (; (digit = nibble(*s)) >= 0; s++) {
		if (n >> 60)
			return false;
		n = n << 4 | (u64)digit;
	}
	if (s == *p)
		return false;
	*p = s;
	*v = n;
	return true;
}

static bool skip_0x(const char **p)
{
	if ((*p)[0] != '0' || (*p)[1] != 'x')
		return false;
	*p += 2;
	return true;
}

bool text_number(const char **p, u64 *v)
{
	return skip_0x(p) ? hexadecimal(p, v) : decimal(p, v);
}

static bool skip_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n))
		return false;
	*p += n;
	return true;
}

enum text_pointer text_pointer(const char **p, u64 *ptr)
{
	*ptr = 0;
	while (**p == ' ') /* before 5.0 (null) was printed in the width of a pointer */
		++*p;
	if (**p == '(' && (skip_word(p, "(nil)") || skip_word(p, "(null)")))
		return TEXT_POINTER;
	if (skip_word(p, "____ptrval____") || skip_word(p, "(____ptrval____)"))
		return TEXT_POINTER_HASHED;
	skip_0x(p);
	if (!hexadecimal(p, ptr))
		return TEXT_POINTER_BAD;
	if (*ptr < HASH_FIRST || *ptr > HASH_LAST)
		return TEXT_POINTER;
	return **p == ' ' || **p == '\n' ? TEXT_POINTER_HASHED : TEXT_POINTER_BAD;
}

bool text_time(const char **p, u64 *ns)
{
	static const u64 scale[] = {1000000000, 100000000, 10000000, 1000000, 100000,
				    10000,	1000,	   100,	     10,      1};
	const char *fraction;
	u64 rest;

	if (!decimal(p, ns))
		return false;
	if (**p != '.')
		return true;
	fraction = ++*p;
	if (!decimal(p, &rest) || *p - fraction > 9)
		return false;
	return !__builtin_mul_overflow(*ns, NSEC_PER_SEC, ns) &&
	       !__builtin_add_overflow(*ns, rest * scale[*p - fraction], ns);
}
