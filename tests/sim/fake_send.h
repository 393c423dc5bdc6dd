/* SPDX-License-Identifier: Apache-2.0 */
/* send.h and resolve.h of one probe: its socket leads into net.h, its look-ups find net.h's
 * collector. */
#pragma once

#include "account.h"
#include "resolve.h"
#include "send.h"

struct sender *fake_sender_new(unsigned probe);
/* Whose datagrams these are: what is sent and acknowledged goes into its books. */
void fake_sender_keep_books(struct sender *sender, struct account *account);
uint16_t fake_sender_port(const struct sender *sender);
/* How many datagrams it sent. */
uint64_t fake_sender_count(const struct sender *sender);
/* A datagram came. False: there is no room, or its port is no more. */
bool fake_sender_deliver(struct sender *sender, uint16_t port, const uint8_t *data, size_t len);

struct resolver *fake_resolver_new(void);
