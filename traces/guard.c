/*
 * Work on input that may be damaged, in a process of its own.
 */
#define _GNU_SOURCE
#include "traces/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "lib/progress.h"

#define POLL_MS 100
#define HANG_POLLS 600 /* without progress: a minute */

struct shared {
	u64 done, total;
};

static struct shared *shared; /* one guard at a time */
static int result_fd = -1;    /* in the child: where the parent reads what became of it */

void guard_progress(u64 done, u64 total)
{
	if (!shared)
		return;
	__atomic_store_n(&shared->total, total, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->done, done, __ATOMIC_RELAXED);
}

/* The child's output: status, then the message. */
_Noreturn static void child_end(char status, const struct err *e)
{
	if (write(result_fd, &status, 1) != 1 ||
	    write(result_fd, e->msg, sizeof(e->msg)) != sizeof(e->msg))
		_exit(1);
	_exit(0);
}

_Noreturn static void child(int (*fn)(void *arg, struct err *e), void *arg, int out, int log_fd)
{
	struct rlimit no_core = {0, 0};
	struct err e = {{0}};

	result_fd = out;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would take the result */
	setrlimit(RLIMIT_CORE, &no_core);
	dup2(log_fd, STDERR_FILENO);
	child_end(fn(arg, &e) ? 'e' : 'k', &e);
}

_Noreturn void guard_fail(const struct err *e)
{
	ASSERT(result_fd >= 0);
	child_end('e', e);
}

/* Reads the child's result; 0 if it came whole. */
static int watch(int in, pid_t pid, const char *what, char *status, struct err *e)
{
	struct pollfd p = {.fd = in, .events = POLLIN};
	struct progress bar;
	u64 last = 0;
	int idle = 0, ready;
	size_t got = 0;

	progress_begin(&bar, what, 0);
	while ((ready = poll(&p, 1, POLL_MS)) == 0 || (ready < 0 && errno == EINTR)) {
		u64 done = __atomic_load_n(&shared->done, __ATOMIC_RELAXED);

		bar.total = __atomic_load_n(&shared->total, __ATOMIC_RELAXED);
		progress_step(&bar, done);
		idle = done == last ? idle + 1 : 0;
		last = done;
		if (idle > HANG_POLLS) {
			kill(pid, SIGKILL);
			break;
		}
	}
	progress_end(&bar);
	if (read(in, status, 1) != 1)
		return -1;
	while (got < sizeof(e->msg)) {
		ssize_t n = read(in, e->msg + got, sizeof(e->msg) - got);

		if (n <= 0)
			return -1;
		got += (size_t)n;
	}
	return 0;
}

/* A bug of ours in the child, or no memory left there: show it and end the same way. */
static void pass_on_end(int wait_status, int log_fd)
{
	char buf[4096];
	int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
	ssize_t n;

	if (code != EXIT_BUG && code != EXIT_NO_MEMORY)
		return;
	lseek(log_fd, 0, SEEK_SET);
	while ((n = read(log_fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stderr);
	exit(code);
}

static int run(int (*fn)(void *arg, struct err *e), void *arg, const char *what, int log_fd,
	       struct err *e)
{
	int fds[2], wait_status, result;
	char status = 0;
	pid_t pid;

	if (pipe(fds))
		return err_set(e, "%s: cannot make a pipe: %s", what, strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_set(e, "%s: cannot start a process: %s", what, strerror(errno));
	}
	if (!pid) {
		close(fds[0]);
		child(fn, arg, fds[1], log_fd);
	}
	close(fds[1]);
	result = watch(fds[0], pid, what, &status, e);
	close(fds[0]);
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	pass_on_end(wait_status, log_fd);
	if (result)
		return err_set(e, "%s: damaged: the library that reads it %s", what,
			       WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL
				       ? "made no progress or ran out of memory"
				       : "crashed");
	return status == 'k' ? 0 : -1;
}

int guard_run(int (*fn)(void *arg, struct err *e), void *arg, const char *what, struct err *e)
{
	int log_fd = memfd_create("guard", MFD_CLOEXEC), result;
	void *p = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	if (log_fd < 0 || p == MAP_FAILED)
		return err_set(e, "%s: cannot start a process: %s", what, strerror(errno));
	shared = (struct shared *)p;
	result = run(fn, arg, what, log_fd, e);
	shared = NULL;
	munmap(p, sizeof(*shared));
	close(log_fd);
	return result;
}
