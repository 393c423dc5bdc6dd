/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include "netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANY "any"

struct link {
	struct netlink *netlink;
};

int link_open(struct link **ret, char err[static ERR_LEN])
{
	struct link *link = calloc(1, sizeof(*link));
	int r;

	if (!link) {
		snprintf(err, ERR_LEN, "netlink: out of memory");
		return -ENOMEM;
	}
	r = netlink_open(&link->netlink, err);
	if (r < 0) {
		link_close(link);
		return r;
	}
	*ret = link;
	return 0;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	netlink_close(link->netlink);
	free(link);
}

static bool read_u32(const struct netlink_attribute *attribute, uint32_t *ret)
{
	if (attribute->len < sizeof(*ret))
		return false;
	memcpy(ret, attribute->data, sizeof(*ret));
	return true;
}

/* One RTM_NEWLINK, or the sum of all. */
struct link_info {
	bool is_found;
	int index;
	bool is_loopback;
	bool has_mac;
	uint8_t mac[6];
	char name[LINK_NAME_LEN];
	struct link_counters counters;
};

static void take_link_attribute(struct link_info *info, const struct netlink_attribute *attribute)
{
	struct rtnl_link_stats64 stats;
	static const uint8_t zero[6];

	switch (attribute->type) {
	case IFLA_IFNAME:
		snprintf(info->name, sizeof(info->name), "%.*s", (int)attribute->len,
			(const char *)attribute->data);
		break;
	case IFLA_ADDRESS:
		if (attribute->len != sizeof(info->mac) ||
			memcmp(attribute->data, zero, sizeof(zero)) == 0)
			break;
		memcpy(info->mac, attribute->data, sizeof(info->mac));
		info->has_mac = true;
		break;
	case IFLA_STATS64:
		/* Newer kernels append fields, older ones have fewer: ours are at the start. */
		memset(&stats, 0, sizeof(stats));
		memcpy(&stats, attribute->data,
			attribute->len < sizeof(stats) ? attribute->len : sizeof(stats));
		info->counters.rx_bytes += stats.rx_bytes;
		info->counters.tx_bytes += stats.tx_bytes;
		break;
	default:
		break;
	}
}

static void take_link(void *ctx, const struct netlink_message *message)
{
	struct link_info *info = ctx;
	struct ifinfomsg head;
	struct netlink_attribute attribute;
	size_t pos = NLMSG_ALIGN(sizeof(head));

	if (message->type != RTM_NEWLINK || message->len < sizeof(head))
		return;
	memcpy(&head, message->data, sizeof(head));
	info->is_found = true;
	info->index = head.ifi_index;
	while (netlink_next_attribute(message, &pos, &attribute))
		take_link_attribute(info, &attribute);
	info->is_loopback = head.ifi_type == ARPHRD_LOOPBACK;
	if (head.ifi_type != ARPHRD_ETHER)
		info->has_mac = false;
}

/* By name, or by index where name is NULL. */
static int read_link(struct link *link, const char *name, int index, struct link_info *ret)
{
	struct {
		struct ifinfomsg head;
		struct rtattr attribute;
		char name[LINK_NAME_LEN];
	} body = {.head = {.ifi_family = AF_UNSPEC, .ifi_index = index}};
	size_t len = sizeof(body.head);
	struct link_info info = {0};
	int r;

	if (name) {
		size_t name_len = strlen(name);

		if (name_len == 0 || name_len >= LINK_NAME_LEN)
			return -ENODEV;
		memcpy(body.name, name, name_len);
		body.attribute.rta_type = IFLA_IFNAME;
		body.attribute.rta_len = sizeof(body.attribute) + sizeof(body.name);
		len = sizeof(body);
	}
	r = netlink_ask(link->netlink, RTM_GETLINK, NLM_F_ACK, &body, len, take_link, &info);
	if (r < 0)
		return r;
	if (!info.is_found)
		return -ENODEV;
	*ret = info;
	return 0;
}

struct default_route {
	bool is_found;
	uint32_t metric;
	int index;
};

/* The outgoing interface of a route's first next hop, from RTA_MULTIPATH. */
static int first_hop(const struct netlink_attribute *attribute)
{
	struct rtnexthop hop;

	if (attribute->len < sizeof(hop))
		return 0;
	memcpy(&hop, attribute->data, sizeof(hop));
	return hop.rtnh_ifindex;
}

