/*
 * Work in processes of its own.
 *
 * Theory: a job and this process hold the two ends of a socket. The job writes a byte when it wants
 * its turn, and reads one when it has it; it closes its end by ending, however it ends. A job that
 * waits for its turn needs no processor: the next one may start.
 */
#define _GNU_SOURCE /* ppoll, memfd_create */
#include "lib/jobs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/jobs_show.h"
#include "lib/mem.h"

/* So many may wait for their turn: each keeps what it wants to leave behind. */
#define WAITING_MAX 32

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};

struct job {
	enum job_state state;
	pid_t pid;
	int link;   /* the socket: our end of it here, the job's in the job */
	int output; /* what it wrote to standard error */
	int status;
	struct progress_cell *progress; /* both see it */
};

struct crew {
	const struct jobs *js;
	struct job *jobs;
	struct progress_cell *cells;
	struct pollfd *polls;
	struct jobs_show show;
	size_t first, next;   /* the first that has not ended; the next to start */
	size_t nr_busy;	      /* with a processor: working, or having its turn */
	sigset_t ending, old; /* signals that end us; what was blocked before */
	struct sigaction actions[ARRAY_SIZE(ending_signals)];
};

static volatile sig_atomic_t ending_signal;

static void on_signal(int signal)
{
	ending_signal = signal;
}

/* They come in while we wait, and only then; what the caller ignores stays ignored. */
static void signals_take(struct crew *c)
{
	struct sigaction mine = {.sa_handler = on_signal};

	ending_signal = 0;
	sigemptyset(&c->ending);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++) {
		sigaction(ending_signals[i], NULL, &c->actions[i]);
		if (c->actions[i].sa_handler == SIG_IGN)
			continue;
		sigaddset(&c->ending, ending_signals[i]);
		sigaction(ending_signals[i], &mine, NULL);
	}
	sigprocmask(SIG_BLOCK, &c->ending, &c->old);
}

static void signals_give_back(struct crew *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		sigaction(ending_signals[i], &c->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &c->old, NULL);
}

/* --- in the job --- */

static _Noreturn void job_process(struct crew *c, size_t i, int link, pid_t parent)
{
	struct job self = c->jobs[i];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signals_give_back(c);
	for (size_t j = c->first; j < c->next; j++)
		if (c->jobs[j].state != JOB_ENDED && j != i)
			close(c->jobs[j].link);
	close(self.link);
	self.link = link;
	dup2(self.output, STDERR_FILENO);
	exit(c->js->work(c->js->arg, i, &self));
}

void job_turn(struct job *self)
{
	sigset_t ending;
	char byte = 0;

	sigemptyset(&ending);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		sigaddset(&ending, ending_signals[i]);
	if (write(self->link, &byte, 1) != 1 || read(self->link, &byte, 1) != 1)
		_exit(0); /* nobody is left who would give turns */
	sigprocmask(SIG_BLOCK, &ending, NULL);
}

struct progress_cell *job_progress(struct job *self)
{
	return self->progress;
}

/* --- here --- */

static int job_start(struct crew *c, size_t i, struct err *e)
{
	struct job *job = &c->jobs[i];
	pid_t parent = getpid();
	int link[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link))
		return err_set(e, "cannot start a process: %s", strerror(errno));
	*job = (struct job){.link = link[0], .progress = &c->cells[i]};
	job->output = memfd_create("standard error", MFD_CLOEXEC);
	job->pid = job->output < 0 ? -1 : fork();
	if (!job->pid)
		job_process(c, i, link[1], parent);
	close(link[1]);
	if (job->pid > 0) {
		job->state = JOB_WORKS;
		c->nr_busy++;
		return 0;
	}
	err_set(e, "cannot start a process: %s", strerror(errno));
	close(link[0]);
	if (job->output >= 0)
		close(job->output);
	return -1;
}

/* If there is room for some, but not for all at once, the others come later. */
static int start_some(struct crew *c, struct err *e)
{
	while (c->next < c->js->nr && c->nr_busy < c->js->at_once &&
	       c->next - c->first < c->js->at_once + WAITING_MAX) {
		fflush(NULL);
		if (job_start(c, c->next, e))
			return c->nr_busy ? 0 : -1;
		c->next++;
	}
	return 0;
}

static void give_turn(struct crew *c)
{
	struct job *job = &c->jobs[c->first];
	char byte = 0;

	if (c->first == c->next || job->state != JOB_WAITS)
		return;
	job->state = JOB_HAS_TURN;
	c->nr_busy++;
	/*
	 * It may have been killed: then the socket tells, and it does not matter that nobody reads.
	 */
	(void)!send(job->link, &byte, 1, MSG_NOSIGNAL);
}

