"""The process of the sandbox's identity provider: a library's OpenID provider behind TLS on loopback.

``python -m sandbox.issuer_server PORT CERTIFICATE KEY PEOPLE`` serves until it is stopped. The protocol is that of the
package ``oidc-provider-mock`` (on Authlib and Flask); nothing of it is written here. Its keys live as long as the
process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import oidc_provider_mock  # type: ignore[import-untyped] # has annotations, no marker
import yaml
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN_SECONDS = 3600
MAIL = "shop.example.com"
"""Where everybody of the sandbox has an address."""


def main(arguments: Sequence[str]) -> None:
    """Serve; returns when stopped."""
    import datetime as dt  # noqa: PLC0415

    port, certificate, key, people = arguments
    known = yaml.safe_load(Path(people).read_text())
    app = oidc_provider_mock.app(
        access_token_max_age=dt.timedelta(seconds=TOKEN_SECONDS),
        issue_refresh_token=False,
        user_claims=[oidc_provider_mock.User(sub=name, claims=_claims(name, groups)) for name, groups in known.items()],
    )
    # The library adds a debugger that runs what a browser sends it; nobody shall reach that on loopback.
    app.debug = False
    app.wsgi_app = app.wsgi_app.app
    make_server("127.0.0.1", int(port), app, threaded=True, ssl_context=(certificate, key)).serve_forever()


def _claims(name: str, groups: Sequence[str]) -> dict[str, object]:
    return {"groups": groups, "preferred_username": name, "email": f"{name}@{MAIL}", "email_verified": True}


if __name__ == "__main__":
    main(sys.argv[1:])
