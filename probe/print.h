/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --print: a JSON line a row, and one with the totals at the end.
 */
#pragma once

#include "record.h"

#include <stdio.h>

void print_record(FILE *out, const struct report *report, const struct record *record);
/* What the probe itself used is left out where its uptime is not known: of a file. */
void print_totals(FILE *out, const struct totals *totals);
