/*
 * Counters of /proc/vmstat: their names.
 *
 * Invariant: the list in the header makes both enum and names.
 *
 * Unlike Linux: counters of parts that are not modelled do not exist.
 */
#include "alloc/vm_event.h"

#define VM_EVENT_NAME(item, name) name,

const char *const vm_event_names[NR_VM_EVENT_ITEMS] = {VM_EVENTS(VM_EVENT_NAME)};
