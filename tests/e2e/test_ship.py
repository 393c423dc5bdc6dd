# SPDX-License-Identifier: Apache-2.0
"""What a database may answer: what it can take is stored once, the rest is among the dead letters, and nothing is in the way."""
import contextlib
import email.utils
import time

from lib.backend import Backend, Doubling, Say, Spool, line, traffic
from lib.case import at_most, case, equal, until
from lib.fault import Fault
from lib.influx import Influx, Victoria
from lib.lab import destination
from lib.programs import Collector, Probe, metrics_of
from lib.traffic import Echo, Sender

HOUR_MS = 3_600_000


def now_ms():
    return int(time.time() * 1000)


def good_lines(n, name="good"):
    return [line(f"{name}{i}", now_ms() - i, 100 + i) for i in range(n)]


def filled(lab, *bodies):
    """A spool as an outage leaves it."""
    path = lab.dir / "spool.db"
    Collector(lab, "--ptr", "off", spool=path).stop()
    spool = Spool(path)
    spool.add(*bodies)
    return spool


def ship(lab, spool, address, *arguments):
    return Collector(lab, "--ptr", "off", "--influx", address, *arguments, spool=spool.path)


def is_shipped(collector):
    return collector.figure("nstats_spool_bytes") == 0


def counted(collector):
    return sum(collector.figure(f"nstats_{what}_bytes_total") for what in ("delivered", "rejected"))


def settled(collector, spool, good, bad, limit_s=60):
    """The oracle: what was spooled is delivered or rejected, exactly. Gives the dead letters."""
    until(lambda: is_shipped(collector), limit_s, "the spool is not empty")
    with contextlib.suppress(AssertionError):  # what left is counted a moment later
        until(lambda: counted(collector) == traffic(good) + traffic(bad), 5, "counted")
    metrics = collector.metrics()
    equal(metrics.of("nstats_delivered_bytes_total"), traffic(good), "delivered bytes")
    equal(metrics.of("nstats_rejected_bytes_total"), traffic(bad), "rejected bytes")
    equal(metrics.of("nstats_rejected_lines_total"), len(bad), "rejected lines")
    equal(metrics.of("nstats_dead_letter_lines"), len(bad), "lines among the dead letters")
    equal(metrics.of("nstats_evicted_bytes_total"), 0, "evicted bytes")
    collector.stop()
    letters = spool.dead()
    assert sorted(text for _, _, lines in letters for text in lines) == sorted(bad), letters
    return letters


def stored_is(influx, good):
    equal(influx.total(), traffic(good), "stored")
    equal(influx.query("SELECT count(tx_bytes) FROM nstat")[0]["values"][0][1], len(good), "points stored")


@case()
def of_a_partial_write_the_bad_lines_alone_are_dead(lab):
    influx = Influx(lab)
    influx.query('DROP DATABASE "nstats"')
    influx.query('CREATE DATABASE "nstats" WITH DURATION 2h')
    influx.request("/write?db=nstats&precision=ms", b'nstat,hosts=other failed="planted" %d' % now_ms())
    conflict = [line(f"conflict{i}", now_ms() - i, 50, ",failed=1i") for i in range(3)]
    old = [line(f"old{i}", now_ms() - 5 * HOUR_MS, 70) for i in range(40)]
    wrong = [line("wrong", now_ms(), 90, ",what=")]
    good = good_lines(300)
    mixed = good[:100] + conflict + old + good[100:200] + wrong + good[200:290]
    spool = filled(lab, mixed, good[290:])
    letters = settled(ship(lab, spool, influx.address), spool, good, conflict + old + wrong)
    stored_is(influx, good)
    equal(len(letters), 1, "letters")
    equal(letters[0][0], 400, "status")


@case()
def what_is_beyond_the_retention_is_dead_at_the_cost_of_few_requests(lab):
    influx = Influx(lab)
    influx.query('DROP DATABASE "nstats"')
    influx.query('CREATE DATABASE "nstats" WITH DURATION 1h')
    bad = [line(f"old{i}", now_ms() - 5 * HOUR_MS, 7) for i in range(2000)]
    good = good_lines(10)
    spool = filled(lab, bad[:1000], bad[1000:], good)
    collector = ship(lab, spool, influx.address)
    until(lambda: is_shipped(collector), 60, "the spool is not empty")
    at_most(collector.figure("nstats_posts_total"), 10, "requests")
    settled(collector, spool, good, bad)
    stored_is(influx, good)


@case()
def a_database_that_is_missing_is_created(lab):
    influx = Influx(lab)
    influx.db = "new one"
    good = good_lines(50)
    spool = filled(lab, good)
    collector = ship(lab, spool, influx.address, "--db", "new one", "--create-db")
    settled(collector, spool, good, [], limit_s=15)
    stored_is(influx, good)


