"""A typed client of the service's API. It needs httpx alone; the shapes are those that the service answers with."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from app_of_apps.errors import AppOfAppsError, InvalidInput, Position, Problem, Refused, Unavailable
from app_of_apps.service.operation import ENDED, Asked, Operation
from app_of_apps.service.proposal import Asking, Proposal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

TOKEN: Final = "AOA_TOKEN"  # noqa: S105 - the name of a variable
"""Your token of the issuer that the service trusts."""
SERVER: Final = "AOA_SERVER"
_TRIES: Final = 5
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Client:
    """One service, as somebody with a token. Use it as a context manager."""

    def __init__(self, url: str, token: str, *, timeout: float = 60.0) -> None:
        """Prepare for the service at ``url``; ``timeout`` is in seconds and holds for each answer.

        Raises InvalidInput for an address without TLS beyond this machine.
        """
        try:
            base = httpx.URL(url)
        except httpx.InvalidURL:
            base = httpx.URL("")
        if base.scheme not in {"http", "https"} or (base.scheme == "http" and base.host not in _LOOPBACK):
            raise InvalidInput([Problem(Position(url), "", "is no address to send a token to", "begin with https://")])
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._client = httpx.Client(base_url=base, headers=headers, timeout=timeout, follow_redirects=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def me(self) -> dict[str, Any]:
        """Return who you are to the service, and what you may do."""
        return self._json("GET", "/v1/me")

    def environments(self) -> list[dict[str, Any]]:
        """Return how all environments stand that you see."""
        return list(self._json("GET", "/v1/environments")["items"])

    def environment(self, env: str) -> dict[str, Any]:
        """Return how one environment stands."""
        return self._json("GET", f"/v1/environments/{env}")

    def look(self, env: str, what: str, **query: str | None) -> dict[str, Any]:
        """Return ``graph``, ``changes``, ``history``, ``records``, ``access``, ``approvals``, ``releases/7`` of one."""
        params = {name: value for name, value in query.items() if value is not None}
        return self._json("GET", f"/v1/environments/{env}/{what}", params=params)

    def validation(self) -> dict[str, Any]:
        """Return what is wrong with the project's files."""
        return self._json("GET", "/v1/validation")

    def begin(self, env: str, asked: Asked, *, key: str | None = None) -> Operation:
        """Begin an operation; with an idempotency ``key`` it can be asked for again after a broken connection."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        body = asked.model_dump(mode="json", by_alias=True)
        found = self._json("POST", f"/v1/environments/{env}/operations", json=body, headers=headers, again=bool(key))
        return Operation.model_validate(found)

    def operation(self, identity: str) -> Operation:
        """Return an operation."""
        return Operation.model_validate(self._json("GET", f"/v1/operations/{identity}"))

    def operations(self, env: str | None = None, *, limit: int = 50) -> Iterator[Operation]:
        """Yield operations, newest first, page after page."""
        cursor: str | None = None
        while True:
            asked = {"environment": env, "limit": str(limit), "cursor": cursor}
            found = self._json(
                "GET", "/v1/operations", params={name: value for name, value in asked.items() if value is not None}
            )
            yield from (Operation.model_validate(one) for one in found["items"])
            cursor = found["next"]
            if cursor is None:
                return

    def cancel(self, identity: str) -> Operation:
        """Ask for the end of an operation."""
        return Operation.model_validate(self._json("POST", f"/v1/operations/{identity}/cancel"))

    def events(self, identity: str, after: int = 0) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Yield number, kind and data of what happens until the operation has ended, across broken connections."""
        tries = 0
        while True:
            try:
                for found in self._stream(identity, after):
                    if found is None:
                        return
                    tries, after = 0, found[0]
                    yield found
            except httpx.HTTPError as error:
                tries += 1
                if tries >= _TRIES:
                    msg = f"the service does not answer ({type(error).__name__}); the operation goes on without us"
                    raise Unavailable(msg) from None
                time.sleep(min(2.0**tries, 10))

    def wait(self, identity: str) -> Operation:
        """Return an operation when it has ended."""
        for _ in self.events(identity):
            continue
        found = self.operation(identity)
        while found.state not in ENDED:
            time.sleep(0.5)
            found = self.operation(identity)
        return found

    def propose(self, asking: Asking) -> Proposal:
        """Propose something for a person to decide."""
        body = asking.model_dump(mode="json", by_alias=True)
        return Proposal.model_validate(self._json("POST", "/v1/proposals", json=body))

    def proposals(self) -> list[Proposal]:
        """Return the newest proposals."""
        return [Proposal.model_validate(one) for one in self._json("GET", "/v1/proposals")["items"]]

    def accept(self, identity: str) -> tuple[Proposal, Operation]:
        """Begin what was proposed."""
        found = self._json("POST", f"/v1/proposals/{identity}/accept")
        return Proposal.model_validate(found["proposal"]), Operation.model_validate(found["operation"])

    def reject(self, identity: str, reason: str = "") -> Proposal:
        """Decide against a proposal."""
        found = self._json("POST", f"/v1/proposals/{identity}/reject", json={"reason": reason})
        return Proposal.model_validate(found)

    def approve(self, env: str, *, release: str, token: str, reason: str = "") -> str:
        """Sign a release with your own key in Vault; ``token`` is your own for the environment's login to Vault."""
        headers, body = {"Aoa-Identity-Token": token}, {"release": release, "reason": reason}
        return str(self._json("POST", f"/v1/environments/{env}/approvals", json=body, headers=headers)["text"])

    def _stream(self, identity: str, after: int) -> Iterator[tuple[int, str, dict[str, Any]] | None]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        timeout = httpx.Timeout(30.0)  # the service says that it lives more often than that
        with self._client.stream(
            "GET", f"/v1/operations/{identity}/events", headers=headers, timeout=timeout
        ) as answer:
            if answer.is_error:
                answer.read()
                raise _error(answer)
            told: dict[str, str] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if line and name:
                    told[name] = value
                elif not line and "event" in told:
                    if told["event"] == "end":
                        yield None
                        return
                    yield int(told["id"]), told["event"], json.loads(told["data"])
                    told = {}

    def _json(self, method: str, path: str, *, again: bool = False, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's
        tries = _TRIES if method == "GET" or again else 1
        for number in range(1, tries + 1):
            try:
                answer = self._client.request(method, path, **more)
            except httpx.HTTPError as error:
                if number < tries:
                    time.sleep(0.2 * 2**number)
                    continue
                msg = f"the service at {self._client.base_url.host} does not answer ({type(error).__name__})"
                raise Unavailable(msg) from None
            if answer.status_code in {429, 503} and number < tries:
                time.sleep(min(float(answer.headers.get("retry-after", "1")), 10.0))
                continue
            break
        if answer.is_error or answer.is_redirect:
            raise _error(answer)
        found: dict[str, Any] = answer.json()
        return found


def _error(answer: httpx.Response) -> AppOfAppsError:
    """Return the error that the CLI would have raised for a problem."""
    try:
        found = answer.json()
        detail = str(found["detail"])
    except (ValueError, KeyError, TypeError):
        found, detail = {}, f"the service answered HTTP {answer.status_code}"
    if answer.status_code in {401, 403, 404}:
        return Refused(f"{found.get('title', 'Refused')}: {detail}")
    if found.get("problems"):
        return InvalidInput(
            Problem(
                Position(one["file"], one["line"] or 0, one["column"] or 0), one["path"], one["message"], one["hint"]
            )
            for one in found["problems"]
        )
    if answer.status_code in {409, 422}:
        return Refused(detail)
    return Unavailable(detail)
