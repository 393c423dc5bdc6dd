# SPDX-License-Identifier: Apache-2.0
"""Names from Kubernetes: right while its API server does all that one can do, and for the time that was asked for."""
import ipaddress
import shutil
import threading
import time

from lib import netns
from lib.case import at_most, case, equal, until
from lib.fault import Fault, nths
from lib.fleet import Fleet
from lib.influx import Influx
from lib.kube import KINDS, Api, certify, deployed, finished, node, pod, service
from lib.lab import NET_4, POD_4, destination
from lib.programs import Collector, Probe, metrics_of
from lib.resolver import Resolver
from lib.traffic import Echo, Sender

TCP = 6
INTERVAL_MS = 1000
RSS_MAX = 64 << 20
STARTS = 40  # of a start's allocations so many fail, spread over all of them
WEB, NODE_1, NODE_2 = "10.1.0.1", "192.0.2.1", "192.0.2.2"


def packed(address):
    return ipaddress.ip_address(address).packed


def populate(api):
    """A pod that reports, and one of each that it may talk to; {address: what names it}"""
    api.put("nodes", node("node-1", NODE_1, "zone-a"))
    api.put("nodes", node("node-2", NODE_2, "zone-b"))
    api.put("pods", deployed("shop", "web", 1, WEB, "node-1"))
    api.put("pods", deployed("shop", "catalog", 1, ["10.1.0.2", "fd01::2"], "node-2"))
    api.put("pods", pod("shop", "redis-0", "10.1.0.3", "node-1", ("StatefulSet", "redis")))
    api.put("pods", pod("kube-system", "proxy-x2z4q", NODE_2, "node-2", ("DaemonSet", "proxy"), host_network=True))
    api.put("pods", pod("shop", "report-28812345-zx9vq", "10.1.0.4", "node-1", ("Job", "report-28812345")))
    api.put("services", service("shop", "payments", "10.96.0.7"))
    return {"10.1.0.2": ("catalog", "pod", "shop", "zone-b"), "fd01::2": ("catalog", "pod", "shop", "zone-b"),
            "10.1.0.3": ("redis", "pod", "shop", "zone-a"), "10.1.0.4": ("report", "pod", "shop", "zone-a"),
            NODE_2: ("node-2", "node", "-", "zone-b"), "10.96.0.7": ("payments", "service", "shop", "-")}


def v4_rows(addresses, tx=100):
    return [(packed(address), TCP, 80, tx, tx, 1, 1) for address in addresses if ":" not in address]


