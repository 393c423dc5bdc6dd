/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How set-up code says what went wrong: 0 or -errno as the result, and one sentence in a buffer of
 * ERR_LEN bytes that the caller prints. Nothing below the stories (layer 3) writes to a log.
 */
#pragma once

#define ERR_LEN 256
