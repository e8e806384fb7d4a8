/*
 * What a run comes to: one value for each metric, of the whole stack and of each layer.
 */
#ifndef SIM_SUMMARY_H
#define SIM_SUMMARY_H

struct replay;

/* A metric of the whole stack; metrics[] has it. */
void summary_put(struct replay *rp, const char *name, double value);

/* Hands every metric, call site, latency and lock to the replay's sink. Context: after the last
 * request. */
void summary_report(struct replay *rp);

#endif
