/*
 * A directory that appears whole or not at all.
 */
#define _GNU_SOURCE /* renameat2 */
#include "reports/report_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"

/* For the signal handler; one report is made at a time. */
static char doomed[4096];
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Removing a tree is not async-signal-safe; but the process ends here, and a deadlock at worst ends
 * with the second signal (SA_RESETHAND). */
static void on_signal(int sig)
{
	if (*doomed)
		remove_tree(doomed);
	raise(sig);
}

static void signals_set(const char *path)
{
	struct sigaction sa = {.sa_handler = path ? on_signal : SIG_DFL,
			       .sa_flags = (int)SA_RESETHAND},
			 old;

	snprintf(doomed, sizeof(doomed), "%s", path ? path : "");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* Who started us may want us to ignore it (nohup). */
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
}

/* Overwriting somebody's files because of a mistyped -o would be unforgivable. */
static bool is_ours(const char *name, const char *const *ours)
{
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return true;
	for (; *ours; ours++)
		if (!strncmp(name, *ours, strcspn(*ours, "/")) &&
		    strlen(name) == strcspn(*ours, "/"))
			return true;
	return false;
}

int report_dir_check(const char *path, const char *const *ours, struct err *e)
{
	struct dirent *entry;
	bool foreign = false;
	DIR *dir = opendir(path);

	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) && !foreign)
		foreign = !is_ours(entry->d_name, ours);
	closedir(dir);
	return foreign ? err_set(e,
				 "%s: holds other files than an earlier result's; name an empty or "
				 "a new "
				 "directory",
				 path)
		       : 0;
}

int report_sub_dir(const struct report_dir *d, const char *name, struct err *e)
{
	char *path = mem_print("%s/%s", d->tmp, name);
	int rc = mkdir(path, 0777);

	if (rc)
		err_set(e, "%s/%s: %s", d->path, name, strerror(errno));
	free(path);
	return rc;
}

static char *without_slashes(const char *path)
{
	char *copy = mem_dup(path);

	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	return copy;
}

static void report_dir_release(struct report_dir *d)
{
	signals_set(NULL);
	free(d->path);
	free(d->tmp);
	memset(d, 0, sizeof(*d));
}

int report_dir_open(struct report_dir *d, const char *path, const char *const *ours, struct err *e)
{
	mode_t mask = umask(0);

	umask(mask);
	d->path = without_slashes(path);
	d->tmp = mem_print("%s.XXXXXX", d->path);
	if (report_dir_check(d->path, ours, e)) {
		report_dir_release(d);
		return -1;
	}
	if (!mkdtemp(d->tmp)) {
		err_set(e, "%s: cannot make a directory there: %s", path, strerror(errno));
		report_dir_release(d);
		return -1;
	}
	signals_set(d->tmp);
	chmod(d->tmp, 0777 & ~mask);
	for (; *ours; ours++) {
		if (!strchr(*ours, '/') || !report_sub_dir(d, *ours, e))
			continue;
		report_dir_abort(d);
		return -1;
	}
	return 0;
}

int report_dir_commit(struct report_dir *d, struct err *e)
{
	/* An empty directory is replaced by rename itself; an earlier report changes places. */
	int rc = rename(d->tmp, d->path);

	if (rc && (errno == ENOTEMPTY || errno == EEXIST)) {
		rc = renameat2(AT_FDCWD, d->tmp, AT_FDCWD, d->path, RENAME_EXCHANGE);
		if (!rc)
			remove_tree(d->tmp);
	}
	if (rc) {
		err_set(e, "%s: cannot put the report there: %s", d->path, strerror(errno));
		report_dir_abort(d);
		return -1;
	}
	report_dir_release(d);
	return 0;
}

void report_dir_abort(struct report_dir *d)
{
	if (d->tmp && *d->tmp)
		remove_tree(d->tmp);
	report_dir_release(d);
}

FILE *report_file(const struct report_dir *d, struct err *e, const char *fmt, ...)
{
	char name[256], *path;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	path = mem_print("%s/%s", d->tmp, name);
	f = fopen(path, "w");
	if (!f)
		err_set(e, "%s/%s: %s", d->path, name, strerror(errno));
	free(path);
	return f;
}

int report_file_close(const struct report_dir *d, FILE *f, struct err *e)
{
	bool failed = ferror(f);

	if (!fclose(f) && !failed)
		return 0;
	return err_set(e, "%s: cannot write the report: %s", d->path,
		       strerror(errno ? errno : ENOSPC));
}
