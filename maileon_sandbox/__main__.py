"""`python -m maileon_sandbox`: the sandbox until it is told to stop.

Decides alone what the command takes and prints.
"""

from __future__ import annotations

import argparse

from maileon_sandbox.sandbox import DEMO_KEY, Sandbox
from maileon_sandbox.stopping import told_to_stop


def main() -> None:
    parser = argparse.ArgumentParser(prog="maileon_sandbox", description="A sandbox of Maileon.")
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one")
    parser.add_argument("--api-key", default=DEMO_KEY)
    arguments = parser.parse_args()
    stopped = told_to_stop()
    with Sandbox(api_key=arguments.api_key, port=arguments.port) as sandbox:
        print(f"Maileon sandbox at {sandbox.base_url}", flush=True)
        print(f"API key:           {sandbox.api_key}")
        print(f"A page to look at: {sandbox.url}/")
        print(f"What it holds:     {sandbox.url}/_sandbox/state")
        print(f"What it was asked: {sandbox.url}/_sandbox/calls")
        print("Stop it with Ctrl-C.", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
