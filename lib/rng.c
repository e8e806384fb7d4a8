/*
 * Random streams: xoshiro256** seeded through splitmix64.
 */
#include "lib/rng.h"

#include <string.h>

#include "lib/digest.h"

static u64 splitmix64(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void rng_init(struct rng *r, u64 seed, const char *job, const char *purpose)
{
	u64 state = digest_u64(DIGEST_INIT, seed);

	state = digest_bytes(state, job, strlen(job));
	state = digest_bytes(state, purpose, strlen(purpose));
	for (size_t i = 0; i < ARRAY_SIZE(r->s); i++)
		r->s[i] = splitmix64(&state);
}

static u64 rotl(u64 x, int k)
{
	return x << k | x >> (64 - k);
}

u64 rng_u64(struct rng *r)
{
	u64 result = rotl(r->s[1] * 5, 7) * 9;
	u64 t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotl(r->s[3], 45);
	return result;
}

u64 rng_below(struct rng *r, u64 n)
{
	u64 limit = -n % n; /* 2^64 mod n: values below it would favour small results */
	u64 x;

	do
		x = rng_u64(r);
	while (x < limit);
	return x % n;
}

double rng_double(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/*
 * By comparisons alone (von Neumann 1951), so that no mathematics library has a say: uniform draws
 * go on while each is below the one before. A run of odd length is the first draw's: it is the
 * fraction; each run of even length before it added one.
 */
u64 rng_exponential(struct rng *r, u64 mean)
{
	for (u64 whole = 0;; whole++) {
		u64 first = rng_u64(r), last = first, next;
		bool odd = true;

		while ((next = rng_u64(r)) < last) {
			last = next;
			odd = !odd;
		}
		if (odd) {
			unsigned __int128 ns = (unsigned __int128)mean * whole +
					       ((unsigned __int128)mean * first >> 64);

			return ns > UINT64_MAX ? UINT64_MAX : (u64)ns;
		}
	}
}
