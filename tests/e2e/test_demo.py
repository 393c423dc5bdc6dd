# SPDX-License-Identifier: Apache-2.0
"""What `make run` starts."""
import os
import pathlib
import pty
import signal
import subprocess

from lib.case import case, equal, until
from lib.influx import Recorder
from lib.lab import NET_4, destination
from lib.traffic import Echo, Sender

DEMO = pathlib.Path(__file__).resolve().parent.parent / "demo.sh"
UDP = [destination(1), destination(1, 6)]


def start_demo(lab, **more):
    """In the pod, whose default route is its veth, and in a process group of its own, as a shell would."""
    child = subprocess.Popen(["nsenter", f"--net=/run/netns/{lab.pod}", DEMO, lab.build], cwd=lab.dir,
                             start_new_session=True, env={**os.environ, "NSTATS_INTERVAL": "1",
                                                          "NSTATS_PTR": "off", **more.pop("env", {})}, **more)

    def end():
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(15)

    lab.callback(end)
    return child


def interrupt(child):
    os.killpg(child.pid, signal.SIGINT)
    equal(child.wait(15), 0, "exit code")


@case()
def an_interrupt_ends_both_and_the_last_interval_is_shipped(lab):
    recorder = Recorder(lab, NET_4)
    with open(lab.dir / "out", "wb") as out, open(lab.dir / "err", "wb") as err:
        child = start_demo(lab, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                           env={"INFLUX": recorder.address, "IDB": "demo"})
    Echo(lab, UDP)
    Sender(lab, UDP, every_s=0.02)
    until(lambda: recorder.requests, 20, f"nothing is shipped: {(lab.dir / 'err').read_text()}")
    interrupt(child)
    assert recorder.requests[0][0].startswith("/write?db=demo&"), recorder.requests[0][0]
    assert all(address in (lab.dir / "out").read_text() for address in UDP), "the rows were not printed"
    assert (lab.dir / "nstats.db").exists(), "there is no spool"
    said = (lab.dir / "err").read_text()
    assert "Sanitizer" not in said and "runtime error" not in said, said


@case()
def on_a_terminal_there_is_a_table_and_the_log_goes_to_a_file(lab):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    child = start_demo(lab, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    Echo(lab, UDP)
    Sender(lab, UDP, every_s=0.02)
    shown = bytearray()

    def see():
        try:
            shown.extend(os.read(ours, 65536))
        except BlockingIOError:
            pass
        return all(address.encode() in shown for address in UDP)

    until(see, 20, "the table does not show the destinations")
    interrupt(child)
    assert (lab.dir / "nstats.log").stat().st_size > 0, "nothing is in nstats.log"
    assert b"msg=" not in shown, "the log is on the terminal"


@case()
def where_one_program_cannot_start_the_other_is_ended(lab):
    done = subprocess.run(["nsenter", f"--net=/run/netns/{lab.pod}", DEMO, lab.build], cwd=lab.dir, timeout=30,
                          capture_output=True, text=True, env={**os.environ, "IFACE": "nosuch0"})
    assert done.returncode == 1 and "nosuch0" in done.stderr.splitlines()[-1], done
