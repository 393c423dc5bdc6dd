/* SPDX-License-Identifier: Apache-2.0 */
/* A name that others chose, made a value of a tag. Pure. */
#pragma once

#include "addr.h"

/*
 * Lower case, of the tags' whitelist of characters, cut where it is too long, without DNS's final
 * dot. False: nothing of it is left, it claims to be one of our own remainders ("~other"), or it is
 * an address, which would speak for somebody else.
 */
bool name_text_clean(const char *raw, char ret[static ADDR_HOST_LEN]);
