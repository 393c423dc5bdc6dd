/* SPDX-License-Identifier: Apache-2.0 */
#include "offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool offload_may_merge(const char *interface)
{
	struct ethtool_value gro = {.cmd = ETHTOOL_GGRO};
	struct ifreq request = {.ifr_data = (char *)&gro};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return true;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	r = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return r < 0 || gro.data != 0;
}