static void job_reap(struct crew *c, struct job *job)
{
	close(job->link);
	while (waitpid(job->pid, &job->status, 0) < 0)
		ASSERT(errno == EINTR);
	c->nr_busy -= job->state != JOB_WAITS;
	job->state = JOB_ENDED;
}

static void job_heard(struct crew *c, struct job *job)
{
	char byte;

	if (read(job->link, &byte, 1) != 1) {
		job_reap(c, job);
	} else {
		job->state = JOB_WAITS;
		c->nr_busy--;
	}
}

static void output_copy(int from)
{
	char buf[4096];
	ssize_t n;

	for (off_t at = 0; (n = pread(from, buf, sizeof(buf), at)) > 0; at += n)
		fwrite(buf, 1, (size_t)n, stderr);
	close(from);
}

/* A signal to all of us may have ended a job before it interrupts ppoll. */
static bool is_ending(const struct crew *c)
{
	const struct timespec now = {0};
	int pending = ending_signal ? 0 : sigtimedwait(&c->ending, NULL, &now);

	if (pending > 0)
		ending_signal = pending;
	return ending_signal;
}

/* Those at the head of the line that have ended. */
static int take_ended(struct crew *c)
{
	int ret = 0;

	while (!ret && c->first < c->next && c->jobs[c->first].state == JOB_ENDED) {
		struct job *job = &c->jobs[c->first];

		if (WIFSIGNALED(job->status) && is_ending(c))
			break;
		jobs_show_wipe(&c->show);
		output_copy(job->output);
		ret = c->js->ended(c->js->arg, c->first++, job->status);
	}
	return ret;
}

static void hear(struct crew *c)
{
	const struct timespec redraw = {.tv_nsec = PROGRESS_REDRAW_NS};
	size_t nr = 0;

	for (size_t i = c->first; i < c->next; i++) {
		bool talks = c->jobs[i].state != JOB_ENDED;

		c->polls[nr++] =
			(struct pollfd){.fd = talks ? c->jobs[i].link : -1, .events = POLLIN};
	}
	if (ppoll(c->polls, nr, c->show.on ? &redraw : NULL, &c->old) <= 0)
		return;
	for (size_t i = 0; i < nr; i++)
		if (c->polls[i].revents)
			job_heard(c, &c->jobs[c->first + i]);
}

static void show(struct crew *c)
{
	struct job_shown shown[WAITING_MAX];
	size_t nr = 0, done = c->next;

	for (size_t i = c->first; i < c->next; i++) {
		if (c->jobs[i].state != JOB_WORKS)
			continue;
		done--;
		if (nr < ARRAY_SIZE(shown))
			shown[nr++] = (struct job_shown){i, c->cells[i]};
	}
	jobs_show_draw(&c->show, c->js, done, shown, nr);
}

/* Whoever has its turn ends by itself, and what it said is worth hearing. */
static void end_all(struct crew *c)
{
	bool has_turn = c->first < c->next && c->jobs[c->first].state == JOB_HAS_TURN;

	for (size_t i = c->first; i < c->next; i++)
		if (c->jobs[i].state != JOB_ENDED)
			kill(c->jobs[i].pid, SIGTERM);
	for (size_t i = c->first; i < c->next; i++)
		if (c->jobs[i].state != JOB_ENDED)
			job_reap(c, &c->jobs[i]);
	if (has_turn && !WIFSIGNALED(c->jobs[c->first].status)) {
		output_copy(c->jobs[c->first].output);
		c->js->ended(c->js->arg, c->first, c->jobs[c->first].status);
		c->first++;
	}
	while (c->first < c->next)
		close(c->jobs[c->first++].output);
}

static int crew_run(struct crew *c, struct err *e)
{
	while (c->first < c->js->nr && !ending_signal) {
		give_turn(c);
		if (start_some(c, e))
			return -1;
		show(c);
		hear(c);
		if (take_ended(c))
			break;
	}
	return ending_signal;
}

int jobs_run(const struct jobs *js, struct err *e)
{
	size_t size = max(js->nr, (size_t)1) * sizeof(struct progress_cell);
	struct crew c = {
		.js = js,
		.jobs = mem_alloc(js->nr + 1, sizeof(*c.jobs)),
		.polls = mem_alloc(js->at_once + WAITING_MAX, sizeof(*c.polls)),
		.cells =
			mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	int ret;

	if (c.cells == MAP_FAILED) {
		ret = err_set(e, "cannot share memory: %s", strerror(errno));
	} else {
		signals_take(&c);
		jobs_show_begin(&c.show);
		ret = crew_run(&c, e);
		jobs_show_wipe(&c.show);
		end_all(&c);
		signals_give_back(&c);
		munmap(c.cells, size);
	}
	free(c.jobs);
	free(c.polls);
	return ret;
}
