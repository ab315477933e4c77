/*
 * How a wheel lies in the image of its layer, independent of where and for which Python it is shown:
 * one part for each place in an environment.
 */
#pragma once

#define WHEEL_PART_SITE	   "site"    /* site-packages */
#define WHEEL_PART_BIN	   "bin"     /* programs, as they are */
#define WHEEL_PART_SCRIPTS "scripts" /* for bin too: without the first line, which names the python */
#define WHEEL_PART_DATA	   "data"    /* the environment's root */
#define WHEEL_PART_HEADERS "headers" /* include/site/pythonX.Y/NAME */
