"""Checks a sync after its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, count

from destination_maileon.delivery.request import Request
from destination_maileon.errors import ConfigError, StopSync, TransientError
from destination_maileon.protocol.messages import BadInput
from destination_maileon.protocol.reader import InputFailed
from unit_tests.simulation.account import FIRST_NEW_ID, MaileonAccount, Stored, Wish
from unit_tests.simulation.ambiguity import Circles, ambiguous_circles, contested_circles
from unit_tests.simulation.every_moment import Broken, insist
from unit_tests.simulation.final_rows import check_final_rows, circles_of
from unit_tests.simulation.intent import Step, Task
from unit_tests.simulation.scenario import VANISHING_FIELDS, Item, Kind
from unit_tests.simulation.sent import places_of
from unit_tests.simulation.sequence import played
from unit_tests.simulation.trial import Trial, check_verdict
from unit_tests.simulation.world import Killed, ProgramFault

A_MOMENT_SECONDS = 0.1


def check(trial: Trial) -> None:
    """Raises Broken if any check fails."""
    insist(not trial.spy.settled_twice, f"settled twice: {trial.spy.settled_twice}")
    _failure_has_a_reason(trial)
    _what_came_before_is_settled(trial)
    _rejections_are_stored(trial)
    _states_are_complete(trial)
    _states_count_right(trial)
    _statistics_add_up(trial)
    steps = trial.asked
    insist(len(trial.spy.outcomes) <= len(steps), "more records than may be read")
    account, steps = played(trial.scenario, steps, groups=trial.spy.groups)
    if trial.failure is None or is_soft(trial):
        insist(len(trial.spy.outcomes) == len(steps), "records are missing from the counts")
    _is_refused_one_by_one(trial, steps)
    _same_as_sequence(trial, account, steps=steps)
    for position, outcome in trial.spy.outcomes.items():
        check_verdict(trial, position, outcome)


def is_soft(trial: Trial) -> bool:
    """Whether all records read before the failure were still sent and nothing else went wrong."""
    failure = trial.failure
    is_early = isinstance(failure, BadInput | InputFailed)
    is_early |= isinstance(failure, StopSync) and not any(_limits(trial))
    return is_early and not _fails_again(trial)


def _limits(trial: Trial) -> Iterator[bool]:
    config = trial.scenario.config
    yield not config.get("ignore_invalid_contacts", True)
    yield "max_rejected_records" in config or "max_rejected_percent" in config
    yield "max_deleted_records" in config
    # The limit of refused removals was reached, whatever was accepted later.
    yield trial.watch.nobody_can_leave() or trial.watch.seemed_hopeless


def _are_too_many_to_leave(trial: Trial) -> bool:
    allowed = trial.scenario.config.get("max_deleted_records")
    leaving = sum(step.is_farewell for step in trial.asked)
    return isinstance(allowed, int) and leaving > allowed


def _fails_again(trial: Trial) -> bool:
    """Whether more errors occurred while the sync was ending."""
    return any(said.startswith("While the sync was ending") for said in trial.logs)


def _what_came_before_is_settled(trial: Trial) -> None:
    """Checks that records before a stop are settled; the stop reported need not be the first."""
    failure = trial.failure
    if not isinstance(failure, StopSync) or failure.position is None or _fails_again(trial):
        return
    # If all removals are refused, none is settled before something else is accepted.
    if trial.watch.nobody_can_leave() and trial.watch.nothing_gets_through():
        return
    # Nothing of a call is settled that is refused because one contact is invalid.
    is_lenient = trial.scenario.config.get("ignore_invalid_contacts", True)
    was_sent = trial.scenario.is_dry_run or failure.position in trial.server.verdicts
    if is_lenient or not was_sent:
        before = range(1, min({failure.position, *trial.watch.one_too_many}))
        settled = all(position in trial.spy.outcomes for position in before)
        insist(settled, "what came before the one rejection too many is not settled")


def _is_refused_one_by_one(trial: Trial, steps: Sequence[Step]) -> None:
    """Checks in strict mode that no record is rejected which the sequence accepts.

    Exempt are vanishing fields, which the sequence never has, and contacts named in two ways.
    """
    scenario = trial.scenario
    outcomes = trial.spy.outcomes.items()
    rejected = {position for position, outcome in outcomes if outcome == "rejected"}
    if not rejected or not scenario.is_strict or scenario.server.vanishing_at is not None:
        return
    circles = Circles(scenario, steps)
    unclear = ambiguous_circles(scenario, steps, circles)
    judged = [
        position
        # The sequence has no random 403.
        for position in rejected - trial.watch.disliked
        if circles.circle(steps[position - 1].wish.identity_keys) not in unclear
    ]
    if judged:
        is_refused = any(step.is_rejected for step in steps[: max(judged)])
        insist(is_refused, "the sync ends for a record that is accepted one by one")


def _rejections_are_stored(trial: Trial) -> None:
    store = trial.store
    was_killed = isinstance(trial.failure, Killed)
    insist(
        was_killed or store is None or store.has_failed or not store.waiting,
        "a rejection is not stored",
    )


def _failure_has_a_reason(trial: Trial) -> None:
    failure, scenario = trial.failure, trial.scenario
    is_broken = any(item.kind is Kind.BROKEN for item in scenario.items)
    if failure is None:
        insist(not is_broken, "a broken line is no failure")
        insist(not scenario.reading_fails, "a broken pipe is no failure")
        _success_is_deserved(trial)
        return
    is_lost = trial.store is not None and trial.store.has_failed
    reasons: list[tuple[type[BaseException], bool]] = [
        (Killed, scenario.killed_at is not None),
        (BadInput, is_broken),
        (InputFailed, scenario.reading_fails),
        (StopSync, _are_too_many_to_leave(trial)),
        (StopSync, scenario.config.get("unmapped_columns") == "fail"),
        (ConfigError, any(_config_reasons(trial))),
        (ProgramFault, any(f.mishap.ends_sync for f in scenario.server.faults)),
        (
            TransientError,
            is_lost or trial.watch.longest_failure >= trial.watch.patience - A_MOMENT_SECONDS,
        ),
    ]
    found = [reason for kind, reason in reasons if isinstance(failure, kind)]
    insist(any(found), f"fails without a reason: {failure!r}")


def _success_is_deserved(trial: Trial) -> None:
    config, watch = trial.scenario.config, trial.watch
    rejected = [*trial.spy.outcomes.values()].count("rejected")
    settled = len(trial.spy.outcomes)
    allowed = config.get("max_rejected_records")
    insist(not isinstance(allowed, int) or rejected <= allowed, "too many rejected, no failure")
    most = config.get("max_deleted_records")
    insist(not isinstance(most, int) or watch.removed <= most, "too many removed, no failure")
    said = [log for log in trial.logs if "unsubscription marker" in log]
    unmarked = len(trial.server.unmarked)
    insist(not unmarked or f"{unmarked} p" in " ".join(said), "who is not marked is not told")
    percent = config.get("max_rejected_percent")
    is_within = not isinstance(percent, int) or 100 * rejected <= percent * settled
    insist(is_within, "too large a share rejected, and no failure")
    is_lenient = config.get("ignore_invalid_contacts", True)
    insist(is_lenient or not rejected, "strict, something rejected, and no failure")
    is_through = not (watch.nothing_gets_through() or watch.nobody_can_leave())
    insist(is_through, "nothing got through, and no failure")
    insist(not watch.ends_of_sync, "an end of the sync is no failure")
    insist(trial.store is None or not trial.store.has_failed, "the store is lost, and no failure")


def _config_reasons(trial: Trial) -> Iterator[bool]:
    yield any(fault.mishap.ends_sync for fault in trial.scenario.server.faults)
    yield from _limits(trial)
    yield _are_too_many_to_leave(trial)
    yield trial.watch.nothing_gets_through() or trial.watch.nobody_can_leave()
    yield trial.watch.was_forbidden
    yield trial.watch.refusals.total() > 0 and trial.watch.ends_of_sync > 0


def _states_are_complete(trial: Trial) -> None:
    numbers = [number for number, _ in trial.states]
    items = trial.scenario.items
    expected = [n for n, item in enumerate(items, start=1) if item.is_state]
    if trial.scenario.is_dry_run:
        insist(not numbers, "a STATE leaves a dry run")
        return
    insist(numbers == expected[: len(numbers)], "STATEs out of order, twice, or missing")
    if not isinstance(trial.failure, Killed):
        insist(not trial.holds_a_true_state(), "a true STATE is held back")
    if trial.failure is None:
        insist(numbers == expected, "STATEs are missing at the end")


def _states_count_right(trial: Trial) -> None:
    states = dict(trial.states)
    since: dict[int | None, list[str]] = {}
    places = count(1)
    for number, item in enumerate(trial.scenario.items, start=1):
        if item.kind is Kind.RECORD:
            outcome = trial.spy.outcomes.get(next(places), "")
            for scope in (item.stream, None):
                since.setdefault(scope, []).append(outcome)
        elif item.is_state and number in states:
            _counts_are(states[number], since.pop(_scope(item), []))


def _scope(item: Item) -> int | None:
    return item.stream if item.kind is Kind.STREAM_STATE else None


def _counts_are(state: dict[str, object], outcomes: list[str]) -> None:
    stats = state["destinationStats"]
    assert isinstance(stats, dict)
    rejected = outcomes.count("rejected")
    insist(stats["rejectedRecordCount"] == rejected, "a STATE counts other rejections")
    insist(stats["recordCount"] == len(outcomes) - rejected, "a STATE counts other records")


def _statistics_add_up(trial: Trial) -> None:
    """Checks that the first STATE after a report carries its numbers."""
    if trial.failure is not None and not is_soft(trial):
        return
    said: Counter[str] = Counter()
    created = [*accumulate((report.new for _, report in trial.watch.reports), initial=0)]
    for (_, state), (reports, merged) in zip(trial.states, trial.heard_before, strict=True):
        stats = state["destinationStats"]
        assert isinstance(stats, dict)
        said.update(stats["additionalStats"])
        insist(said["merged"] == merged, "merged does not add up")
        insist(said["created"] == created[reports], "created does not add up")
    heard = trial.watch.reports[: trial.heard_before[-1][0]] if trial.heard_before else []
    if not _is_anybody_counted_twice([call for call, _ in heard]):
        # In strict mode nothing of a call with an invalid contact is stored.
        stored = [r for _, r in heard if not (trial.scenario.is_strict and r.invalid)]
        existing = sum(report.existing for report in stored)
        insist(said["existing"] == existing, "existing does not add up")


def _is_anybody_counted_twice(calls: list[Request]) -> bool:
    """Whether a record was in two calls that were answered with a report."""
    places = [position for call in calls for position in places_of(call)]
    return len(places) > len({*places})


def _same_as_sequence(trial: Trial, account: MaileonAccount, *, steps: list[Step]) -> None:
    circles = Circles(trial.scenario, steps)
    contested = contested_circles(steps, circles)
    unclear = ambiguous_circles(trial.scenario, steps, circles) | _unsettled(trial, steps, circles)
    open_circles = contested | unclear
    for position, step in enumerate(steps, start=1):
        circle = circles.circle(step.wish.identity_keys)
        if not step.travels or circle not in open_circles:
            _outcome_is(trial.spy.outcomes.get(position), step, position)
    if trial.scenario.server.vanishing_at is not None:
        for name in VANISHING_FIELDS:
            trial.server.account.drop_field(name)
    expected = clear(account, circles, but=open_circles)
    found = clear(trial.server.account, circles, but=open_circles)
    if found != expected:
        raise Broken(f"the account differs: {difference(expected, found)}")
    for circle, members in circles_of(steps, circles):
        if circle in contested - unclear and not _was_rejected_early(trial, members):
            trial.resolved += check_final_rows(
                trial.scenario, trial.server.account, members, circles
            )


def _was_rejected_early(trial: Trial, circle: list[tuple[int, Step]]) -> bool:
    """Whether a record was rejected before the last one was read, as it had been held for long."""
    last = circle[-1][0]
    return any(trial.read_before.get(position, last) < last for position, _ in circle)


def _unsettled(trial: Trial, steps: list[Step], circles: Circles) -> set[str]:
    """The circles with an open record, or one that was refused, or spared, by chance.

    Once the limit of removals is reached, people are looked up first, and the removal of a missing
    person cannot be refused.
    """
    found = set()
    # If all markers are refused, the sequence sets none either.
    unmarked = set() if trial.scenario.server.refuses_markers else trial.server.unmarked
    for position, step in enumerate(steps, start=1):
        # In strict mode a rejection ends the sync, and nothing follows it.
        is_final = step.options.ignores_invalid or trial.spy.outcomes.get(position) != "rejected"
        is_refused = step.is_farewell and step.is_rejected
        is_spared = is_refused and trial.server.verdicts.get(position) is not None
        is_by_chance = is_spared or position in trial.watch.disliked | unmarked
        if position not in trial.spy.outcomes or not is_final or is_by_chance:
            found.add(circles.circle(step.wish.identity_keys))
    return found


def _outcome_is(outcome: str | None, step: Step, position: int) -> None:
    if outcome is None:
        return
    expected = "rejected" if step.is_rejected else "written"
    expected = "left out" if step.task is Task.NOTHING else expected
    insist(outcome == expected, f"record {position} is {outcome} instead of {expected}")


def clear(account: MaileonAccount, circles: Circles, *, but: set[str]) -> list[str]:
    """The contacts outside the circles `but` as sorted text, without the ids of new contacts."""
    marked = [key for email in account.markers for key in Wish(email=email).identity_keys]
    return sorted(
        [
            *(f"marked {key}" for key in marked if circles.circle([key]) not in but),
            *(
                _words(contact)
                for contact in account.contacts.values()
                if circles.circle(_telling_keys(contact)) not in but
            ),
        ]
    )


def _telling_keys(contact: Stored) -> list[str]:
    """The contact's identifiers; the id of a new contact is in no circle."""
    return contact.identity_keys[contact.id >= FIRST_NEW_ID :]


def _words(contact: Stored) -> str:
    number = contact.id if contact.id < FIRST_NEW_ID else "new"
    what = sorted(contact.fields.items()), sorted(contact.preferences.items())
    state = contact.permission, contact.is_unsubscribed
    return f"{number} {contact.email} {contact.external_id} {state} {what}"


def difference(expected: list[str], found: list[str]) -> str:
    """The differences as text."""
    missing = [words for words in expected if words not in found]
    surplus = [words for words in found if words not in expected]
    return f"missing {missing}, instead {surplus}"
