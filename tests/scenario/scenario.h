/* Runs the plays of one file as cmocka tests, each with one worker and with two. */
#pragma once

#include <stddef.h>

#include "tests/world/script.h"

int scenario_main(const char *name, const struct play *plays, size_t n);

/* The house that most plays stand in: corp.example with two backends, berlin (anna, team by TCP) and munich (everybody else, team by
 * UDP), and three partners: partner.example by mtls, plain.example by UDP (trusted by address), weak.example by TCP (not
 * trustworthy: digest). */
extern const char *const house[];
extern const struct role house_cast[];
extern const char house_users[];