@case()
def without_leave_to_create_it_a_missing_database_is_waited_for(lab):
    influx = Influx(lab)
    influx.db = "later"
    good = good_lines(50)
    spool = filled(lab, good)
    collector = ship(lab, spool, influx.address, "--db", "later")
    until(lambda: collector.figure("nstats_posts_kept_total"), 10, "nothing is kept")
    assert not any(row[0] == "later" for row in influx.query("SHOW DATABASES")[0]["values"]), "it was created"
    influx.query('CREATE DATABASE "later"')
    settled(collector, spool, good, [], limit_s=45)
    stored_is(influx, good)


@case()
def what_is_too_large_for_influx_is_split(lab):
    influx = Influx(lab, http="max-body-size = 1000")
    good = good_lines(1000)
    spool = filled(lab, good)
    settled(ship(lab, spool, influx.address), spool, good, [])
    stored_is(influx, good)


@case()
def a_retention_policy_that_is_missing_ends_among_the_dead_letters(lab):
    influx = Influx(lab)
    bad = good_lines(500)
    spool = filled(lab, bad[:250], bad[250:])
    collector = ship(lab, spool, influx.address, "--rp", "nowhere")
    until(lambda: is_shipped(collector), 60, "the spool is not empty")
    assert all(status == 500 and "retention policy" in reason
               for status, reason, _ in settled(collector, spool, [], bad))


def unless_poison(status, text="", commits=False):
    """commits: what is not poison is stored before the refusal."""
    def judge(_, lines):
        poison = [one for one in lines if "poison" in one]
        return Say(status, text, [one for one in lines if one not in poison] if commits else None) if poison else None
    return judge


REFUSALS = (
    Say(400, '{"error":"unable to parse"}'), Say(422, '{"code":"unprocessable entity"}'),
    Say(413, "too large"), Say(400, '{"error":"partial write: field type conflict dropped=1"}'),
    Say(500, '{"error":"partial write: field type conflict"}'))
PASSING = (
    Say(503, Retry_After="1"), Say(429, Retry_After="Thu, 01 Jan 1970 00:00:00 GMT"), Say(408), Say(502, "<html>bad gateway"),
    Say(504), Say(500, "timeout"), Say(507), Say(0, hangs=True), Say(200, "<html>login", Content_Type="text/html"),
    Say(302, Location="http://127.0.0.1:8087/elsewhere"), Say(400, "<html>plain HTTP to an HTTPS port"))


def each(answers, then=None):
    """Each answer once before and once after committing, then what `then` says."""
    left = [Say(one.status, one.text, commits, one.hangs, **one.headers) for one in answers for commits in (False, True)]

    def judge(path, lines):
        if left and any(text.startswith("nstat,") for text in lines):
            return left.pop(0)
        return then(path, lines) if then else None
    return judge


@case(limit_s=200)
def each_answer_that_may_pass_loses_nothing_and_counts_nothing_twice(lab):
    backend = Backend(lab, each(PASSING))
    good = good_lines(600)
    spool = filled(lab, *(good[i:i + 20] for i in range(0, 600, 20)))
    collector = ship(lab, spool, backend.address)
    settled(collector, spool, good, [], limit_s=180)
    assert backend.lines() == set(good), "not what was sent"
    assert all(path.startswith("/write?") for path in backend.paths), "a redirect was followed"


@case()
def a_date_in_retry_after_is_waited_for(lab):
    """Beyond the 8 s after which a post would be made anyway. A date has whole seconds."""
    asked = []

    def judge(*_):
        asked.append(time.time())
        until_s = int(asked[0]) + 12
        return Say(429, Retry_After=email.utils.formatdate(until_s, usegmt=True)) if len(asked) == 1 else None

    backend = Backend(lab, judge)
    good = good_lines(20)
    spool = filled(lab, good)
    settled(ship(lab, spool, backend.address), spool, good, [])
    until_s = int(asked[0]) + 12
    assert asked[1] > until_s - 0.1, f"the next post came {until_s - asked[1]:.1f} s too early"


@case(limit_s=150)
def an_answer_that_dribbles_is_broken_off(lab):
    """Below 100 bytes a second after 20 s, above it after 30 s; both times the lines were stored before."""
    dribbles = [Say(204, commits=True, pause_s=0.2), Say(500, "no luck ", commits=True, pause_s=0.03)]
    asked = []

    def judge(*_):
        asked.append(time.monotonic())
        return dribbles.pop(0) if dribbles else None

    backend = Backend(lab, judge)
    good = good_lines(20)
    spool = filled(lab, good)
    settled(ship(lab, spool, backend.address), spool, good, [], limit_s=100)
    assert backend.lines() == set(good), "not what was sent"
    first, second = asked[1] - asked[0], asked[2] - asked[1]
    assert 19 < first < 28, f"{first:.1f} s until the next post"
    assert 29 < second < 38, f"{second:.1f} s until the next post"


