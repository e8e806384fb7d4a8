/*
 * kmemsim record: runs the script cmd/record.sh, which is part of the program: it works from any
 * folder, and the script alone works on machines that have no kmemsim.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/mem.h"

__asm__(".section .rodata\n"
	"record_script:\n"
	".incbin \"cmd/record.sh\"\n"
	".byte 0\n"
	".previous\n");
extern const char record_script[];

int cmd_record(int argc, char **argv)
{
	static char bash[] = "bash", option[] = "-c", name[] = "kmemsim-record";
	char **args = mem_alloc((size_t)argc + 4, sizeof(*args));
	struct err e;

	args[0] = bash;
	args[1] = option;
	args[2] = mem_dup(record_script);
	args[3] = name;
	for (int i = 1; i < argc; i++)
		args[3 + i] = argv[i];
	fflush(NULL); /* what `help` has said already */
	execvp(bash, args);
	err_set(&e, "cannot run bash: %s", strerror(errno));
	free(args[2]);
	free(args);
	return cmd_fail("record", &e);
}
