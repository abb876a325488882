"""Records what an Airbyte source says, as the platform passes it on to a destination.

Writes `source_output.jsonl` and `catalog.json` beside this file. Not needed to run the demo: both
are kept with it. To record again, install the source in an environment of its own, since it
brings a CDK of another version:

    python3.11 -m venv .venv-faker && .venv-faker/bin/pip install airbyte-source-faker
    .venv/bin/python -m demo.record_source .venv-faker/bin/source-faker

What the platform does between source and destination is done here too: only RECORD and STATE lines
pass, each STATE gets an integer `id`, and the configured stream gets its sync modes. Nothing else
is touched. The people are made up by the source; with one seed they are the same every time, only
the timestamps differ.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STREAM = "users"
# Small slices, so that a state comes about every hundred records: many more states than calls.
SOURCE_CONFIG = {
    "count": 1_000,
    "seed": 1,
    "records_per_slice": 100,
    "parallelism": 1,
    "always_updated": False,
}


def main() -> None:
    source = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        config.write_text(json.dumps(SOURCE_CONFIG), encoding="utf-8")
        catalog = Path(folder, "catalog.json")
        catalog.write_text(json.dumps(_configured(_discover(source, config))), encoding="utf-8")
        (HERE / "catalog.json").write_text(
            json.dumps(json.loads(catalog.read_bytes()), indent=2) + "\n", encoding="utf-8"
        )
        output = _run(source, "read", "--config", str(config), "--catalog", str(catalog))
    (HERE / "source_output.jsonl").write_text("".join(_passed_on(output)), encoding="utf-8")


def _run(source: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [source, *arguments], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return done.stdout.splitlines()


def _discover(source: Path, config: Path) -> dict[str, Any]:
    messages = [json.loads(line) for line in _run(source, "discover", "--config", str(config))]
    catalog = next(message["catalog"] for message in messages if message["type"] == "CATALOG")
    stream: dict[str, Any] = next(s for s in catalog["streams"] if s["name"] == STREAM)
    return stream


def _configured(stream: dict[str, Any]) -> dict[str, Any]:
    """The catalog as a destination gets it from the platform, on the first sync of a connection."""
    return {
        "streams": [
            {
                "stream": stream,
                "sync_mode": "incremental",
                "cursor_field": stream["default_cursor_field"],
                "destination_sync_mode": "append_dedup",
                "primary_key": stream["source_defined_primary_key"],
                "generation_id": 0,
                "minimum_generation_id": 0,
                "sync_id": 1,
            }
        ]
    }


def _passed_on(lines: list[str]) -> Iterator[str]:
    """Records as they came, states with the id that the platform adds and wants to see again."""
    states = 0
    for line in lines:
        message = json.loads(line)
        if message["type"] == "RECORD":
            yield line + "\n"
        elif message["type"] == "STATE":
            states += 1
            message["state"]["id"] = states
            yield json.dumps(message, separators=(",", ":"), ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