def send_until(fleet, end_s, rows):
    """The interval that ended then; starts are whole seconds."""
    fleet.send(fleet.pods[0], (int(end_s) - INTERVAL_MS // 1000) * 1000, rows, INTERVAL_MS)


class Stream(threading.Thread):
    """A pod that talks to the same addresses all the time, an interval of a second after the other."""

    def __init__(self, fleet, addresses):
        super().__init__(daemon=True)
        self.fleet, self.rows = fleet, v4_rows(addresses)
        self.n, self.is_over = 0, False
        self.start()

    def run(self):
        while not self.is_over:
            send_until(self.fleet, time.time(), self.rows)
            self.n += 1
            time.sleep(0.1)

    def end(self):
        self.is_over = True
        self.join(20)
        self.fleet.await_acks(0)


def named(influx):
    """{(receiver, receiver_kind, receiver_namespace, receiver_zone, named_by): tx bytes}"""
    tags = "receiver, receiver_kind, receiver_namespace, receiver_zone, named_by"
    return {tuple(one["tags"][tag] for tag in tags.split(", ")): one["values"][0][1]
            for one in influx.query(f"SELECT sum(tx_bytes) FROM nstat GROUP BY {tags}")}


def expected(names, n):
    sums = {}
    for address, (receiver, kind, namespace, zone) in names.items():
        if ":" not in address:
            key = receiver, kind, namespace, zone, "kubernetes"
            sums[key] = sums.get(key, 0) + 100 * n
    return sums


def all_named(api, names, influx, collector, stream):
    """Every row of the stream bears its name, and the pod that reports its workload and zone."""
    stream.end()
    until(collector.is_drained, 20, "the spool is not empty")
    assert named(influx) == expected(names, stream.n), (named(influx), expected(names, stream.n))
    tags = "workload, zone, sender, hosts"
    own = [one["tags"] for one in influx.query(f"SELECT sum(tx_bytes) FROM nstat GROUP BY {tags}")]
    host = "web-7c9d8b6f5d-1"
    assert own == [{"workload": "web", "zone": "zone-a", "sender": "web", "hosts": host}], own
    equal(api.statuses.get(403, 0), 0, "403")


def errors(collector, reason):
    return collector.metrics().of("nstats_kubernetes_errors_total", reason=reason)


def begin(lab, n_bulk=0):
    api = Api(lab, n_bulk)
    names = populate(api)
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", *api.options)
    stream = Stream(Fleet(lab, ["web-7c9d8b6f5d-1"], "shop"), names)
    return api, names, influx, collector, stream


def trouble(api, second):
    if second % 2 == 0:
        api.rotate()
    if second % 5 == 0:
        api.forget()
    if second % 10 == 0:  # who comes again asks from a version that is forgotten
        api.server.hang_up()
    if second % 7 == 0:
        api.busy = 2
    if second % 9 == 8:  # no sooner than lists are read again
        api.certify()


def lacks(api, collector):
    """What has not happened often enough yet; "" once all has."""
    metrics = collector.metrics()
    seen = {reason: errors(collector, reason) for reason in ("expired", "busy", "unreachable")}
    seen |= {"410": api.n_expired, "410 inside": api.n_expired_inside, "429": api.statuses.get(429, 0),
             "lists": metrics.of("nstats_kubernetes_lists_total")}
    least = {"expired": 4, "busy": 4, "unreachable": 2, "410": 2, "410 inside": 2, "429": 4, "lists": 6}
    return ", ".join(f"{what}: {seen[what]} of {n}" for what, n in least.items() if seen[what] < n)


@case(limit_s=160)
def names_stay_right_whatever_the_api_server_does(lab):
    """
    Tokens rotate, watches end, versions are forgotten, requests are put off, lists take long, connections break and the
    certificate is another's: all at once, for 30 s or until each was met.
    """
    api, names, influx, collector, stream = begin(lab, n_bulk=1200)
    api.watch_s, api.page_s = 3, 0.2
    for second in range(1, 91):
        time.sleep(1)
        trouble(api, second)
        if second >= 30 and not lacks(api, collector):
            break
    assert not lacks(api, collector), f"after {second} s {lacks(api, collector)}"
    all_named(api, names, influx, collector, stream)
    metrics = collector.metrics()
    equal(metrics.of("nstats_kubernetes_objects", kind="pod"), 1205, "pods")
    equal(metrics.of("nstats_kubernetes_objects_stale_total"), 0, "pods that a list lost")


@case(limit_s=120, alone=True, plain=True)
def fifty_thousand_pods_are_known_within_64_mib(lab):
    """And read again whole, twice, while all rows are named."""
    api, names, influx, collector, stream = begin(lab, n_bulk=50000)
    begun = time.monotonic()
    until(lambda: collector.metrics().of("nstats_kubernetes_objects", kind="pod") == 50005, 60, "not all pods")
    took = time.monotonic() - begun
    for _ in range(2):
        n_lists = collector.figure("nstats_kubernetes_lists_total")
        api.forget()
        until(lambda: collector.figure("nstats_kubernetes_lists_total") >= n_lists + 3, 60, "no new list")
    status = dict(line.split(":", 1) for line in open(f"/proc/{collector.process.pid}/status"))
    cpu = collector.metrics()["process_cpu_seconds_total", ()]
    peak = int(status["VmHWM"].split()[0]) << 10
    print(f"50,000 pods: {took:.1f} s, three lists {cpu:.2f} s of CPU, peak RSS {peak / 2**20:.1f} MiB")
    all_named(api, names, influx, collector, stream)
    equal(collector.figure("nstats_kubernetes_objects_rejected_total") or 0, 0, "objects not taken")
    at_most(peak, RSS_MAX, "peak RSS")


@case()
def the_first_rows_wait_for_their_names(lab):
    """The lists come 3 s after the start; what came before them is named. A start without them: 5 s, then addresses."""
    api = Api(lab)
    names = populate(api)
    influx = Influx(lab)
    api.page_s = 3
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", *api.options)
    fleet = Fleet(lab, ["web-7c9d8b6f5d-1"], "shop")
    begun = time.monotonic()
    send_until(fleet, time.time(), v4_rows(names))
    fleet.await_acks(0)
    at_most(time.monotonic() - begun, 5, "seconds until the first names are stored")
    until(lambda: named(influx) == expected(names, 1), 10, named(influx))
    collector.stop()


@case()
def public_addresses_are_asked_for_while_the_lists_are_on_their_way(lab):
    api = Api(lab)
    populate(api)
    api.page_s = 3
    influx = Influx(lab)
    Resolver(lab, "--ptr-record=7.100.51.198.in-addr.arpa,host.example.net")
    collector = Collector(lab, "--influx", influx.address, "--dns-server", f"{NET_4}:53", *api.options)
    fleet = Fleet(lab, ["web-7c9d8b6f5d-1"], "shop")
    send_until(fleet, time.time(), v4_rows(["198.51.100.7"]))
    fleet.await_acks(0)
    until(collector.is_drained, 20, "the spool is not empty")
    assert list(named(influx)) == [("host.example.net", "external", "-", "-", "ptr")], named(influx)


@case()
def without_an_api_server_rows_are_5_s_late_once(lab):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", "--kubernetes", "http://127.0.0.1:1")
    fleet = Fleet(lab, ["web-0"])
    for limit_s in (7, 2.5):
        begun = time.monotonic()
        send_until(fleet, time.time(), v4_rows(["198.51.100.1"]))
        fleet.await_acks(0)
        at_most(time.monotonic() - begun, limit_s, "seconds until a row is stored")
    until(lambda: list(named(influx)) == [("198.51.100.1", "external", "-", "-", "address")], 10, "stored")
    assert "list pods" in collector.process.log(), collector.process.log()
    assert collector.metrics().of("nstats_kubernetes_errors_total", reason="unreachable") >= 3


@case()
def a_right_that_is_missing_is_named_once_and_the_rest_works(lab):
    api = Api(lab)
    names = populate(api)
    api.forbidden = {("list", "services"), ("watch", "nodes")}
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", *api.options)
    fleet = Fleet(lab, ["web-7c9d8b6f5d-1"], "shop")
    send_until(fleet, time.time(), v4_rows(names))
    fleet.await_acks(0)
    until(lambda: "watch nodes" in collector.process.log(), 10, "not logged")
    want = expected(names, 1)
    del want["payments", "service", "shop", "-", "kubernetes"]
    want["10.96.0.7", "other", "-", "-", "address"] = 100
    until(lambda: named(influx) == want, 10, "other names")
    time.sleep(3)
    for right in ("list services", "watch nodes"):
        equal(collector.process.log().count(f'right="{right}"'), 1, right)
    equal(collector.metrics().of("nstats_kubernetes_errors_total", reason="forbidden"), 2, "refused")


@case()
def an_address_that_is_given_on_names_whose_it_was(lab):
    """Deleted and taken by another; a Job's that completed, and stays in the API; each interval has its own pod's name."""
    api = Api(lab)
    populate(api)
    now = int(time.time())
    old = api.put("pods", deployed("shop", "old", 1, "10.1.1.1", "node-1", started=now - 600))
    job = api.put("pods", pod("shop", "import-x7x7x", "10.1.1.2", "node-1", ("Job", "import"), started=now - 300))
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", *api.options)
    fleet = Fleet(lab, ["web-7c9d8b6f5d-1"], "shop")
    until(lambda: collector.figure("nstats_kubernetes_lists_total") >= 3, 10, "no lists")
    send_until(fleet, now - 60, v4_rows(["10.1.1.1"]))
    fresh_s = int(time.time()) + 1
    time.sleep(max(0, fresh_s - time.time()))
    api.put("pods", deployed("shop", "new", 1, "10.1.1.1", "node-2", started=fresh_s))
    api.delete("pods", old)
    api.put("pods", finished(job, now - 100))
    api.put("pods", deployed("shop", "newer", 1, "10.1.1.2", "node-2", started=now - 50))
    until(lambda: collector.metrics().of("nstats_kubernetes_objects_past") == 2, 10, "not over")
    send_until(fleet, now - 50.5, v4_rows(["10.1.1.1"]))
    send_until(fleet, fresh_s, v4_rows(["10.1.1.1"]))  # its last moment is the old one's
    send_until(fleet, fresh_s + 1, v4_rows(["10.1.1.1"]))
    send_until(fleet, now - 120, v4_rows(["10.1.1.2"]))
    send_until(fleet, now - 20, v4_rows(["10.1.1.2"]))
    fleet.await_acks(0)
    until(collector.is_drained, 20, "the spool is not empty")
    got = {key[0]: tx for key, tx in named(influx).items()}
    assert got == {"old": 300, "new": 100, "import": 100, "newer": 100}, got


@case()
def the_first_interval_of_a_probe_names_whose_the_addresses_were_at_its_end(lab):
    """It starts late in the 10 s, in a pod that took the address of one that ended in them, as did the one it talks to."""
    api = Api(lab)
    now, remote = int(time.time()), destination(41)
    api.put("nodes", node("node-1", NODE_1, "zone-a"))
    gone = [api.put("pods", deployed("shop", name, 1, address, "node-1", started=now - 600))
            for name, address in (("old", POD_4), ("peer-old", remote))]
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", *api.options)
    until(lambda: collector.figure("nstats_kubernetes_lists_total") >= 3, 10, "no lists")
    line_s = (int(time.time()) // 10 + 1) * 10
    time.sleep(line_s + 5 - time.time())
    for one in gone:
        api.delete("pods", one)
    api.put("pods", deployed("shop", "peer-new", 1, remote, "node-1", started=line_s + 5))
    api.put("pods", pod("shop", "pod", POD_4, "node-1", ("StatefulSet", "new"), started=line_s + 5))
    Echo(lab, [remote], reply=200)
    probe = Probe(lab, "--namespace", "shop", interval_s=10)
    sender = Sender(lab, [remote], every_s=0.05)
    time.sleep(max(0, line_s + 8 - time.time()))
    sender.end()
    time.sleep(max(0, line_s + 11 - time.time()))
    probe.stop()
    until(collector.is_drained, 20, "the spool is not empty")
    tags = "workload, zone, sender, receiver"
    seen = influx.query(f"SELECT sum(tx_bytes) FROM nstat WHERE receiver_kind = 'pod' GROUP BY {tags}")
    want = {"workload": "new", "zone": "zone-a", "sender": "new", "receiver": "peer-new"}
    assert [one["tags"] for one in seen] == [want], seen


@case()
def a_probe_of_another_cluster_gets_no_names_of_this_one(lab):
    api = Api(lab)
    populate(api)
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", "--cluster", "osaka", *api.options)
    until(lambda: collector.figure("nstats_kubernetes_lists_total") >= 3, 10, "no lists")
    for cluster in ("", "osaka", "tokyo"):
        fleet = Fleet(lab, ["web-7c9d8b6f5d-1"], "shop")
        fleet.pods[0].cluster = cluster.encode()
        send_until(fleet, time.time(), v4_rows(["10.1.0.2"]))
        fleet.await_acks(0)
    until(collector.is_drained, 20, "the spool is not empty")
    tags = "cluster, workload, receiver, named_by"
    seen = [tuple(one["tags"][tag] for tag in tags.split(", "))
            for one in influx.query(f"SELECT sum(tx_bytes) FROM nstat GROUP BY {tags}")]
    assert sorted(seen) == [("osaka", "web", "catalog", "kubernetes"), ("tokyo", "-", "10.1.0.2", "address")], seen


def start_on_system(lab, certificates, *arguments):
    """A collector to which these are the system's."""
    mount = 'mount --bind "$0" /etc/ssl/certs && exec "$@"'
    return lab.start("collector", "unshare", "--mount", "sh", "-c", mount, certificates, lab.build / "nstats-collector",
                     "--spool", lab.dir / "spool.db", "--ptr", "off", *arguments, namespace=lab.net)


def figure(lab, name, **labels):
    metrics = metrics_of(lab)
    return metrics.of(name, **labels) if metrics else 0


@case()
def what_the_system_trusts_is_not_trusted_where_a_file_says_what_is(lab):
    api = Api(lab)
    populate(api)
    other, system = lab.dir / "other.crt", lab.dir / "certificates"
    certify(other, lab.dir / "other.key", "other")
    system.mkdir()
    shutil.copy(api.ca_file, system / "ca-certificates.crt")
    netns.run("openssl", "rehash", str(system))
    options = [other if option == api.ca_file else option for option in api.options]
    program = start_on_system(lab, system, *(option for option in options if option not in ("--kubernetes-ca-file", other)))
    until(lambda: figure(lab, "nstats_kubernetes_objects") == 8, 20, "the system's are not trusted without a file")
    program.stop()
    start_on_system(lab, system, *options)
    until(lambda: figure(lab, "nstats_kubernetes_errors_total", reason="unreachable") >= 2, 20, "nothing is refused")
    equal(figure(lab, "nstats_kubernetes_objects"), 0, "objects that are known")


@case()
def a_certificate_of_another_authority_is_believed_once_the_file_says_so(lab):
    """curl has a cache of such files, for a day."""
    api = Api(lab)
    populate(api)
    collector = Collector(lab, "--ptr", "off", *api.options)

    def is_known(n):
        return collector.metrics().of("nstats_kubernetes_objects", kind="service") == n
    until(lambda: is_known(1), 10, "the lists are not read")
    api.certify()
    api.put("services", service("shop", "later", "10.96.0.8"))
    until(lambda: is_known(2), 20, "the new certificate is not believed")


@case(limit_s=200)
def a_watch_that_falls_silent_is_noticed(lab):
    """Neither an event nor a bookmark, and an open connection: after 100 s it is asked anew."""
    api = Api(lab)
    populate(api)
    api.silent = {"pods"}
    collector = Collector(lab, "--ptr", "off", *api.options)
    until(lambda: api.requests.get(("watch", "pods")), 10, "no watch")
    api.put("pods", deployed("shop", "late", 1, "10.1.1.9", "node-1"))
    until(lambda: api.requests["watch", "pods"] == 2, 130, "not asked anew")
    equal(api.requests["list", "pods"], 1, "lists")
    equal(collector.metrics().of("nstats_kubernetes_errors_total", reason="silent"), 1, "noticed")
    api.silent = set()
    until(lambda: collector.metrics().of("nstats_kubernetes_objects", kind="pod") == 6, 10, "not told of the new pod")


@case()
def remote_pods_by_their_own_names(lab):
    api = Api(lab)
    populate(api)
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", "--remote", "pod", *api.options)
    fleet = Fleet(lab, ["web-7c9d8b6f5d-1"], "shop")
    send_until(fleet, time.time(), v4_rows(["10.1.0.2", "10.1.0.3"]))
    fleet.await_acks(0)
    until(collector.is_drained, 20, "the spool is not empty")
    assert {key[0] for key in named(influx)} == {"catalog-7c9d8b6f5d-1", "redis-0"}, named(influx)


@case(limit_s=180)
def an_allocation_that_fails_costs_no_more_than_a_name(lab):
    """
    Whichever it is of those of a start that reads Kubernetes: it ends with a sentence, or knows all but what it counts.
    Those of its libraries are not refused: json-c 0.16 does not survive it (json_object_object_add_ex hashes a key that
    was not copied), nor OpenSSL 3.0 (RAND_status).
    """
    api = Api(lab)
    populate(api)
    fault = Fault(lab)
    n_known, n_counted = 0, 0
    fault.once("own", 0)
    start_reading(lab, api, fault)
    n_calls = fault.calls("own")
    for n in nths(n_calls, STARTS):
        fault.once("own", n)
        known, counted = start_reading(lab, api, fault)
        n_known, n_counted = n_known + known, n_counted + counted
    print(f"{n_calls} calls, {STARTS} tried: {n_known} came to know all, {n_counted} counted what they do not")
    assert n_known > 5 and n_counted > 0, "hardly any came as far as to read"


def start_reading(lab, api, fault):
    """(knows all, counts what it does not know)"""
    program = lab.start("collector", lab.build / "nstats-collector", "--spool", lab.dir / "spool.db", "--spool-max", "1MiB",
                        "--ptr", "off", *api.options, namespace=lab.net, environment=fault.environment)
    before = dict(api.requests)
    until(lambda: 'msg="started"' in program.log() or not program.is_running(), 10, "neither starts nor ends")
    if not program.is_running():
        equal(program.child.returncode, 1, f"code, after {program.log()}")
        return False, False
    until(lambda: all(api.requests.get(("watch", kind), 0) > before.get(("watch", kind), 0) for kind in KINDS), 40,
          f"not all is watched: {program.log()}")
    metrics = until(lambda: metrics_of(lab), 10, "no metrics")
    n = metrics.of("nstats_kubernetes_objects")
    n_rejected = metrics.of("nstats_kubernetes_objects_rejected_total")
    program.stop()
    assert n == 8 or n_rejected, f"{n} objects, and nothing is counted"
    return n == 8, n_rejected > 0
