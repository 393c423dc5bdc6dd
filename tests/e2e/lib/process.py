# SPDX-License-Identifier: Apache-2.0
"""A child process in a namespace, with its log, ended by its pid."""
import os
import re
import signal
import subprocess

from .case import until

SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:).*")


class Process:
    def __init__(self, directory, name, program, arguments, namespace=None, environment=None, cwd=None):
        self.name = name
        self.log_path = directory / f"{name}.{len(list(directory.glob(name + '.*.log')))}.log"
        self.out_path = self.log_path.with_suffix(".out")
        command = [str(program), *map(str, arguments)]
        if namespace:
            command = ["nsenter", f"--net=/run/netns/{namespace}", *command]
        with open(self.log_path, "wb") as log, open(self.out_path, "wb") as out:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                          env={**os.environ, **(environment or {})},
                                          cwd=cwd or directory)

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def out(self):
        return self.out_path.read_text(errors="replace")

    def wait(self, limit_s):
        """The exit code; it must end by itself within the limit."""
        until(lambda: self.child.poll() is not None, limit_s, f"{self.name} still runs")
        return self.child.returncode

    def stop(self, with_signal=signal.SIGTERM, limit_s=20):
        """Asks it to end; it must, cleanly."""
        assert self.is_running(), f"{self.name} had ended with code {self.child.returncode}"
        self.child.send_signal(with_signal)
        code = self.wait(limit_s)
        assert code == 0, f"{self.name} ended with code {code}"
        self.check_sanitizers()

    def check_sanitizers(self):
        found = SANITIZER.search(self.log())
        assert not found, f"{self.name}: {found[0]}"

    def kill(self):
        """Now; harmless where it has ended."""
        if self.is_running():
            self.child.kill()
        self.child.wait()
