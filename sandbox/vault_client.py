"""A small client of Vault's HTTP API, with errors that never repeat what was sent."""

from __future__ import annotations

import http.client
import json
from typing import Any, Self

from sandbox.errors import SandboxError


class VaultError(SandboxError):
    """Vault refused a request or did not answer; `status` is 0 for the latter."""

    def __init__(self, message: str, status: int) -> None:
        """Keep what Vault said and the HTTP status it said it with."""
        super().__init__(message)
        self.status = status


class VaultClient:
    """One keep-alive connection to a Vault on loopback. Not thread-safe."""

    def __init__(self, port: int, token: str = "") -> None:
        """Prepare a connection to 127.0.0.1:`port` with `token`, which may be set later."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.token = token

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def read(self, path: str) -> dict[str, Any] | None:
        """The answer to GET ``/v1/<path>``, or ``None`` when there is nothing."""
        return self._send("GET", path, None)

    def write(self, path: str, body: dict[str, Any], *, method: str = "POST") -> dict[str, Any]:
        """Send `body`; raises `VaultError` with Vault's own words and without the body."""
        return self._send(method, path, body) or {}

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        headers = {"X-Vault-Request": "true", **({"X-Vault-Token": self.token} if self.token else {})}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        try:
            payload = None if body is None else json.dumps(body)
            self._connection.request(method, f"/v1/{path}", payload, headers)
            response = self._connection.getresponse()
            text = response.read()
            answer = json.loads(text) if text.strip() else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            why = f"{error.__class__.__name__}: {error}"
            message = f"Vault at 127.0.0.1:{self._connection.port}: {method} {path}: {why}"
            raise VaultError(message, 0) from error
        if response.status == http.HTTPStatus.NOT_FOUND and method == "GET":
            return None
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            reasons = "; ".join(str(reason).strip() for reason in answer.get("errors", [])) or response.reason
            message = f"Vault at 127.0.0.1:{self._connection.port}: {method} {path}: {response.status} {reasons}"
            raise VaultError(message, response.status)
        return dict(answer)
