/*
 * Nodes as text again: what is printed is read back as the same document.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/yaml.h"

#define BLOCK_DEPTH 3 /* mappings above it have a line for each key */

/* Everything is a text for who reads it: only what would end or change it is quoted. */
static bool is_plain(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_./";

	return *text && strchr(first, *text) &&
	       !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789_./%+*|-")];
}

static void print_scalar(FILE *f, const char *text)
{
	if (is_plain(text)) {
		fputs(text, f);
		return;
	}
	putc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if ((u8)*text < ' ' || *text == 0x7f)
			fprintf(f, "\\x%02x", (u8)*text);
		else
			putc(*text, f);
	}
	putc('"', f);
}

static void print_flow(FILE *f, const struct yaml_node *n)
{
	bool map = yaml_is_mapping(n);

	if (yaml_is_scalar(n)) {
		print_scalar(f, yaml_text(n, NULL));
		return;
	}
	putc(map ? '{' : '[', f);
	for (size_t i = 0; i < yaml_count(n); i++) {
		fputs(i ? ", " : "", f);
		if (map) {
			print_scalar(f, yaml_key(n, i));
			fputs(": ", f);
		}
		print_flow(f, map ? yaml_value(n, i) : yaml_item(n, i));
	}
	putc(map ? '}' : ']', f);
}

static void print_block(FILE *f, const struct yaml_node *map, int depth)
{
	for (size_t i = 0; i < yaml_count(map); i++) {
		const struct yaml_node *value = yaml_value(map, i);

		fprintf(f, "%*s", 2 * depth, "");
		print_scalar(f, yaml_key(map, i));
		putc(':', f);
		if (depth + 1 < BLOCK_DEPTH && yaml_is_mapping(value) && yaml_count(value)) {
			putc('\n', f);
			print_block(f, value, depth + 1);
			continue;
		}
		putc(' ', f);
		print_flow(f, value);
		putc('\n', f);
	}
}

void yaml_print(FILE *f, const struct yaml_node *n)
{
	if (yaml_is_mapping(n) && yaml_count(n)) {
		print_block(f, n, 0);
		return;
	}
	print_flow(f, n);
	putc('\n', f);
}

char *yaml_print_flow(const struct yaml_node *n)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	print_flow(f, n);
	ASSERT(!fclose(f));
	return text;
}
