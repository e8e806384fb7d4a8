/*
 * The colours of page and plots, light and dark.
 *
 * Stacks: Okabe and Ito (2008), told apart with every common colour blindness, yellow and black
 * (which read badly as areas) last; in the dark the same hues, lighter. Mobility: red-brown, blue
 * and violet differ in lightness too.
 */
#include "reports/theme.h"

#include <stdlib.h>
#include <string.h>

static const struct colour {
	const char *name, *light, *dark;
} colours[] = {
	{"ink", INK, "#e7eaee"},
	{"soft", INK_SOFT, "#b4bcc6"},
	{"axis", AXIS, "#737c88"},
	{"grid", GRID, "#30363e"},
	{"paper", PAPER, "#15181c"},
	{"use1", USE_1, "#dde5ee"},
	{"use2", USE_2, "#93a5b9"},
	{"use3", USE_3, "#59697a"},
	{"use4", USE_4, "#333d48"},
	{"unmovable", LIVES_UNMOVABLE, "#f0743e"},
	{"movable", LIVES_MOVABLE, "#58a6e6"},
	{"reclaimable", LIVES_RECLAIMABLE, "#b794e6"},
	{"store1", STORE_ASKED, "#d6c8f7"},
	{"store2", STORE_INSIDE, "#8f78c9"},
	{"store3", STORE_BETWEEN, "#4d3f78"},
	{"store4", STORE_DESCRIPTORS, "#c8935c"},
	{"s0", "#0072b2", "#4aa8e8"},
	{"s1", "#d55e00", "#f58a3c"},
	{"s2", "#009e73", "#2cc79b"},
	{"s3", "#cc79a7", "#e39cc4"},
	{"s4", "#56b4e9", "#9bd5f7"},
	{"s5", "#e69f00", "#f5bd41"},
	{"s6", "#000000", "#ffffff"},
	{"s7", "#b8a500", "#ddd055"},
};

#define FIRST_STACK (ARRAY_SIZE(colours) - THEME_STACKS)

/* The base's colour is its own; the others share what is left, in turn. */
const char *theme_stack(size_t nth)
{
	return colours[FIRST_STACK + (nth ? 1 + (nth - 1) % (THEME_STACKS - 1) : 0)].light;
}

unsigned int theme_rgb(const char *colour)
{
	return (unsigned int)strtoul(colour + 1, NULL, 16);
}

void theme_name(unsigned int rgb, char *buf, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
		if (theme_rgb(colours[i].light) != rgb)
			continue;
		snprintf(buf, n, "var(--%s)", colours[i].name);
		return;
	}
	snprintf(buf, n, "#%06x", rgb & 0xffffff);
}

static void variables(FILE *f, const char *selector, bool dark, bool stores)
{
	fprintf(f, "%s{color-scheme:%s", selector, dark ? "dark" : "light");
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (stores || strncmp(colours[i].name, "store", 5) != 0)
			fprintf(f, ";--%s:%s", colours[i].name,
				dark ? colours[i].dark : colours[i].light);
	fputs("}\n", f);
}

void theme_css(FILE *f, bool stores)
{
	variables(f, ":root", false, stores);
	fputs("@media(prefers-color-scheme:dark){", f);
	variables(f, ":root", true, stores);
	fputs("}\n", f);
	variables(f, ":root[data-theme=light]", false, stores);
	variables(f, ":root[data-theme=dark]", true, stores);
}
