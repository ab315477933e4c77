/*
 * How a wheel lies in the image of its layer, independent of where and for which Python it is shown:
 * one part for each place in an environment.
 */
#pragma once

#include "venvfs/layer.h"

#define WHEEL_PART_SITE	   "site"    /* site-packages */
#define WHEEL_PART_BIN	   "bin"     /* programs, as they are */
#define WHEEL_PART_SCRIPTS "scripts" /* for bin too: without the first line, which names the python */
#define WHEEL_PART_DATA	   "data"    /* the environment's root */
#define WHEEL_PART_HEADERS "headers" /* include/site/pythonX.Y/NAME */

/* The time of all that a wheel has none for: zip files know none before (PEP 427). */
#define WHEEL_LAYER_TIME 315619200 /* 1980-01-02 */

/* The name of the directory of metadata in @site, a wheel's part in site-packages; to be freed.
 * -ENOENT: there is none. */
int wheel_layer_dist_info(struct layer *site, char **out);
