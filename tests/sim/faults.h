/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a schedule, and when: the seed says. */
#pragma once

#include <stdint.h>

/* A good day, from now on until faults_plan's first event. */
void faults_begin(void);
/* Returns how many faults there will be until then; 0: a calm schedule. */
unsigned faults_plan(int64_t until_ms);
/* All is well again, but for the backend where it is to stay away; what was planned does not
 * happen. */
void faults_heal(void);
/* Until faults_heal, so many of the collector's allocations fail. */
void faults_starve(unsigned per_mille);
