/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

void fake_names_begin(void);
/* From now on addresses are called otherwise. */
void fake_names_change(void);
