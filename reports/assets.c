/*
 * The page's style and script.
 *
 * They are edited as what they are; the assembler takes them in, for a program of one file that
 * needs nothing beside it.
 */
#include "reports/assets.h"

#define ASSET(name, file)                                                                          \
	__asm__(".pushsection .rodata\n"                                                           \
		".global " #name "\n"                                                              \
		".type " #name ", @object\n" #name ":\n"                                           \
		".incbin \"" file "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".size " #name ", . - " #name "\n"                                                 \
		".popsection\n")

ASSET(page_css, "reports/page.css");
ASSET(page_js, "reports/page.js");
ASSET(page_map_js, "reports/page_map.js");
ASSET(page_test_js, "reports/page_test.js");
