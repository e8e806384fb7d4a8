/*
 * The page's style and script, as files beside this one: reports/page.css, reports/page*.js.
 */
#ifndef REPORTS_ASSETS_H
#define REPORTS_ASSETS_H

extern const char page_css[], page_js[], page_map_js[], page_test_js[]; /* NUL-terminated */

#endif
