"""The changes that `aoa` itself makes in a cluster: a note in an object's annotations, and the environment's marker."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from app_of_apps.environment.kube_reader import Forbidden, KubeReader
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGER = "app-of-apps-cli"


class KubeWriter(KubeReader):
    """One cluster, read, and written to by `annotate` and `apply` alone."""

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

    def _patch(self, path: str, body: Mapping[str, object], kind: str, **query: str) -> None:
        extensions = {"sni_hostname": self._server_name} if self._server_name else {}
        try:
            answer = self._client.patch(
                path,
                params={"fieldManager": MANAGER, **query},
                json=dict(body),
                headers={"Content-Type": kind},
                extensions=extensions,
            )
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            msg = f"cluster {self.context!r} at {self.server} does not answer: {type(error).__name__}"
            raise Unavailable(msg) from error
        if answer.is_error:
            error_type = Forbidden if answer.status_code == httpx.codes.FORBIDDEN else Unavailable
            msg = f"cluster {self.context!r} at {self.server} answers {answer.status_code} to PATCH {path}"
            raise error_type(msg)