@case(limit_s=300)
def each_answer_about_leave_and_place_is_asked_again_and_loses_nothing(lab):
    """Each is waited for half a minute."""
    backend = Backend(lab, each((Say(401), Say(403), Say(404, '{"error":"database not found"}'))))
    good = good_lines(100)
    spool = filled(lab, *(good[i:i + 20] for i in range(0, 100, 20)))
    settled(ship(lab, spool, backend.address), spool, good, [], limit_s=270)
    assert backend.lines() == set(good), "not what was sent"


def each_refusal_costs_what_is_at_fault(lab, commits):
    for n, say in enumerate(REFUSALS):
        backend = Backend(lab, unless_poison(say.status, say.text, commits), port=8100 + n)
        poison = [line(f"poison{i}", now_ms() - i, 5) for i in range(3)]
        good = good_lines(200)
        spool = filled(lab, good[:50] + poison[:1] + good[50:100], good[100:150] + poison[1:], good[150:])
        settled(ship(lab, spool, backend.address), spool, good, poison)
        assert backend.lines() == set(good), f"{say.status}: not what is good"
        spool.path.unlink()


@case(limit_s=200)
def each_refusal_costs_the_line_that_is_at_fault_and_no_other(lab):
    each_refusal_costs_what_is_at_fault(lab, commits=False)


@case(limit_s=200)
def each_refusal_after_the_rest_was_stored_costs_the_same(lab):
    each_refusal_costs_what_is_at_fault(lab, commits=True)


@case(limit_s=200)
def a_database_that_goes_away_during_a_cut_loses_nothing(lab):
    refuse = unless_poison(400, "unable to parse")
    n_asked = 0

    def judge(path, lines):
        nonlocal n_asked
        n_asked += 1
        if n_asked % 4 == 0:
            return (Say(503), Say(0, hangs=True), Say(503, commits=True))[n_asked // 4 % 3] if "poison" not in str(
                lines) else Say(503)
        return refuse(path, lines)

    backend = Backend(lab, judge)
    poison = [line("poison", now_ms(), 5)]
    good = good_lines(100)
    spool = filled(lab, good[:70] + poison + good[70:])
    settled(ship(lab, spool, backend.address), spool, good, poison, limit_s=150)
    assert backend.lines() == set(good), "not what is good"


@case()
def a_collector_that_is_killed_during_a_cut_begins_it_anew(lab):
    backend = Backend(lab, unless_poison(400, "unable to parse"), delay_s=0.1)
    poison = [line(f"poison{i}", now_ms() - i, 5) for i in range(2)]
    good = good_lines(100)
    mixed = good[:30] + poison[:1] + good[30:80] + poison[1:] + good[80:]
    spool = filled(lab, mixed)
    collector = ship(lab, spool, backend.address)
    until(lambda: len(backend.paths) >= 9, 20, "it does not cut")
    collector.process.kill()
    assert not spool.dead(), "dead before it was over"
    settled(ship(lab, spool, backend.address), spool, good, poison)
    assert backend.lines() == set(good), "not what is good"


def poison_blocks_nobody(lab, say, limit_s=60):
    backend = Backend(lab, lambda _, lines: say if "poison" in str(lines) else None)
    poison = [line("poison", now_ms(), 5)]
    good = good_lines(300)
    spool = filled(lab, poison, *(good[i:i + 10] for i in range(0, 300, 10)))
    collector = ship(lab, spool, backend.address)
    until(lambda: backend.lines() == set(good), limit_s, "a body is in the way of the others")
    until(lambda: collector.figure("nstats_delivered_bytes_total") == traffic(good), 10, "not counted")
    equal(collector.figure("nstats_spool_bytes"), traffic(poison), "kept")
    collector.stop()


@case()
def a_body_that_gets_a_500_blocks_nobody(lab):
    poison_blocks_nobody(lab, Say(500, "panic"))


@case()
def a_body_that_gets_a_403_blocks_nobody(lab):
    poison_blocks_nobody(lab, Say(403, "blocked by the firewall"))


@case()
def a_body_on_which_the_database_breaks_the_connection_blocks_nobody(lab):
    poison_blocks_nobody(lab, Say(0, hangs=True))


