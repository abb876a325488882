"""`python -m maileon_sandbox`: runs the sandbox until a signal stops it."""

from __future__ import annotations

import argparse
from dataclasses import fields

from maileon_sandbox.rules import Rules, choices_of_rules
from maileon_sandbox.sandbox import DEMO_KEY, Sandbox
from maileon_sandbox.stopping import told_to_stop


def main() -> None:
    parser = argparse.ArgumentParser(prog="maileon_sandbox", description="A sandbox of Maileon.")
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one")
    parser.add_argument("--api-key", default=DEMO_KEY)
    _add_rules(parser)
    asked = parser.parse_args()
    rules = Rules(**{rule.name: getattr(asked, rule.name) for rule in fields(Rules)})
    stopped = told_to_stop()
    with Sandbox(port=asked.port, api_key=asked.api_key, rules=rules) as sandbox:
        print(f"Maileon sandbox at {sandbox.base_url}", flush=True)
        print(f"API key:           {sandbox.api_key}")
        print(f"A page to look at: {sandbox.url}/")
        print(f"What it holds:     {sandbox.url}/_sandbox/state")
        print(f"What it was asked: {sandbox.url}/_sandbox/calls")
        print("Stop it with Ctrl-C.", flush=True)
        stopped.wait()


def _add_rules(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what Maileon's pages leave open; see README.md")
    choices = choices_of_rules()
    for rule in fields(Rules):
        option = f"--{rule.name.replace('_', '-')}"
        if isinstance(rule.default, bool):
            group.add_argument(option, action="store_true")
        else:
            kind = type(rule.default)
            group.add_argument(
                option, type=kind, choices=choices.get(rule.name), default=rule.default
            )


if __name__ == "__main__":
    main()
