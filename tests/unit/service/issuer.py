"""An OpenID Connect issuer on loopback, as small as one can be: it signs whatever a test wants signed."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "aoa"


class FakeIssuer:
    """One issuer with one key; `rotate` gives it another one."""

    def __init__(self) -> None:
        self.down, self.asked = False, 0
        self.rotate("first")
        self.codes: dict[str, dict[str, Any]] = {}
        self.person: dict[str, Any] = {}
        """Whom the next login lets in."""
        self.asked_for: list[dict[str, str]] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                return

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if issuer.down:
                    self._send(503, {})
                elif path == "/.well-known/openid-configuration":
                    places = {name: f"{issuer.url}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
                    self._send(200, {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys", **places})
                elif path == "/authorization_endpoint":
                    asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                    issuer.asked_for.append(asked)
                    code = f"code-{len(issuer.asked_for)}"
                    issuer.codes[code] = {"nonce": asked["nonce"], "aud": asked["client_id"], **issuer.person}
                    self.send_response(302)
                    back = urlencode({"code": code, "state": asked["state"]})
                    self.send_header("location", f"{asked['redirect_uri']}?{back}")
                    self.send_header("content-length", "0")
                    self.end_headers()
                elif path == "/keys":
                    issuer.asked += 1
                    self._send(200, {"keys": [issuer.public]})
                else:
                    self._send(404, {})

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
                found = issuer.codes.pop(form.get("code", ""), None)
                if found is None:
                    self._send(400, {"error": "invalid_grant"})
                else:
                    issuer.verifier = form.get("code_verifier", "")
                    issuer.exchanged = {**form, "authorization": self.headers.get("authorization", "")}
                    issuer.given = issuer.token(**found)
                    self._send(200, {"id_token": issuer.given, "token_type": "Bearer"})

            def _send(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.verifier = ""
        self.exchanged: dict[str, str] = {}
        """What the last code was exchanged with."""
        self.given = ""
        """The last ID token of a login."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def rotate(self, kid: str) -> None:
        self.key, self.kid = rsa.generate_private_key(public_exponent=65537, key_size=2048), kid
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.public = {**public, "kid": kid, "use": "sig", "alg": "RS256"}

    def token(self, sub: str | None = "dora", groups: tuple[str, ...] | list[str] = (), **more: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": sub, "iat": now, "exp": now + 600, "groups": list(groups)}
        head = more.pop("head", {"kid": self.kid})
        claims = {name: value for name, value in {**claims, **more}.items() if value is not None}
        return jwt.encode(claims, self.key, algorithm="RS256", headers=head)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
