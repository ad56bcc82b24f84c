/* Which allocation shall fail. Only a program that is linked with --wrap=malloc and its sisters
 * (see meson.build) fails any; in others these do nothing. What the world itself does for the
 * proxy, inside of its calls, is spared: it pauses. */
#pragma once

#include <stdbool.h>

/* Makes the n-th allocation from now on fail, counted from 1, and every later one in turn if
 * is_lasting; 0: none. */
void faults_begin(unsigned n, bool is_lasting);
/* Ends it; true if one failed. */
bool faults_end(void);

/* For the wrappers: shall this allocation fail? Counts it. */
bool faults_must_fail(void);

/* Nested; like brackets. Pauses and resumes are counted apart from faults_begin. */
void faults_pause(void);
void faults_resume(void);