@case(limit_s=120)
def a_body_full_of_bad_lines_is_in_the_way_of_neither_a_backlog_nor_new_data(lab):
    backend = Backend(lab, unless_poison(400, "unable to parse"), delay_s=0.05)
    poison = [line(f"poison{i}", now_ms() - i, 5) for i in range(1500)]  # 3,000 requests
    old = good_lines(60, "old")
    spool = filled(lab, poison, *([one] for one in old))
    collector = ship(lab, spool, backend.address)
    udp = [destination(1)]
    lab.count(udp)
    Probe(lab, "--interval", 1)
    Echo(lab, udp)
    sender = Sender(lab, udp, every_s=0.05)
    began = time.monotonic()
    until(lambda: set(old) <= backend.lines(), 60, "a body is in the way of the others")
    took = time.monotonic() - began
    time.sleep(max(0.0, began + 40 - time.monotonic()))
    sender.end()
    new = sorted(at for text, at in backend.seen.items() if text.startswith("nstat,") and "old" not in text)
    longest = max(after - before for before, after in zip([began, *new], [*new, time.monotonic()]))
    print(f"the backlog took {took:.1f} s; nothing new was seen for {longest:.1f} s at most")
    at_most(longest, 10, "seconds without anything new")
    assert collector.figure("nstats_spool_bytes") >= 6, "the cut is over"


@case(limit_s=120)
def after_an_outage_new_data_are_seen_within_10_s_while_the_backlog_drains(lab):
    is_away = True
    backend = Backend(lab, lambda *_: Say(503) if is_away else None, delay_s=0.05)
    old = good_lines(1000, "old")
    spool = filled(lab, *([text] for text in old))
    collector = ship(lab, spool, backend.address)
    until(lambda: collector.figure("nstats_posts_kept_total") >= 2, 20, "it is not away")
    udp = [destination(1)]
    lab.count(udp)
    Probe(lab)
    Echo(lab, udp)
    sender = Sender(lab, udp, every_s=0.05)
    time.sleep(4)
    is_away = False
    until(lambda: any("old" not in text for text in backend.lines()), 10, "nothing new is seen")
    left = collector.figure("nstats_spool_bodies")
    assert left > 300, f"there is no backlog any more: {left}"
    sender.end()
    until(lambda: set(old) <= backend.lines(), 100, "the backlog does not drain")
    print(f"{left} bodies were left when the first new one was seen")


@case(limit_s=120)
def after_an_outage_the_oldest_go_first(lab):
    is_away, taken = True, []

    def judge(_, lines):
        if is_away:
            return Say(503)
        taken.extend(one.split("receiver=")[1].split()[0] for one in lines if one.startswith("nstat,"))
        return None

    backend = Backend(lab, judge)
    good = good_lines(12)
    names = [f"good{i}" for i in range(12)]
    spool = filled(lab, *([text] for text in good))
    collector = ship(lab, spool, backend.address)
    until(lambda: collector.figure("nstats_posts_kept_total") >= 8, 80, "it is not away")
    is_away = False
    settled(collector, spool, good, [])
    tried = taken[0]  # as the outage ended
    equal(taken[1:], [name for name in names if name != tried], "the order")


@case(limit_s=120)
def victoria_metrics_has_each_byte_once_though_all_is_sent_twice(lab):
    victoria = Victoria(lab, "-dedup.minScrapeInterval=1ms")
    backend = Doubling(lab, victoria.address)
    good = good_lines(200)
    spool = filled(lab, *(good[i:i + 50] for i in range(0, 200, 50)))
    settled(ship(lab, spool, backend.address), spool, good, [], limit_s=60)
    equal(backend.n_asked, 8, "requests")
    expected = {f"good{i}": (100 + i, 1) for i in range(200)}
    until(lambda: victoria.sums_by("receiver") == expected, 20,
          "not what was sent, or not once")


@case(limit_s=240)
def allocations_that_fail_while_a_backlog_drains_stop_it_for_no_longer_than_a_pause(lab):
    """Those of curl and sqlite too: it may forget whom it was to answer."""
    good = good_lines(250)
    spool = filled(lab, *([one] for one in good))
    fault = Fault(lab)
    influx = Influx(lab)
    influx.process.stop()
    collector = Collector(lab, "--ptr", "off", "--influx", influx.address, spool=spool.path, environment=fault.environment)
    fault.every(alloc=487)
    influx.start()
    longest, n_left, since = 0, None, time.monotonic()
    while n_left != 0:
        metrics = metrics_of(lab)
        n = n_left if metrics is None else metrics.of("nstats_spool_bodies")
        if n != n_left:
            longest, n_left, since = max(longest, time.monotonic() - since), n, time.monotonic()
        assert time.monotonic() < since + 25, f"{n_left} bodies are left, and nothing happens"
        time.sleep(0.05)
    fault.every()
    settled(collector, spool, good, [])
    stored_is(influx, good)
    equal(fault.kept(), 0, "allocations kept")
    print(f"{fault.failed('alloc')} allocations failed; the longest pause was {longest:.1f} s")
    assert fault.failed("alloc") > 20, "hardly any failed"
