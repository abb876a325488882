"""The sandbox as Python sees it.

Decides alone what tests and the demo can ask of it and tell it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from random import Random
from typing import Self

from maileon_sandbox.account import Account
from maileon_sandbox.application import create_application
from maileon_sandbox.fault import Fault, Weather
from maileon_sandbox.gate import Gate
from maileon_sandbox.rules import AcceptedEmpty, Kept, LengthUnit, Rules, StrictAnswer
from maileon_sandbox.server import HOST, Server
from maileon_sandbox.traffic import Call, Traffic
from maileon_sandbox.unsubscriptions import Unsubscriptions
from maileon_sandbox.vocabulary import API_PREFIX
from maileon_sandbox.world import ALL_RIGHTS, Settings, World

DEMO_KEY = "sandbox-demo-key"


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """One account behind one server; port 0 takes a free one.

    `api_key` has every right, `api_keys` are further keys, each with the methods it may use.
    `latency_seconds` is waited by every call before it is answered. `account` can be another
    sandbox's, so that it outlives a server. All other settings are those of
    `maileon_sandbox.rules.Rules`.
    """

    api_key: str = DEMO_KEY
    port: int = 0
    api_keys: Mapping[str, Iterable[str]] = field(default_factory=dict)
    keep_bodies: bool = True
    latency_seconds: float = 0.0
    strict_answer: StrictAnswer = "400"
    moves_within_call: bool = False
    unsubscribed_keep: Kept = "id"
    unsubscribe_delay_seconds: float = 0.0
    writing_lifts_markers: bool = False
    accepts_empty: AcceptedEmpty = "nothing"
    length_unit: LengthUnit = "code_points"
    max_body_bytes: int = 9_000_000
    account: Account = field(default_factory=Account, repr=False)
    _world: World = field(init=False, repr=False)
    _server: Server | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        rules = Rules(**{rule.name: getattr(self, rule.name) for rule in fields(Rules)})
        keys = {key: frozenset(map(str.upper, rights)) for key, rights in self.api_keys.items()}
        self._world = World(
            settings=Settings(
                keys={self.api_key: ALL_RIGHTS, **keys},
                rules=rules,
                latency_seconds=self.latency_seconds,
            ),
            account=self.account,
            traffic=Traffic(keep_bodies=self.keep_bodies),
            unsubscriptions=Unsubscriptions(self.account, rules),
        )

    def start(self) -> Self:
        self._world.stopping.clear()
        gate = Gate(create_application(self._world), self._world)
        self._server = Server(gate, self.port)
        self.port = self._server.port
        self._server.start()
        return self

    def stop(self) -> None:
        """End every connection. Account and calls can still be read."""
        if self._server:
            self._world.stopping.set()
            self._server.stop()
            self._server = None
            self._world.unsubscriptions.carry_out_all()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"  # ignore-https-check: this machine

    @property
    def base_url(self) -> str:
        return self.url + API_PREFIX

    @property
    def calls(self) -> list[Call]:
        """Every API call received, in order; not those to `/_sandbox/`."""
        return self._world.traffic.calls()

    @property
    def violations(self) -> list[str]:
        """What a well-behaved client never does; see `maileon_sandbox.traffic`."""
        return self._world.traffic.violations()

    def script(self, *faults: Fault) -> None:
        """Append to the scripted faults."""
        self._world.faults.add(*faults)

    def strike(self, *faults: Fault, share: float, random: Random) -> None:
        """From now on one of the faults, by chance, hits so large a share of the calls."""
        self._world.faults.change(Weather(faults, share, random))

    def carry_out_unsubscriptions(self) -> None:
        """Let those that wait for `unsubscribe_delay_seconds` wait no longer."""
        self._world.unsubscriptions.carry_out_all()

    def reset(self) -> None:
        """Forget calls, violations and faults, not the account."""
        self._world.traffic.clear()
        self._world.faults.clear()
