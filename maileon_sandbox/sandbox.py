"""The sandbox as a Python object, for tests and the demo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Self

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.unsubscriptions import Unsubscriptions
from maileon_sandbox.application import application
from maileon_sandbox.http.context import ALL_RIGHTS, Context, Settings
from maileon_sandbox.http.fault import Fault, RandomFaults
from maileon_sandbox.http.middleware import Middleware
from maileon_sandbox.http.server import HOST, Server
from maileon_sandbox.http.traffic import Call, Traffic
from maileon_sandbox.rules import DEFAULT_RULES, Rules
from maileon_sandbox.vocabulary import API_PREFIX

DEMO_KEY = "sandbox-demo-key"


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """One account behind one server; port 0 picks a free one.

    `api_key` has every right; `api_keys` are further keys with the methods each may use. Every call
    waits `latency_seconds` before it is answered. `account` can come from another sandbox, so that
    it outlives a server. `rules` set what Maileon's pages leave open.
    """

    api_key: str = DEMO_KEY
    port: int = 0
    api_keys: Mapping[str, Iterable[str]] = field(default_factory=dict)
    keep_bodies: bool = True
    latency_seconds: float = 0.0
    rules: Rules = DEFAULT_RULES
    account: Account = field(default_factory=Account, repr=False)
    _context: Context = field(init=False, repr=False)
    _server: Server | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        keys = {key: frozenset(map(str.upper, rights)) for key, rights in self.api_keys.items()}
        self._context = Context(
            settings=Settings(
                keys={self.api_key: ALL_RIGHTS, **keys},
                rules=self.rules,
                latency_seconds=self.latency_seconds,
            ),
            account=self.account,
            traffic=Traffic(keep_bodies=self.keep_bodies),
            unsubscriptions=Unsubscriptions(self.account, self.rules),
        )

    def start(self) -> Self:
        self._context.stopping.clear()
        self._server = Server(Middleware(application(), self._context), self.port)
        self.port = self._server.port
        self._server.start()
        return self

    def stop(self) -> None:
        """Ends every connection. The account and the calls can still be read."""
        if self._server:
            self._context.stopping.set()
            self._server.stop()
            self._server = None
            self._context.unsubscriptions.carry_out_all()

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
        return self._context.traffic.calls()

    @property
    def violations(self) -> list[str]:
        """What a well-behaved client never does; see `maileon_sandbox.http.traffic`."""
        return self._context.traffic.violations()

    def script(self, *faults: Fault) -> None:
        """Appends to the scripted faults."""
        self._context.faults.add(*faults)

    def fail_at_random(self, *faults: Fault, share: float, random: Random) -> None:
        """From now on each call gets one of the faults with the probability `share`."""
        self._context.faults.set_random(RandomFaults(faults, share, random))

    def carry_out_unsubscriptions(self) -> None:
        """Carries out the unsubscriptions that wait for `unsubscribe_delay_seconds`."""
        self._context.unsubscriptions.carry_out_all()

    def reset(self) -> None:
        """Forgets calls, violations and faults, but not the account."""
        self._context.traffic.clear()
        self._context.faults.clear()
