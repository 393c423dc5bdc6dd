# SPDX-License-Identifier: Apache-2.0
"""InfluxDB 2.x' way to write, against victoria-metrics and against a server that records each request."""
import base64
import gzip
import re
import urllib.parse

from lib.case import case, equal, until
from lib.influx import Recorder, Victoria
from lib.lab import destination
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

UDP = [destination(i, version) for i in (1, 2) for version in (4, 6)]
OWN = re.compile(r"nstats_(probe|collector),cluster=-,hosts=[^ ]+ [^ ]+ \d{13}$")
LINE = re.compile(r"nstat,cluster=[^ ]+,hosts=pod,named_by=address,[^ ]+ \w+=[^ ]+ \d{13}$")
TAGS = ("cluster hosts named_by namespace node port proto receiver receiver_kind receiver_namespace "
        "receiver_zone role sender workload zone").split()


def some_traffic(lab, collector):
    lab.count(UDP)
    Probe(lab)
    Echo(lab, UDP, reply=100)
    sender = Sender(lab, UDP, every_s=0.02)
    until(lambda: collector.figure("nstats_delivered_bytes_total"), 15, "nothing is delivered")
    sender.end()
    generated = lab.counted_bytes()
    until(lambda: collector.figure("nstats_delivered_bytes_total") == generated, 15,
          "not all is delivered")


def file_of(lab, name, text):
    path = lab.dir / name
    path.write_text(text)
    return path


@case()
def victoria_metrics_takes_it_by_the_2_x_interface(lab):
    victoria = Victoria(lab)
    collector = Collector(lab, "--influx", victoria.address, "--org", "ops", "--bucket", "net",
                          "--token-file", file_of(lab, "token", "secret\n"), "--ptr", "off")
    some_traffic(lab, collector)
    expected = lab.counters()

    def is_there():
        return victoria.sums_by("receiver") == expected

    until(is_there, 15, f"not the kernel's figures: {expected}, but {victoria.sums_by('receiver')}")


def check_line(line):
    if OWN.match(line):
        return
    assert LINE.match(line), line
    tags = line.split(" ")[0].split(",")[1:]
    equal(len(tags), len(TAGS), "tags")
    assert [tag.split("=")[0] for tag in tags] == TAGS, line
    fields = dict(field.split("=") for field in line.split(" ")[1].split(","))
    for name in ("tx_bytes", "rx_bytes", "tx_packets", "rx_packets"):
        assert re.fullmatch(r"\d+i", fields[name]), line
    for name in ("sendRate", "receiveRate"):
        assert re.fullmatch(r"\d+(\.\d+)?(e\+?\d+)?", fields[name]), line


def check_request(request, path, query, authorization):
    target, headers, body = request
    split = urllib.parse.urlsplit(target)
    assert split.path == path, target
    assert dict(urllib.parse.parse_qsl(split.query)) == query, target
    assert headers.get("Authorization") == authorization, headers
    assert headers["Content-Encoding"] == "gzip", headers
    assert headers["Content-Type"] == "text/plain; charset=utf-8", headers
    assert int(headers["Content-Length"]) == len(body), headers
    text = gzip.decompress(body).decode("ascii")
    assert text.endswith("\n"), text
    for line in text.splitlines():
        check_line(line)


@case()
def the_2_x_request_is_exactly_this(lab):
    recorder = Recorder(lab)
    collector = Collector(lab, "--influx", f"http://{recorder.address}", "--org", "my org", "--bucket", "b&1",
                          "--token-file", file_of(lab, "token", "s3cret==\n"), "--ptr", "off")
    some_traffic(lab, collector)
    for request in recorder.requests:
        check_request(request, "/api/v2/write", {"org": "my org", "bucket": "b&1", "precision": "ms"},
                      "Token s3cret==")
    assert "s3cret" not in collector.process.log(), "the token is in the log"


@case()
def the_1_x_request_is_exactly_this(lab):
    recorder = Recorder(lab)
    collector = Collector(lab, "--influx", recorder.address, "--db", "my db", "--rp", "week", "--user", "me",
                          "--password-file", file_of(lab, "password", "pass word\n"), "--ptr", "off")
    some_traffic(lab, collector)
    basic = base64.b64encode(b"me:pass word").decode()
    for request in recorder.requests:
        check_request(request, "/write", {"db": "my db", "rp": "week", "precision": "ms"}, f"Basic {basic}")


@case()
def a_body_that_was_kept_is_sent_again_byte_for_byte(lab):
    recorder = Recorder(lab)
    recorder.answers += [503, 500, 429]
    collector = Collector(lab, "--influx", recorder.address, "--ptr", "off")
    some_traffic(lab, collector)
    bodies = [body for _, _, body in recorder.requests]
    equal(collector.figure("nstats_posts_kept_total"), 3, "posts kept")
    for i in range(3):  # after the 500 it may be another one's turn
        assert bodies[i] in bodies[i + 1:], f"body {i} is not sent again as it was"
    equal(len(bodies) - len(set(bodies)), 3, "bodies sent again")


@case()
def a_refused_body_is_counted_and_the_rest_goes_on(lab):
    recorder = Recorder(lab)
    recorder.answers += [400]
    collector = Collector(lab, "--influx", recorder.address, "--ptr", "off")
    lab.count(UDP)
    Probe(lab)
    Echo(lab, UDP)
    sender = Sender(lab, UDP, every_s=0.02)
    until(lambda: collector.figure("nstats_delivered_bytes_total"), 20, "nothing is delivered")
    sender.end()
    generated = lab.counted_bytes()
    until(lambda: collector.figure("nstats_delivered_bytes_total") +
          collector.figure("nstats_rejected_bytes_total") == generated, 20,
          "delivered + rejected are not what was generated")
