/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#define KERNEL_RANDOM_LEN 16 /* a boot id's */

/* What the last call for that many bytes was given: the id of the boot that asked. */
const uint8_t *kernel_last_random(void);
