"""The words for an answer: what happened, to whom, what to do, and no value of a record."""

from __future__ import annotations

from destination_maileon.config.spec import IdentifiersInLogs
from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.request import Job, Purpose, Request
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.rejections.rejection import (
    LINES_PER_REASON,
    MAX_OTHER_FIELDS,
    Rejection,
)
from destination_maileon.streams.account import Account
from unit_tests.support.builders import CountingApi, a_contact, a_part, at_once
from unit_tests.support.harness import NO_CONNECTION
from unit_tests.support.rooms import PARTITION, a_request, an_entry, invalid, someone


def explanations(*, keeps_all: bool = False) -> Explanations:
    account = Account(CountingApi({"HAT": FieldType.STRING}), at_once)
    assert account.custom_fields
    return Explanations(account, IdentifiersInLogs.MASKED, keeps_all=keeps_all)


def of_report(words: Explanations, position: int, field: str = "HAT") -> Rejection:
    return words.of_report(an_entry(someone(position)), [invalid(None, 22, field)])


def of_refusal(*contacts: str, said: str = "") -> Rejection:
    request = a_request(*(someone(at, name) for at, name in enumerate(contacts, start=1)))
    refusal = RequestRejected("Refused.", status=400, server_message=said)
    return explanations().of_refusal(request.entries, refusal)


def test_a_server_that_says_no_more_is_not_quoted() -> None:
    told = of_refusal("ada")
    assert (told.reason, told.field) == ("Maileon refused the call (HTTP 400)", "")
    assert told.advice.startswith("Maileon does not say why. Correct the record")


def test_what_the_server_says_is_quoted_without_what_is_of_the_record() -> None:
    assert 'Maileon says: "*** is bad".' in of_refusal("ada", said="ada@example.com is bad").advice


def test_of_a_contact_refused_alone_the_documented_rule_that_it_breaks_is_named() -> None:
    too_long = a_part(1, a_contact(FIRSTNAME="x" * 300))
    refusal = RequestRejected("Refused.", status=400, server_message="")
    advice = explanations().of_refusal([an_entry(too_long)], refusal).advice
    assert "A documented rule is broken in: FIRSTNAME." in advice
    both = explanations().of_refusal([an_entry(too_long), an_entry(someone(2))], refusal).advice
    assert "FIRSTNAME" not in both


def test_of_very_many_broken_fields_the_first_hundred_are_named() -> None:
    unknown = Contact("a@b.de", custom_fields={f"NONE{number}": "x" for number in range(300)})
    refusal = RequestRejected("Refused.", status=400, server_message="")
    advice = explanations().of_refusal([an_entry(a_part(1, unknown))], refusal).advice
    assert advice.count("NONE") == MAX_OTHER_FIELDS


def test_of_many_that_are_alike_all_further_ones_have_the_words_of_the_first() -> None:
    words = explanations()
    told = [of_report(words, position) for position in range(1, LINES_PER_REASON + 3)]
    assert told[LINES_PER_REASON] is told[LINES_PER_REASON + 1] is told[0]
    assert len({id(one) for one in told[:LINES_PER_REASON]}) == LINES_PER_REASON


def test_where_all_are_kept_each_has_its_own_words() -> None:
    words = explanations(keeps_all=True)
    told = [of_report(words, position) for position in range(1, LINES_PER_REASON + 3)]
    assert len({id(one) for one in told}) == len(told)


def test_a_field_that_nobody_knows_may_be_one_contacts_alone() -> None:
    words = explanations()
    told = [of_report(words, n, "ada@example.com") for n in range(1, LINES_PER_REASON + 2)]
    assert told[-1] is not told[0]
    assert "ada@example.com" not in f"{told[0].reason_key} {told[0].advice}"


def given_up(request: Request, *, others_succeed: bool = False) -> str:
    request.attempts, request.first_attempt_at = 3, 40.0
    return explanations().of_giving_up(request, NO_CONNECTION, 100.0, others_succeed=others_succeed)


def test_a_request_that_is_given_up_is_told_with_its_attempts_and_the_last_failure() -> None:
    said = given_up(a_request(someone(1), someone(2)))
    assert said.startswith("A call of stream contacts with 2 contacts failed 3 times in 60 seconds")
    assert "the last time with: The connection broke." in said
    assert "so the cause" not in said


def test_a_record_alone_is_named_masked_and_what_others_did_is_told() -> None:
    for others_succeed, cause in ((True, "is likely to be"), (False, "need not be")):
        said = given_up(a_request(someone(7, "ada")), others_succeed=others_succeed)
        assert said.startswith("The call for record 7 of stream contacts (")
        assert f"so the cause {cause} this record" in said
        assert "ada@example" not in said


def test_a_question_is_called_one() -> None:
    job = Job(lambda _: None, lambda _: None)
    said = given_up(Request(PARTITION, [], purpose=Purpose.ASK, job=job))
    assert said.startswith("A question for stream contacts failed 3 times")
