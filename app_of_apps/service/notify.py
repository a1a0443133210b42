"""Tells others: webhooks of our own form, signed, and messages as Slack and its like take them.

The signature is that of the Standard Webhooks specification (standardwebhooks.com): HMAC-SHA256 over id, time and body.
Each is tried again with growing pauses, in its own workflow of the queue's engine, so a restart loses none.
"""

from __future__ import annotations

import base64
import contextvars
import hashlib
import hmac
import json
import os
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
from dbos import DBOS

from app_of_apps.deploy.redact import Redactor
from app_of_apps.errors import Unavailable
from app_of_apps.service.operation import State
from app_of_apps.service.settings import WEBHOOK_KEY

if TYPE_CHECKING:
    from app_of_apps.service.ledger import Ledger
    from app_of_apps.service.operation import Operation
    from app_of_apps.service.settings import Settings

_TRIES: Final = 8
_LONGEST: Final = 2800
"""Characters of a message for people; Slack cuts a section at 3,000."""
_DEPLOYS: Final = frozenset({"up", "rollback", "drift-fix"})


class Notifier:
    """Those who are told by one service."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        """Take whom to tell; nothing is sent before the queue has started."""
        self._settings, self._ledger = settings, ledger

    def operation(self, operation: Operation) -> None:
        """Tell of an operation that has begun or ended."""
        kind = self._kind(operation)
        if kind is not None:
            about = operation.model_dump(mode="json", by_alias=True)
            self.tell(kind, {"environment": operation.environment, "operation": about})

    def tell(self, kind: str, about: dict[str, Any]) -> None:
        """Tell everybody who wants to hear of this kind."""
        for hook in self._settings.webhooks:
            if kind not in hook.on:
                continue
            sent = secrets.token_hex(12)
            if hook.form == "slack":
                body = json.dumps({"text": self._words(kind, about)})
            else:
                told = {"id": sent, "type": f"app-of-apps.{kind}", "timestamp": int(time.time()), "data": about}
                body = json.dumps(told, ensure_ascii=False)
            # In a context of its own: this may be called by an operation's workflow, and is no part of it.
            contextvars.Context().run(DBOS.start_workflow, _deliver, hook.place, sent, body)

    def _kind(self, operation: Operation) -> str | None:
        if operation.ended is None:
            return "started" if operation.operation in _DEPLOYS else None
        if operation.state is State.DRIFTED:
            return "drift"
        if operation.operation not in _DEPLOYS:
            return None
        if operation.state is State.REFUSED and "approval" in operation.message:
            return "needs-approval"
        if operation.state is State.SUCCEEDED:
            return "recovered" if self._was_bad(operation) else "succeeded"
        return None if operation.state is State.CANCELLED else "failed"

    def _was_bad(self, operation: Operation) -> bool:
        before, _ = self._ledger.listed([operation.environment], limit=50)
        ended = (one for one in before if one.id != operation.id and one.operation in _DEPLOYS and one.ended)
        last = next(ended, None)
        return last is not None and last.state in {State.FAILED, State.INTERRUPTED, State.LOST}

    def _words(self, kind: str, about: dict[str, Any]) -> str:
        """Return what people read: the verdict first, the root cause next, and where to look."""
        env, operation = about["environment"], about.get("operation") or {}
        place = f"{self._settings.url}/operations/{operation['id']}" if operation else f"{self._settings.url}/proposals"
        verb, who = (
            operation.get("operation", "proposal"),
            operation.get("askedBy", {}).get("name", about.get("by", "")),
        )
        head = {
            "started": f"{verb} of {env} has begun",
            "succeeded": f"{verb} of {env} succeeded",
            "recovered": f"{env} is well again: {verb} succeeded",
            "failed": f"{verb} of {env} FAILED",
            "needs-approval": f"{verb} of {env} waits for approval",
            "drift": f"{env} differs from what was deployed",
            "proposed": f"something is proposed for {env}",
        }[kind]
        lines = [f"{head} (asked for by {who})"]
        report = operation.get("report") or {}
        lines += [cause["sentence"] for cause in report.get("causes", ())] or [operation.get("message", "")]
        lines += [f"next: {step}" for step in report.get("next", ())[:3]]
        text = Redactor()("\n".join(line for line in lines if line))
        # What a value says must not call anybody or lead anywhere (Slack: escaping of &, < and >).
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"{safe[:_LONGEST]}\n{place}"


def signature(key: str, sent: str, moment: int, body: str) -> str:
    """Return what ``webhook-signature`` says of a body; ``key`` is the variable's, with or without ``whsec_``."""
    plain = key.removeprefix("whsec_")
    secret = base64.b64decode(plain) if key.startswith("whsec_") else plain.encode()
    digest = hmac.new(secret, f"{sent}.{moment}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


@DBOS.workflow(name="aoa-webhook")
def _deliver(place: str, sent: str, body: str) -> None:
    DBOS.run_step(
        {"name": "post", "retries_allowed": True, "max_attempts": _TRIES, "interval_seconds": 2.0, "backoff_rate": 3.0},
        lambda: _post(place, sent, body),
    )


def _post(place: str, sent: str, body: str) -> None:
    url = os.environ.get(place[1:], "") if place.startswith("$") else place
    moment = int(time.time())
    headers = {"Content-Type": "application/json", "webhook-id": sent, "webhook-timestamp": str(moment)}
    if key := os.environ.get(WEBHOOK_KEY):
        headers["webhook-signature"] = signature(key, sent, moment, body)
    try:
        with httpx.Client(timeout=10, follow_redirects=False, trust_env=False) as client:
            answer = client.post(url, content=body.encode(), headers=headers)
    except httpx.HTTPError as error:
        msg = f"a webhook does not answer ({type(error).__name__})"
        raise Unavailable(msg) from None
    if answer.is_error or answer.is_redirect:
        msg = f"a webhook answered HTTP {answer.status_code}"
        raise Unavailable(msg)
