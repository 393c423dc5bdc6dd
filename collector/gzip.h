/* SPDX-License-Identifier: Apache-2.0 */
/* gzip (RFC 1952) of one buffer as one member, by libdeflate. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gzip;
struct gzip *gzip_new(void);
void gzip_free(struct gzip *gzip);

/* Gives *ret (free(3)). 0 or -ENOMEM. */
int gzip_compress(struct gzip *gzip, const void *data, size_t len, uint8_t **ret, size_t *ret_len);

/*
 * The way back, of what gzip_compress gave: one member, of at most max bytes. Gives *ret (free(3)).
 * 0, -ENOMEM, or -EBADMSG: it is something else.
 */
int gzip_expand(const uint8_t *data, size_t len, size_t max, char **ret, size_t *ret_len);
