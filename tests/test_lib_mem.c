/*
 * Host memory that is there or ends the process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/mem.h"
#include "tests/test.h"

static void new_elements_are_zeroed(void **state)
{
	u32 *p = mem_alloc(3, sizeof(*p));

	(void)state;
	for (int i = 0; i < 3; i++)
		p[i] = 7;
	p = mem_grow_zeroed(p, 3, 1000, sizeof(*p));
	assert_int_equal(p[2], 7);
	for (int i = 3; i < 1000; i++)
		assert_int_equal(p[i], 0);
	free(p);
}

static void room_doubles(void **state)
{
	u32 *p = NULL, nr = 0, room = 0;

	(void)state;
	for (; nr < 100; nr++) {
		MEM_ROOM(p, nr, room);
		p[nr] = nr;
	}
	assert_int_equal(room, 128);
	assert_int_equal(p[99], 99);
	free(p);
}

static void texts_are_copied(void **state)
{
	char *all = mem_dup("kmalloc-64"), *none = mem_dup(NULL), *some = mem_dup_n(all, 7);

	(void)state;
	assert_string_equal(all, "kmalloc-64");
	assert_string_equal(none, "");
	assert_string_equal(some, "kmalloc");
	free(all);
	free(none);
	free(some);
}

/* The sanitizers have a word of their own for sizes like these. */
static void none_left_ends_the_process(void **state)
{
	char said[64] = "";
	int fds[2], status;
	pid_t pid;

	(void)state;
	skip_shadowed();
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		mem_alloc(SIZE_MAX, 2);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_NO_MEMORY);
	assert_true(read(fds[0], said, sizeof(said) - 1) > 0);
	assert_string_equal(said, "test_lib_mem: out of memory\n");
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_elements_are_zeroed),
		cmocka_unit_test(room_doubles),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(none_left_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
