# SPDX-License-Identifier: Apache-2.0
"""
What the container cases stand on. The end-to-end cases' modules that know of no namespace (case: case, until, equal,
Skip; programs: Metrics) are part of this package too, by its path.
"""
from pathlib import Path

__path__.append(str(Path(__file__).resolve().parents[2] / "e2e" / "lib"))
