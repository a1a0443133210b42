"""Requests to a forge's API: bounded in time and number, tried again where that is safe, with errors that help.

What the API answers is text of others and reaches messages only cut and on one line; the token reaches none.
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from app_of_apps.deploy.redact import plain
from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TRIES: Final = 4
_LONGEST_PAUSE: Final = 30.0
_BUSY: Final = frozenset({429, 502, 503, 504})
_SAFE: Final = frozenset({"GET", "PATCH", "PUT"})
_PAGES: Final = 50
_HINTS: Final = {
    401: "the token is not valid any more",
    403: "the token may not do this; see the permissions that docs/pipelines.md names",
    404: "there is no such thing, or the token may not see it",
}


class Api:
    """One forge's API. Close it, or use it in a ``with`` statement."""

    def __init__(
        self,
        name: str,
        base: str,
        headers: Mapping[str, str],
        *,
        timeout: float = 20.0,
    ) -> None:
        """Prepare for the API at ``base``; ``timeout`` is in seconds and holds for each answer.

        Raises InvalidInput when the address would send a token in the clear.
        """
        self.name = name
        url = httpx.URL(base)
        if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
            hint = "write it with https://"
            raise InvalidInput([Problem(Position(base), "", "is no address to send a token to", hint)])
        self._client = httpx.Client(base_url=base, headers=dict(headers), timeout=timeout, follow_redirects=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of an answer; raises Unavailable with what to do."""
        return _json(self._send(method, path, body))

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """Yield the items of all pages of a list; raises Unavailable, also when there are more than anybody has."""
        asked: Mapping[str, str] = {"per_page": "100", **query}
        following = f"{path}?{httpx.QueryParams(asked)}"
        for _ in range(_PAGES):
            answer = self._send("GET", following, None)
            yield from _json(answer) or ()
            beyond = answer.links.get("next", {}).get("url")
            if beyond is None:
                return
            if httpx.URL(beyond).host not in {"", self._client.base_url.host}:
                msg = f"{self.name} sends on to another host for the next page"
                raise Unavailable(msg)
            following = beyond
        msg = f"{self.name} has more than {_PAGES} pages for {path}"
        raise Unavailable(msg)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        for number in range(1, _TRIES + 1):
            last = number == _TRIES
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.HTTPError as error:
                # Whether a POST arrived is known only where there was no connection at all.
                if not last and (method in _SAFE or isinstance(error, httpx.ConnectError)):
                    time.sleep(2.0**number)
                    continue
                msg = f"{self.name} at {self._client.base_url.host} does not answer ({type(error).__name__})"
                raise Unavailable(msg) from error
            limited = _limited(answer)
            if not last and (limited or (answer.status_code in _BUSY and method in _SAFE)):
                time.sleep(_patience(answer, number))
                continue
            if answer.is_error or answer.is_redirect:
                raise Unavailable(self._refusal(method, answer))
            return answer
        raise AssertionError

    def _refusal(self, method: str, answer: httpx.Response) -> str:
        said = _json(answer)
        words = said.get("message") if isinstance(said, dict) else None
        told = f": “{plain(str(words), limit=200)}”" if words else ""
        hint = _HINTS.get(answer.status_code)
        path = answer.request.url.path
        return f"{self.name} answers {answer.status_code} to {method} {path}{told}{f'; {hint}' if hint else ''}"


def _limited(answer: httpx.Response) -> bool:
    """Whether the forge says that there were too many requests; GitHub does so with 403, too."""
    used_up = answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status_code == httpx.codes.TOO_MANY_REQUESTS or (
        answer.status_code == httpx.codes.FORBIDDEN and ("retry-after" in answer.headers or used_up)
    )


def _patience(answer: httpx.Response, number: int) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked) if asked.isdecimal() else 2.0**number, _LONGEST_PAUSE)


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - whatever the forge says
    try:
        return answer.json()
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
