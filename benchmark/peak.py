"""What a command costs as a process of its own, as JSON: seconds of CPU, megabytes at the peak.

A process of its own too: on Linux the peak of a child includes what its parent had when it forked,
and this one has next to nothing.

    python -m benchmark.peak COMMAND... < input
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

BYTES_PER_KIB, BYTES_PER_MB = 1_024, 1_000_000


def main() -> int:
    """The command's exit code."""
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    peak_mb = usage.ru_maxrss * BYTES_PER_KIB / BYTES_PER_MB
    print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "peak_mb": peak_mb}))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
