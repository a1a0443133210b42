"""The changes that `aoa` itself makes in a cluster: a note in an object's annotations, and the environment's marker."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import httpx

from app_of_apps.environment.kube_reader import Forbidden, KubeReader
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGER = "app-of-apps-cli"


class KubeWriter(KubeReader):
    """One cluster, read, and written to by `annotate`, `apply` and `create` alone."""

    def annotate(self, path: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of the object at an API path; others stay.

        Raises Forbidden on 403, Unavailable when the object is not there or the cluster cannot be reached.
        """
        self._patch(path, {"metadata": {"annotations": dict(annotations)}}, "application/merge-patch+json")

    def apply(self, path: str, item: Mapping[str, object]) -> None:
        """Apply an object at its API path on the server's side, taking over fields that others had set.

        Raises Forbidden on 403, Unavailable when the cluster cannot be reached or answers with another error.
        """
        self._patch(path, item, "application/apply-patch+yaml", force="true")

    def create(self, path: str, item: Mapping[str, object]) -> dict[str, Any] | None:
        """Create an object below a list path; return it, or None when one of its name is there.

        Raises Forbidden on 403, Unavailable when the cluster cannot be reached or answers with another error.
        """
        answer = self.create_answer(path, item, taken=True)
        found: dict[str, Any] = answer.json()
        return None if answer.status_code == httpx.codes.CONFLICT else found

    def create_answer(self, path: str, item: Mapping[str, object], *, taken: bool = False) -> httpx.Response:
        """Create an object, or ask a review, and return the whole answer; ``taken`` lets a conflict through."""
        return self._send("POST", path, json.dumps(dict(item)), "application/json", {}, taken=taken)

    def _patch(self, path: str, body: Mapping[str, object], kind: str, **query: str) -> None:
        self._send("PATCH", path, json.dumps(dict(body)), kind, query)

    def _send(
        self, method: str, path: str, body: str, kind: str, query: Mapping[str, str], *, taken: bool = False
    ) -> httpx.Response:
        extensions = {"sni_hostname": self._server_name} if self._server_name else {}
        try:
            answer = self._client.request(
                method,
                path,
                params={"fieldManager": MANAGER, **query},
                content=body,
                headers={"Content-Type": kind},
                extensions=extensions,
            )
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            msg = f"cluster {self.context!r} at {self.server} does not answer: {type(error).__name__}"
            raise Unavailable(msg) from error
        if answer.is_error and not (taken and answer.status_code == httpx.codes.CONFLICT):
            error_type = Forbidden if answer.status_code == httpx.codes.FORBIDDEN else Unavailable
            msg = f"cluster {self.context!r} at {self.server} answers {answer.status_code} to {method} {path}"
            raise error_type(msg)
        return answer
