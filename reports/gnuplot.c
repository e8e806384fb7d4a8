/*
 * gnuplot as a child.
 */
#include "reports/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/types.h"

#define GNUPLOT_MISSING 127
#define CHILDREN_MAX 4

/* Those under way; a report is made by one thread. */
static struct child {
	pid_t pid; /* 0: none */
	FILE *messages;
	char name[96];
} children[CHILDREN_MAX];

/* In the child: gnuplot with its messages in a file, and nobody's ~/.gnuplot. */
static _Noreturn void gnuplot_exec(const char *folder, char *const argv[], int messages)
{
	if (chdir(folder) || dup2(messages, STDERR_FILENO) < 0 || dup2(messages, STDOUT_FILENO) < 0)
		_exit(1);
	setenv("LC_ALL", "C.UTF-8", 1);
	execvp("gnuplot", argv);
	_exit(errno == ENOENT ? GNUPLOT_MISSING : 1);
}

static int child_start(struct child *c, const char *folder, const char *name, char *const argv[],
		       struct err *e)
{
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->messages = tmpfile();
	if (!c->messages)
		return err_set(e, "cannot make a temporary file: %s", strerror(errno));
	fflush(NULL); /* the child must not write our buffers again */
	c->pid = fork();
	if (!c->pid)
		gnuplot_exec(folder, argv, fileno(c->messages));
	if (c->pid > 0)
		return 0;
	c->pid = 0;
	fclose(c->messages);
	return err_set(e, "cannot start gnuplot: %s", strerror(errno));
}

/* gnuplot repeats the line, points at it, and says what is wrong in a line of its own. */
static int child_failed(const struct child *c, int status, struct err *e)
{
	char line[256], what[256] = "no message";

	if (WIFEXITED(status) && WEXITSTATUS(status) == GNUPLOT_MISSING)
		return err_set(e, "gnuplot is missing, which draws the plots: install the Debian "
				  "package gnuplot-nox");
	rewind(c->messages);
	while (fgets(line, sizeof(line), c->messages)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t^")])
			snprintf(what, sizeof(what), "%s", line);
	}
	return err_set(e, "gnuplot cannot draw %s (disk full?): %s", c->name, what);
}

static int child_wait(struct child *c, struct err *e)
{
	int status, rc;

	if (!c->pid)
		return 0;
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	rc = status ? child_failed(c, status, e) : 0;
	c->pid = 0;
	fclose(c->messages);
	return rc;
}

int gnuplot_draw(const char *folder, const char *name, struct err *e)
{
	char *script = mem_print("%s.gp", name);
	char *argv[] = {"gnuplot", "-d", script, NULL};
	struct child c = {.pid = 0};
	int rc = child_start(&c, folder, name, argv, e) || child_wait(&c, e) ? -1 : 0;

	free(script);
	return rc;
}

int gnuplot_draw_papers(const char *folder, const char *name, struct err *e)
{
	static unsigned int next;
	char *script = mem_print("%s.gp", name);
	char *argv[] = {"gnuplot",	"-d",	"-e", "format='png'", script, "-e",
			"format='pdf'", script, NULL};
	size_t most = (size_t)max(sysconf(_SC_NPROCESSORS_ONLN), 1L);
	struct child *c = &children[next++ % min(most, (size_t)CHILDREN_MAX)];
	int rc = child_wait(c, e) || child_start(c, folder, name, argv, e) ? -1 : 0;

	free(script);
	return rc;
}

int gnuplot_finish(struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < CHILDREN_MAX; i++)
		rc = child_wait(&children[i], e) ? -1 : rc;
	return rc;
}

void gnuplot_abort(void)
{
	struct err ignored;

	if (gnuplot_finish(&ignored))
		return; /* the first error is told already */
}
