/*
 * Between the files that make up the machine; nobody else includes it.
 */
#ifndef SIM_MACHINE_PRIV_H
#define SIM_MACHINE_PRIV_H

#include "sim/machine.h"

void instances_free_all(struct machine *m);
void lock_classes_free(struct machine *m);
void rcu_create(struct machine *m);
void rcu_destroy(struct machine *m);
void works_free(struct machine *m);
void rcu_count_anew(struct machine *m);
void lock_classes_count_anew(struct machine *m);

#endif
