# SPDX-License-Identifier: Apache-2.0
"""What a case is made of: a function of a Lab, its time limit, and how it waits and gives up."""
import os
import time

SLOWNESS = float(os.environ.get("NSTATS_E2E_SLOWNESS", "1"))  # of time limits; sanitizers are slow


def is_sanitized(build):
    return any(name in str(build) for name in ("address", "thread"))


class Skip(Exception):
    """The reason for which a case cannot run here."""


class Late(AssertionError):
    """What was waited for did not come in time."""


def case(limit_s=90, alone=False, plain=False):
    """
    A function whose name is a sentence. alone: nothing else runs beside it, since it measures a rate. plain: of no use under
    sanitizers, since it measures what is not in our memory.
    """
    def mark(function):
        function.limit_s = limit_s
        function.alone = alone
        function.plain = plain
        return function
    return mark


def until(predicate, limit_s, what):
    """Polls until predicate() is true, and returns it. limit_s: of a plain build."""
    end = time.monotonic() + limit_s * SLOWNESS
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise Late(f"after {limit_s * SLOWNESS:.0f} s: {what}")
        time.sleep(0.05)


def equal(got, expected, what):
    assert got == expected, f"{what}: {got}, expected {expected} ({got - expected:+})"


def at_most(got, most, what):
    assert got <= most, f"{what}: {got}, expected at most {most}"


def at_least(got, least, what):
    assert got >= least, f"{what}: {got}, expected at least {least}"