static void take_route(void *ctx, const struct netlink_message *message)
{
	struct default_route *best = ctx;
	struct rtmsg head;
	struct netlink_attribute attribute;
	size_t pos = NLMSG_ALIGN(sizeof(head));
	uint32_t table, metric = 0, value;
	int index = 0;

	if (message->type != RTM_NEWROUTE || message->len < sizeof(head))
		return;
	memcpy(&head, message->data, sizeof(head));
	if (head.rtm_dst_len != 0 || head.rtm_type != RTN_UNICAST)
		return;
	table = head.rtm_table;
	while (netlink_next_attribute(message, &pos, &attribute)) {
		if (attribute.type == RTA_TABLE)
			(void)read_u32(&attribute, &table);
		else if (attribute.type == RTA_PRIORITY)
			(void)read_u32(&attribute, &metric);
		else if (attribute.type == RTA_OIF && read_u32(&attribute, &value))
			index = (int)value;
		else if (attribute.type == RTA_MULTIPATH)
			index = first_hop(&attribute);
	}
	if (table != RT_TABLE_MAIN || index <= 0 || (best->is_found && best->metric <= metric))
		return;
	*best = (struct default_route){.is_found = true, .metric = metric, .index = index};
}

int link_default_interface(struct link *link, char ret[static LINK_NAME_LEN])
{
	static const unsigned char families[] = {AF_INET, AF_INET6};
	struct default_route route = {0};
	struct link_info info;
	int r;

	for (size_t i = 0; i < sizeof(families) && !route.is_found; i++) {
		struct rtmsg body = {.rtm_family = families[i]};

		r = netlink_ask(link->netlink, RTM_GETROUTE, NLM_F_DUMP, &body, sizeof(body),
			take_route, &route);
		if (r < 0 && r != -EOPNOTSUPP && r != -EAFNOSUPPORT)
			return r;
	}
	if (!route.is_found)
		return -ENOENT;
	r = read_link(link, NULL, route.index, &info);
	if (r < 0)
		return r;
	memcpy(ret, info.name, LINK_NAME_LEN);
	return 0;
}

struct address_walk {
	unsigned int index; /* 0: of all interfaces */
	struct direction *direction;
};

static void take_address(void *ctx, const struct netlink_message *message)
{
	struct address_walk *walk = ctx;
	struct direction *direction = walk->direction;
	struct ifaddrmsg head;
	struct netlink_attribute attribute;
	struct addr addr = {0};
	size_t pos = NLMSG_ALIGN(sizeof(head));

	if (message->type != RTM_NEWADDR || message->len < sizeof(head))
		return;
	memcpy(&head, message->data, sizeof(head));
	if (walk->index != 0 && head.ifa_index != walk->index)
		return;
	while (netlink_next_attribute(message, &pos, &attribute)) {
		bool is_local = attribute.type == IFA_LOCAL;

		/* On a point-to-point link IFA_ADDRESS is the peer's (rtnetlink(7)). */
		if (!is_local && (attribute.type != IFA_ADDRESS || addr.len != 0))
			continue;
		if (attribute.len == 4)
			addr = addr_v4(attribute.data);
		else if (attribute.len == 16)
			addr = addr_v6(attribute.data);
	}
	/* Beyond the table's end the MAC and the packet's type still tell the direction. */
	if (addr.len == 0 || direction->n_locals == DIRECTION_LOCALS_MAX)
		return;
	direction->locals[direction->n_locals++] =
		(struct cidr){.addr = addr, .bits = (uint8_t)(addr.len * 8)};
}

/* Of one interface, or of all; those have no MAC in common. */
static int read_links(struct link *link, const char *interface, struct link_info *ret)
{
	struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
	struct link_info all = {0};
	int r;

	if (strcmp(interface, ANY) != 0)
		return read_link(link, interface, 0, ret);
	r = netlink_ask(
		link->netlink, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body), take_link, &all);
	if (r == 0)
		*ret = (struct link_info){.counters = all.counters};
	return r;
}

int link_describe(struct link *link, const char *interface, struct link_state *ret)
{
	struct link_state state = {0};
	struct address_walk walk = {.direction = &state.direction};
	struct ifaddrmsg body = {.ifa_family = AF_UNSPEC};
	struct link_info info = {0};
	int r = read_links(link, interface, &info);

	if (r < 0)
		return r;
	walk.index = (unsigned int)info.index;
	state.index = info.index;
	state.counters = info.counters;
	state.direction.is_loopback = info.is_loopback;
	state.direction.has_mac = info.has_mac;
	memcpy(state.direction.mac, info.mac, sizeof(state.direction.mac));
	r = netlink_ask(
		link->netlink, RTM_GETADDR, NLM_F_DUMP, &body, sizeof(body), take_address, &walk);
	if (r < 0)
		return r;
	*ret = state;
	return 0;
}
