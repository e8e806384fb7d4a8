/*
 * The program's version, as every stored run names it.
 */
#ifndef REPORTS_VERSION_H
#define REPORTS_VERSION_H

#ifndef KMEMSIM_VERSION
#define KMEMSIM_VERSION "0.1.0"
#endif

#endif
