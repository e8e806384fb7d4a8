/*
 * Jobs: turns in order whatever the pace, one at a time; crashes, signals and ends that lose
 * nothing else.
 */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/jobs.h"
#include "lib/jobs_show.h"
#include "lib/text.h"
#include "tests/test.h"

#define NR 24

/* What all processes see. */
struct board {
	size_t nr_turns, in_turn, at_once, at_once_max;
	size_t turns[NR];
	size_t ended[NR], nr_ended;
	int status[NR];
};

static struct board *board;

static int setup(void **state)
{
	(void)state;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return board == MAP_FAILED;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(board, sizeof(*board));
}

static void rest_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void work_for(size_t i)
{
	size_t n = __atomic_add_fetch(&board->at_once, 1, __ATOMIC_SEQ_CST);

	if (n > board->at_once_max)
		board->at_once_max = n;
	rest_ms((long)(i * 7919 % 13)); /* later ones are often quicker */
	__atomic_sub_fetch(&board->at_once, 1, __ATOMIC_SEQ_CST);
}

static int take_turn(size_t i, struct job *self)
{
	job_turn(self);
	if (__atomic_add_fetch(&board->in_turn, 1, __ATOMIC_SEQ_CST) != 1)
		return 9;
	board->turns[board->nr_turns++] = i;
	fprintf(stderr, "job %zu\n", i);
	rest_ms(1);
	__atomic_sub_fetch(&board->in_turn, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int work(void *arg, size_t i, struct job *self)
{
	(void)arg;
	work_for(i);
	return take_turn(i, self);
}

static int ended(void *arg, size_t i, int status)
{
	(void)arg;
	board->status[i] = status;
	board->ended[board->nr_ended++] = i;
	return 0;
}

static void name(void *arg, size_t i, char *buf, size_t n)
{
	(void)arg;
	snprintf(buf, n, "job-%zu", i);
}

/* What is written to standard error meanwhile; the caller frees. */
static char *run(const struct jobs *js, int expected)
{
	int saved = dup(STDERR_FILENO), file = memfd_create("out", 0);
	struct err e = {""};
	char *text = calloc(1, 4096);
	int ret;

	fflush(NULL);
	dup2(file, STDERR_FILENO);
	ret = jobs_run(js, &e);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(pread(file, text, 4095, 0) >= 0);
	close(file);
	if (ret != expected)
		fail_msg("%d instead of %d: %s %s", ret, expected, e.msg, text);
	return text;
}

static void test_order(void **state)
{
	static const size_t at_once[] = {1, 2, 3, NR + 5};
	char *first = NULL;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(at_once); k++) {
		struct jobs js = {.nr = NR,
				  .at_once = at_once[k],
				  .work = work,
				  .ended = ended,
				  .name = name,
				  .what = "jobs"};
		char *text;

		memset(board, 0, sizeof(*board));
		text = run(&js, 0);
		assert_int_equal(board->nr_ended, NR);
		for (size_t i = 0; i < NR; i++) {
			assert_int_equal(board->turns[i], i);
			assert_int_equal(board->ended[i], i);
			assert_int_equal(board->status[i], 0);
		}
		assert_true(board->at_once_max <= at_once[k]);
		assert_true(at_once[k] == 1 || board->at_once_max > 1);
		if (first)
			assert_string_equal(text, first);
		else
			first = text;
		if (text != first)
			free(text);
	}
	free(first);
}

/*
 * One ends by a signal, one by an assertion, one early, before and after its turn: the others do
 * not care.
 */
static int work_and_fail(void *arg, size_t i, struct job *self)
{
	(void)arg;
	if (i == 3) {
		signal(SIGSEGV, SIG_DFL); /* the sanitizer's own end is none by a signal */
		raise(SIGSEGV);
	}
	ASSERT(i != 5);
	if (i == 6)
		return 4;
	work(arg, i, self);
	if (i == 8)
		raise(SIGKILL);
	return 0;
}

static void test_crashes(void **state)
{
	struct jobs js = {.nr = 12,
			  .at_once = 3,
			  .work = work_and_fail,
			  .ended = ended,
			  .name = name,
			  .what = "jobs"};
	char *text;

	(void)state;
	memset(board, 0, sizeof(*board));
	text = run(&js, 0);
	assert_says(text, "i != 5");
	assert_true(strstr(text, "job 4\n") < strstr(text, "i != 5"));
	assert_true(strstr(text, "job 7\n") > strstr(text, "i != 5"));
	free(text);
	assert_int_equal(board->nr_ended, 12);
	assert_int_equal(board->nr_turns, 9);
	assert_int_equal(WTERMSIG(board->status[3]), SIGSEGV);
	assert_int_equal(WEXITSTATUS(board->status[5]), EXIT_BUG);
	assert_int_equal(WEXITSTATUS(board->status[6]), 4);
	assert_int_equal(WTERMSIG(board->status[8]), SIGKILL);
	assert_int_equal(board->status[9], 0);
}

static int ended_no_more(void *arg, size_t i, int status)
{
	ended(arg, i, status);
	return i == 4;
}

static void test_stop(void **state)
{
	struct jobs js = {.nr = NR,
			  .at_once = 4,
			  .work = work,
			  .ended = ended_no_more,
			  .name = name,
			  .what = "jobs"};

	(void)state;
	memset(board, 0, sizeof(*board));
	free(run(&js, 0));
	assert_int_equal(board->nr_ended, 5);
	assert_in_range(board->nr_turns, 5,
			5); /* nobody's turn comes before the end was taken note of */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* The third one sends the signal in its turn: it ends what it does, nobody after it has a turn. */
static int work_and_signal(void *arg, size_t i, struct job *self)
{
	work_for(i);
	if (i != 2)
		return take_turn(i, self);
	job_turn(self);
	kill(getppid(), *(int *)arg);
	raise(*(int *)arg);
	rest_ms(30);
	board->turns[board->nr_turns++] = i;
	return 0;
}

static void test_signals(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(signals); k++) {
		int signal_number = signals[k];
		struct jobs js = {.nr = NR,
				  .at_once = 3,
				  .work = work_and_signal,
				  .ended = ended,
				  .name = name,
				  .arg = &signal_number,
				  .what = "jobs"};

		memset(board, 0, sizeof(*board));
		free(run(&js, signal_number));
		assert_int_equal(board->nr_turns, 3);
		assert_int_equal(board->nr_ended, 3);
		assert_int_equal(board->status[2], 0);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

/* The fifth and who it works for get the signal at once, and its end is heard first: no crash. */
static int work_and_signal_all(void *arg, size_t i, struct job *self)
{
	if (i != 4)
		return work(arg, i, self);
	while (*(volatile size_t *)&board->nr_ended < 4)
		rest_ms(1);
	kill(getppid(), SIGTERM);
	return raise(SIGTERM);
}

static int ended_slowly(void *arg, size_t i, int status)
{
	ended(arg, i, status);
	if (i == 3)
		rest_ms(100);
	return 0;
}

static void test_signal_to_all(void **state)
{
	struct jobs js = {.nr = NR,
			  .at_once = 3,
			  .work = work_and_signal_all,
			  .ended = ended_slowly,
			  .name = name,
			  .what = "jobs"};

	(void)state;
	memset(board, 0, sizeof(*board));
	free(run(&js, SIGTERM));
	assert_int_equal(board->nr_ended, 4);
}

/* Killed with those that work for it: nothing goes on. */
static void test_killed(void **state)
{
	struct jobs js = {
		.nr = NR, .at_once = 2, .work = work, .ended = ended, .name = name, .what = "jobs"};
	struct err e;
	size_t nr_turns;
	pid_t pid;

	(void)state;
	memset(board, 0, sizeof(*board));
	pid = fork();
	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		_exit(jobs_run(&js, &e));
	}
	while (*(volatile size_t *)&board->nr_turns < 3)
		rest_ms(1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rest_ms(20);
	nr_turns = *(volatile size_t *)&board->nr_turns;
	rest_ms(100);
	assert_int_equal(*(volatile size_t *)&board->nr_turns, nr_turns);
}

static void test_none(void **state)
{
	struct jobs js = {.at_once = 2, .work = work, .ended = ended, .name = name, .what = "jobs"};

	(void)state;
	memset(board, 0, sizeof(*board));
	free(run(&js, 0));
	assert_int_equal(board->nr_ended, 0);
}

static void test_line(void **state)
{
	static const struct job_shown shown[] = {
		{7, {50, 100}}, {8, {1, 200}}, {9, {0, 0}}, {10, {300, 200}}};
	struct jobs js = {.nr = 20, .name = name, .what = "runs"};
	char line[256];

	(void)state;
	jobs_show_line(line, sizeof(line), 200, &js, 7, shown, 4);
	assert_string_equal(line, "7 of 20 runs [########............] job-7 50 %, job-8 0 %, "
				  "job-9 0 %, job-10 100 %");
	for (size_t width = 36; width < 100; width++) {
		jobs_show_line(line, sizeof(line), width, &js, 7, shown, 4);
		assert_true(text_width(line) <= width);
	}
	jobs_show_line(line, sizeof(line), 79, &js, 20, NULL, 0);
	assert_string_equal(line, "20 of 20 runs [####################]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	      cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_stop),	      cmocka_unit_test(test_signals),
		cmocka_unit_test(test_signal_to_all), cmocka_unit_test(test_killed),
		cmocka_unit_test(test_none),	      cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
