/*
 * Stacks as short texts that tell them apart.
 */
#include "reports/stack_text.h"

#include <string.h>

struct span {
	const char *at;
	size_t len;
};

static bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && !strncmp(a.at, b.at, a.len);
}

/* The name that ends before `end`: back to what stands between names. */
static struct span name_before(const char *text, const char *end)
{
	const char *at = end;

	while (at > text && !strchr(":= ", at[-1]))
		at--;
	return (struct span){at, (size_t)(end - at)};
}

/* What the name is in: "slab" of "slab=rcu:slabifier"; "" without a '='. */
static struct span kind_before(const char *text, struct span name)
{
	const char *word = name.at, *end;
	int depth = 0;

	/* Spaces inside parentheses part no words. */
	while (word > text && (depth || word[-1] != ' ')) {
		word--;
		depth += (*word == ')') - (*word == '(');
	}
	end = strpbrk(word, "=:(");
	return (struct span){word, *end == '=' ? (size_t)(end - word) : 0};
}

/* From behind a '(' or ',' to the next ',' or ')' of this layer. */
static struct span option_at(const char *at)
{
	const char *end = at;

	for (int depth = 0; *end && (depth || !strchr(",)", *end)); end++)
		depth += (*end == '(') - (*end == ')');
	return (struct span){at, (size_t)(end - at)};
}

static struct span key_of(struct span option)
{
	const char *sign = memchr(option.at, '=', option.len);

	return (struct span){option.at, sign ? (size_t)(sign - option.at) : option.len};
}

/* Does the layer of that kind have the option in `text` with another value? */
static bool differs_in(const char *text, struct span kind, struct span layer, struct span option)
{
	for (const char *p = strchr(text, '('); p; p = strchr(p, '(')) {
		struct span name = name_before(text, p);
		bool same_layer =
			span_equal(name, layer) && span_equal(kind_before(text, name), kind);

		do {
			struct span other = option_at(p + 1);

			if (same_layer && span_equal(key_of(other), key_of(option)) &&
			    !span_equal(other, option))
				return true;
			p = other.at + other.len;
		} while (*p == ',');
	}
	return false;
}

static void append(char *buf, size_t n, size_t *used, const char *at, size_t len)
{
	len = min(len, n - 1 - *used);
	memcpy(buf + *used, at, len);
	*used += len;
}

void stack_brief(const char *text, const char *const *others, size_t nr, char *buf, size_t n)
{
	size_t used = 0;
	const char *p = text;

	while (*p) {
		struct span kind, layer, option;
		const char *before = "(";

		if (*p != '(') {
			append(buf, n, &used, p++, 1);
			continue;
		}
		layer = name_before(text, p);
		kind = kind_before(text, layer);
		do {
			bool differs = false;

			option = option_at(p + 1);
			for (size_t i = 0; i < nr; i++)
				differs = differs || differs_in(others[i], kind, layer, option);
			p = option.at + option.len;
			if (!differs)
				continue;
			append(buf, n, &used, before, 1);
			append(buf, n, &used, option.at, option.len);
			before = ",";
		} while (*p == ',');
		if (*before == ',')
			append(buf, n, &used, ")", 1);
		p += *p == ')';
	}
	if (used == n - 1)
		while (used && (buf[--used] & 0xc0) == 0x80)
			;
	buf[used] = '\0';
}
