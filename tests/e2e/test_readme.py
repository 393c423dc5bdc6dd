# SPDX-License-Identifier: Apache-2.0
"""The README's commands, word for word, in a clone of the tree."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

from lib.case import Skip, case, equal, until

ROOT = Path(__file__).resolve().parents[2]


def clone(lab):
    """What a newcomer has, and the objects that are built already, so that make has little to do."""
    if lab.build != ROOT / "build":
        raise Skip("only the plain build is what the README speaks of")
    there = lab.dir / "nstats"
    shutil.copytree(ROOT, there, symlinks=True, ignore=shutil.ignore_patterns(".git", "node_modules", "containers", "*.db*",
                                                                              "address-undefined", "clang", "static*"))
    return there


def run_make_run(lab, there, **environment):
    """Until it shows that both programs run, then an interrupt as from a terminal; what it said."""
    with open(lab.dir / "said", "wb+") as said:
        child = subprocess.Popen(["nsenter", f"--net=/run/netns/{lab.pod}", "make", "run"], cwd=there, stdin=subprocess.DEVNULL,
                                 stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
                                 env={**os.environ, "NSTATS_INTERVAL": "1", **environment})
        try:
            until(lambda: b'msg="probe starts"' in (lab.dir / "said").read_bytes() or child.poll() is not None, 60,
                  "make run starts no probe")
            until(lambda: (there / "nstats.db").exists(), 20, "there is no spool")
        finally:
            os.killpg(child.pid, signal.SIGINT)
            code = child.wait(30)
    text = (lab.dir / "said").read_text()
    assert 'msg="stopped"' in text, text
    # make(1) ends as an interrupted program does, whatever the recipe's code
    assert code in (0, 2, -signal.SIGINT), f"exit code {code}: {text}"
    return text


@case(limit_s=240, alone=True)
def make_and_make_deps_say_that_all_is_there(lab):
    there = clone(lab)
    for command in (["make", "deps"], ["make"]):
        done = subprocess.run(command, cwd=there, capture_output=True, text=True, timeout=200)
        equal(done.returncode, 0, " ".join(command) + done.stdout + done.stderr)
    assert (there / "build/nstats-probe").exists() and (there / "build/nstats-collector").exists()


@case(limit_s=240, alone=True)
def make_run_starts_both_programs_and_an_interrupt_ends_them(lab):
    there = clone(lab)
    text = run_make_run(lab, there)
    assert "keeping locally" in text, text
    text = run_make_run(lab, there, INFLUX="influx.example:8086", IDB="nstats")
    assert "influx.example:8086" in text, text
