/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod's own sockets, since the probe shares its network namespace: which local ports serve.
 * Reads /proc/net/{tcp,tcp6,udp,udp6} through descriptors that are kept open (proc(5)).
 */
#pragma once

#include "err.h"
#include "role.h"

struct sockets;
int sockets_open(struct sockets **ret, char err[static ERR_LEN]);
void sockets_close(struct sockets *sockets);

/* Re-reads all; what cannot be read leaves is_known false for good. */
void sockets_refresh(struct sockets *sockets, struct role_sockets *ret);
