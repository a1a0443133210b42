"""Verbs with ``--server``: what can be asked there, and what ends with which code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.unit.service.conftest import ROOT


def aoa(served, *arguments, who="dora"):
    environ = {**os.environ, "AOA_TOKEN": served.token(who), "AOA_SERVER": served.url}
    command = [sys.executable, "-m", "app_of_apps", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "staging", "--break-glass", "it burns"),
        ("rollback", "staging", "--dry-run"),
        ("promote", "staging", "prod", "--override", "it burns"),
        ("preview", "staging", "prod"),
    ],
    ids=lambda given: given[0],
)
def test_what_the_service_decides_is_not_said_by_the_client(served, arguments):
    done = aoa(served, *arguments)
    assert done.returncode == 3, done.stderr
    assert "with --server" in done.stderr


def test_a_promotion_is_asked_of_the_service(served):
    done = aoa(served, "promote", "prod", "staging", "--child", "orders")
    assert done.returncode == 4, done.stderr  # there is no cluster behind it
    assert f"promote of staging at {served.url}: operation" in done.stderr
    found = served.get("/v1/operations?limit=1").json()["items"][0]
    assert (found["operation"], found["source"], found["children"]) == ("promote", "prod", ["orders"])


def test_a_promotion_that_one_may_not_ask_for_is_refused(served):
    done = aoa(served, "promote", "staging", "prod", who="emil")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
