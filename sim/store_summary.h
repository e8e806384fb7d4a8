/*
 * What a run's store comes to.
 */
#ifndef SIM_STORE_SUMMARY_H
#define SIM_STORE_SUMMARY_H

struct replay;

/*
 * Metrics and size classes, as they are at the end; nothing without a store. A metric that means
 * nothing in this run (the density of a store that held nothing) is left out.
 */
void store_summary(struct replay *rp);

#endif
