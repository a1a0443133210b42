"""Whatever is sent to any route of the OpenAPI: no error of the server's own, and every answer as the schema says.

It runs Schemathesis' own command; its plugin for pytest does not load with pytest 9.2. No cluster stands behind the
service here, which is told as 503; the tests with a cluster ask the same routes and take none.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

CHECKS = "not_a_server_error,content_type_conformance,status_code_conformance,response_schema_conformance"


def test_no_request_makes_it_fail(served, tmp_path):
    config = '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]\n'
    (tmp_path / "schemathesis.toml").write_text(config)
    program = Path(sys.executable).with_name("st")
    options = ["--checks", CHECKS, "--max-examples", "3", "--phases", "examples,coverage", "--no-color"]
    limits = ["--max-time", "300", "--seed", "4711", "--exclude-path-regex", "/events$"]
    header = ["--header", f"Authorization: Bearer {served.token('everybody')}"]
    command = [program, "run", f"{served.url}/openapi.json", *header, *options, *limits]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    operations = sum(len(methods) for path, methods in paths.items() if not path.endswith("/events"))
    assert f"Tested: {operations}" in done.stdout
    log = served.log.read_text()
    assert "Traceback" not in log
