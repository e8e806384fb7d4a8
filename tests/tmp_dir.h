/*
 * A folder of a test's own, for cmocka's group fixtures; what a test leaves in it goes with it.
 */
#ifndef TESTS_TMP_DIR_H
#define TESTS_TMP_DIR_H

extern char tmp_dir[64];

/* 0, or -1 if there can be none. */
int tmp_dir_make(void **state);
/* With the files in it; -1 if that fails, as it does with a folder inside. */
int tmp_dir_remove(void **state);

#endif
