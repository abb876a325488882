"""Wiring of one sync: every room gets what it needs from the others, nothing else happens here."""

import time
from collections.abc import Iterator
from functools import partial
from io import BufferedIOBase

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.audiences.leavers import Leavers
from destination_maileon.config.spec import Config, S3Storage
from destination_maileon.delivery.accumulator import Accumulator
from destination_maileon.delivery.dry_run import Sample, foresee
from destination_maileon.delivery.explanations import Explanations
from destination_maileon.delivery.intake import Intake
from destination_maileon.delivery.progress import Progress
from destination_maileon.delivery.removals import Removals
from destination_maileon.delivery.request import Limits, Request
from destination_maileon.delivery.response_handler import ResponseHandler
from destination_maileon.delivery.scheduler import CALLS_AT_FIRST, Pace, RequestScheduler
from destination_maileon.delivery.sender import Environment, WorkerPool, send
from destination_maileon.delivery.service_state import ServiceState
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.client import MaileonClient
from destination_maileon.mapping.columns import StreamColumns
from destination_maileon.mapping.summary import listed
from destination_maileon.pipeline import SyncPipeline
from destination_maileon.protocol.messages import StreamKey
from destination_maileon.protocol.output import Level, Logger
from destination_maileon.protocol.reader import Reader
from destination_maileon.rejections.dead_letter_queue import DeadLetterQueue
from destination_maileon.rejections.s3 import S3Bucket
from destination_maileon.streams import consent
from destination_maileon.streams.account import Account, Ask, Retrying
from destination_maileon.streams.catalog import StreamPlan, stream_plans, unused_entries

REQUESTS_BODIES = 4
"""Requests that are not settled take at most this many times the bytes of a call."""


def assemble(  # noqa: PLR0913 - what a sync meets outside, and what a test puts in its place
    config: Config,
    plans: dict[StreamKey, StreamPlan],
    *,
    account: Account,
    service: Environment,
    logger: Logger,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
) -> SyncPipeline:
    """The rooms of one sync, connected. The service may be the real world or a simulated one."""
    removals = Removals(config.max_deleted_records, logger)
    most_bytes = REQUESTS_BODIES * config.max_batch_bytes
    scheduler = RequestScheduler(Pace(config.concurrent_requests), most_bytes, removals.may_be_sent)
    limits = Limits(config.batch_size, config.max_batch_bytes, config.flush_interval_seconds)
    sample = Sample(plans.values(), account, logger) if config.dry_run else None

    def submit(request: Request) -> None:
        if sample is not None:
            sample.draw_from(request, service)
        scheduler.submit(request)

    accumulator = Accumulator(limits, submit)
    progress = progress or Progress(logger, now=service.now, wall_clock=time.time)
    ledger = ledger or Ledger(plans.values(), config, store=store_of(config, progress), log=logger)
    intake = Intake(config=config, ledger=ledger, accumulator=accumulator, log=logger)
    handler = ResponseHandler(
        scheduler=scheduler,
        accumulator=accumulator,
        ledger=ledger,
        service=ServiceState(Backoff(config.max_retry_seconds)),
        removals=removals,
        account=account,
        lose_field=intake.lose_custom_field,
        words=Explanations(account, config.identifiers_in_logs, ledger.keeps_messages),
        chance=service.random,
        log=logger,
    )
    leavers = [
        Leavers(plan, config, ledger, limits, scheduler.submit, logger)
        for plan in plans.values()
        if plan.overwrites
    ]
    return SyncPipeline(
        service, intake, accumulator, scheduler, handler, ledger, progress, logger, sample, leavers
    )


def open_streams(intake: Intake, plans: dict[StreamKey, StreamPlan], account: Account) -> None:
    """Resolves the columns of all streams. Raises ConfigError with the problems of all of them."""
    config, log = intake.config, intake.log
    for warning in consent.warnings(plans.values(), config):
        log(Level.WARN, warning)
    if unused := unused_entries(plans, config):
        told = f"The mapping of {listed(unused, 'stream')} is not used"
        log(Level.WARN, f"{told}: this sync has no such stream.")
    streams = [StreamColumns(p, config, account).before_first_record() for p in plans.values()]
    problems = [f"Stream {s.plan.title}: {told}" for s in streams for told in s.problems]
    if problems:
        raise ConfigError(" ".join(problems))
    account.create_planned_fields()
    for columns in streams:
        intake.open(columns)
        query = columns.plan.options.parameters(columns.plan.permission).items()
        told = ", ".join(f"{name}={value}" for name, value in query)
        log(Level.DEBUG, f"Stream {columns.plan.title}: calls are sent with {told}.")


def write(
    config: Config, raw_catalog: object, *, source: int | BufferedIOBase, logger: Logger
) -> Iterator[bytes]:
    """Runs a sync of what comes in from `source`; yields the lines to put out.

    Raises SyncError, BadInput, InputFailed, or what nobody foresaw, after every true STATE.
    """
    plans = stream_plans(raw_catalog, config)
    progress = Progress(logger, now=time.monotonic, wall_clock=time.time)
    with MaileonClient(
        config.base_url,
        config.api_key.get_secret_value(),
        timeout_seconds=config.request_timeout_seconds,
        connections=config.concurrent_requests,
    ) as client:
        ask, log = asking(config, logger, progress), partial(logger, Level.INFO)
        account = Account(client, ask, is_read_only=config.dry_run, log=log)
        carry_out = partial(send, client)
        if config.dry_run:
            logger(Level.WARN, "Dry run: nothing is sent to Maileon, and no state goes out.")
            looks_up, types = config.max_deleted_records is not None, account.custom_fields
            carry_out = partial(foresee, client, custom_types=types, looks_up=looks_up)
        service = WorkerPool(carry_out)
        pipeline = assemble(
            config, plans, account=account, service=service, logger=logger, progress=progress
        )
        try:
            open_streams(pipeline.intake, plans, account)
        finally:
            yield from logger.take()
        reader = Reader(source, service.deliver)
        service.consumed = reader.release
        reader.start()
        yield from pipeline.run()
        if pipeline.sample is not None:
            pipeline.sample.look_up(service, min(CALLS_AT_FIRST, config.concurrent_requests))
            yield from logger.take()


def asking(config: Config, logger: Logger, progress: Progress) -> Ask:
    """How the account is asked. An attempt may take long, and so may the wait for the next one."""
    during = partial(progress.during, "waiting for Maileon to say what the account has")

    def tell(words: str) -> None:
        # At once: the loop stands still meanwhile.
        logger(Level.WARN, words)
        logger.flush()

    questions = Retrying(
        Backoff(config.max_retry_seconds),
        sleep=lambda seconds: during(partial(time.sleep, seconds)),
        tell=tell,
    )
    return lambda ask: questions(partial(during, ask))


def store_of(config: Config, progress: Progress) -> DeadLetterQueue | None:
    storage = config.object_storage_config
    if isinstance(storage, S3Storage) and not config.dry_run:
        during = partial(progress.during, "storing rejected records")
        return DeadLetterQueue(S3Bucket(storage), during=during)
    return None
