"""The hook that tells the parent's report when a resource has failed."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pulumi
import pytest

from components import failure_report
from components.failure_report import failure_hook
from tests.components.recording import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    lines: list[str] = []
    monkeypatch.setattr(failure_report, "_PAUSE", 0.05)
    monkeypatch.setattr(pulumi.log, "error", lines.append)
    before = signal.getsignal(signal.SIGINT)
    yield lines
    signal.signal(signal.SIGINT, before)


def _fail(report: Callable[[bool], str], *pauses: float, error: str = "x") -> list[bool]:
    """Call the hook once per pause, as the engine does for resources that fail one after the other."""
    answers: list[bool] = []
    failed = pulumi.ErrorHookArgs("urn", "id", "name", "type", failed_operation="create", errors=[error])

    def program() -> None:
        hook = failure_hook(report)

        async def engine() -> None:
            calls = []
            for pause in pauses:
                await asyncio.sleep(pause)
                answer = hook(failed)
                assert not isinstance(answer, bool)
                calls.append(asyncio.ensure_future(answer))
            answers.extend(await asyncio.gather(*calls))

        pulumi.Output.from_input(engine()).apply(lambda _: None)

    record(program)
    return answers


def test_a_failure_is_told_and_never_tried_again(told: list[str]) -> None:
    assert _fail(lambda _: "the report", 0) == [False]
    assert told == ["the report"]


def test_failures_that_come_together_are_one_report(told: list[str]) -> None:
    reports = iter(["all three"])
    assert _fail(lambda _: next(reports), 0, 0.01, 0.01) == [False, False, False]
    assert told == ["all three"]


def test_a_later_failure_is_a_second_and_more_complete_report(told: list[str]) -> None:
    reports = iter(["first", "first and second"])
    _fail(lambda _: next(reports), 0, 0.2)
    assert told == ["first", "first and second"]


def test_the_same_report_is_not_told_twice(told: list[str]) -> None:
    _fail(lambda _: "the report", 0, 0.2)
    assert told == ["the report"]


def test_a_report_that_cannot_be_made_does_not_hide_the_failure(told: list[str]) -> None:
    def broken(_: bool) -> str:  # noqa: FBT001 - the hook's
        msg = "with a detail that nobody has checked"
        raise OSError(msg)

    assert _fail(broken, 0) == [False]
    assert told == ["the parent's report could not be made: OSError"]


@pytest.mark.parametrize(
    ("error", "cancelled"),
    [("Resource operation was cancelled for api", True), ("context canceled", True), ("no route to the broker", False)],
)
def test_what_was_given_up_because_of_an_interruption_is_no_failure(error: str, cancelled: bool) -> None:  # noqa: FBT001
    heard: list[bool] = []

    def report(was_cancelled: bool) -> str:  # noqa: FBT001 - the hook's
        heard.append(was_cancelled)
        return "the report"

    _fail(report, 0, error=error)
    assert heard == [cancelled]
