# SPDX-License-Identifier: Apache-2.0
"""
A pod and the network around it: two namespaces and a veth pair. Everything else (servers, collector,
database) lives in the second one, so that nothing reaches the machine's own network.

Nothing speaks unless a case makes it: neighbours are permanent, and there is no duplicate address
detection, router solicitation or multicast listener report.
"""
import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from . import netns
from .process import Process

POD_4, POD_6 = "10.98.0.2", "fd98::2"
NET_4, NET_6 = "10.98.0.1", "fd98::1"
POD_MAC, NET_MAC = "02:00:00:00:98:02", "02:00:00:00:98:01"
ETHERNET_HEADER = 14


def destination(i, version=4):
    """The i-th address on the far side, from 1."""
    return f"10.99.{i // 256}.{i % 256}" if version == 4 else f"fd99::{i:x}"


class Lab(contextlib.ExitStack):
    def __init__(self, build):
        super().__init__()
        self.build = Path(build).resolve()
        self.pod, self.net = f"nst{os.getpid()}p", f"nst{os.getpid()}n"
        self.dir = Path(tempfile.mkdtemp(prefix="nstats-e2e-"))
        self.counted = []
        self.processes = []
        self.callback(shutil.rmtree, self.dir, ignore_errors=True)

    def __enter__(self):
        super().__enter__()
        try:
            self.make()
        except BaseException:
            self.close()
            raise
        return self

    def make(self):
        for name in (self.pod, self.net):
            self.callback(netns.delete, name)
            netns.run("ip", "netns", "add", name)
            netns.set_sysctl(name, ipv6__conf__default__accept_dad=0, ipv6__conf__default__accept_ra=0,
                             ipv6__conf__default__router_solicitations=0,
                             ipv6__conf__default__addr_gen_mode=1)
            netns.run("ip", "-n", name, "link", "set", "lo", "up")
        # bind(2) to an address that is only routed as local: IPv6 wants this switch, IPv4 does not
        netns.set_sysctl(self.net, ipv6__ip_nonlocal_bind=1)
        netns.run("ip", "-n", self.net, "route", "add", "local", "10.99.0.0/16", "dev", "lo")
        netns.run("ip", "-n", self.net, "-6", "route", "add", "local", "fd99::/64", "dev", "lo")
        self.connect()

    def disconnect(self):
        """Takes the pod's interface away."""
        netns.run("ip", "-n", self.pod, "link", "del", "pod0")

    def connect(self):
        netns.run("ip", "link", "add", "pod0", "netns", self.pod, "address", POD_MAC,
                  "type", "veth", "peer", "name", "net0", "netns", self.net, "address", NET_MAC)
        self.end(self.pod, "pod0", (POD_4, POD_6), (NET_4, NET_6), NET_MAC)
        self.end(self.net, "net0", (NET_4, NET_6), (POD_4, POD_6), POD_MAC)
        netns.run("ip", "-n", self.pod, "route", "add", "default", "via", NET_4)
        netns.run("ip", "-n", self.pod, "-6", "route", "add", "default", "via", NET_6)

    def end(self, name, interface, own, other, other_mac):
        netns.run("ip", "-n", name, "addr", "add", own[0] + "/24", "dev", interface)
        netns.run("ip", "-n", name, "addr", "add", own[1] + "/64", "dev", interface, "nodad")
        self.nft(name, f"""table netdev quiet {{
            chain out {{
                type filter hook egress device "{interface}" priority -10; policy accept;
                icmpv6 type {{ mld-listener-report, mld-listener-done, mld2-listener-report }} drop
            }}
        }}""")
        netns.run("ip", "-n", name, "link", "set", interface, "up")
        for address in other:
            netns.run("ip", "-n", name, "neigh", "replace", address, "lladdr", other_mac,
                      "nud", "permanent", "dev", interface)

    def nft(self, name, rules):
        return netns.run("nsenter", f"--net=/run/netns/{name}", "nft", "-f", "-", text=rules)

    def start(self, name, program, *arguments, **more):
        """A program in a namespace; stopped when the case ends."""
        process = Process(self.dir, name, program, arguments, **more)
        self.processes.append(process)
        self.callback(process.kill)
        return process

    def finish(self):
        """Our programs that still run must end cleanly, the probe first."""
        for name in ("probe", "collector"):
            for process in self.processes:
                if process.name == name and process.is_running():
                    process.stop()

    def count(self, addresses):
        """Lets the kernel count what goes to and comes from each of these addresses from here on."""
        self.counted = list(addresses)
        versions = (("4", "ipv4_addr", [a for a in self.counted if ":" not in a]),
                    ("6", "ipv6_addr", [a for a in self.counted if ":" in a]))
        sets = "".join(
            f"set {way}{v} {{ type {type_}; counter; elements = {{ {', '.join(list_)} }} }}\n"
            for way in ("tx", "rx") for v, type_, list_ in versions if list_)
        out = "".join(f"{family} daddr @tx{v}\n" for (v, _, list_), family
                      in zip(versions, ("ip", "ip6")) if list_)
        into = "".join(f"{family} saddr @rx{v}\n" for (v, _, list_), family
                       in zip(versions, ("ip", "ip6")) if list_)
        self.nft(self.pod, f"""table netdev count {{
            {sets}
            chain out {{ type filter hook egress device "pod0" priority 0; policy accept;
                {out} }}
            chain in {{ type filter hook ingress device "pod0" priority 0; policy accept;
                {into} }}
        }}""")

    def counters(self):
        """{address: (tx bytes, rx bytes)} as frames with their Ethernet headers.

        The egress hook sees the frame with its header (net/core/dev.c: nf_hook_egress in
        __dev_queue_xmit), the ingress hook without (eth_type_trans has pulled it).
        """
        bytes_of = self.listed("count")
        return {a: (bytes_of["tx", a], bytes_of["rx", a]) for a in self.counted}

    def count_ports(self, ports):
        """The same by the pod's own TCP ports, which tell connections to one address apart."""
        elements = ", ".join(map(str, ports))
        self.counted_ports = list(ports)
        self.nft(self.pod, f"""table netdev ports {{
            set tx {{ type inet_service; counter; elements = {{ {elements} }} }}
            set rx {{ type inet_service; counter; elements = {{ {elements} }} }}
            chain out {{ type filter hook egress device "pod0" priority 0; policy accept;
                tcp sport @tx
            }}
            chain in {{ type filter hook ingress device "pod0" priority 0; policy accept;
                tcp dport @rx
            }}
        }}""")

    def port_counters(self):
        """{port: (tx bytes, rx bytes)}, as counters() has them."""
        bytes_of = self.listed("ports")
        return {p: (bytes_of["tx", p], bytes_of["rx", p]) for p in self.counted_ports}

    def listed(self, table):
        """{("tx" or "rx", element): bytes} of a table's sets."""
        bytes_of = {}
        listed = netns.run("nsenter", f"--net=/run/netns/{self.pod}", "nft", "-j", "list", "table", "netdev", table)
        for item in json.loads(listed)["nftables"]:
            if "set" not in item:
                continue
            for element in item["set"].get("elem", ()):
                counter = element["elem"]["counter"]
                header = ETHERNET_HEADER if item["set"]["name"].startswith("rx") else 0
                bytes_of[item["set"]["name"][:2], element["elem"]["val"]] = (
                    counter["bytes"] + header * counter["packets"])
        return bytes_of

    def counted_bytes(self):
        """tx + rx of all counted addresses."""
        return sum(tx + rx for tx, rx in self.counters().values())

    def interface(self):
        """(rx bytes, tx bytes) of the pod's interface, the kernel's own."""
        for line in netns.read_inside(self.pod, "dev").splitlines():
            name, _, figures = line.partition(":")
            if name.strip() == "pod0":
                words = figures.split()
                return int(words[0]), int(words[8])
        raise AssertionError("the pod's interface is gone")
