"""`aoa preview` in its forms and for several environments, with an engine that is a script, and so always fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

PROD = """\
config:
  app-of-apps:environment:
    name: prod
    cluster: {context: elsewhere}
    vault: {mounts: {kv: kv-prod, jwt: jwt-prod}}
    versions: {api: 1.4.0, site: 2.0.0}
"""


def test_text_begins_with_the_report_and_says_what_is_not_known(aoa, engine):
    engine("exit 1\n")
    result = aoa("preview", "staging")
    assert result.code == 5
    assert result.out.startswith("preview of shop in staging did NOT begin, nothing was touched")
    assert "COULD NOT BE FOUND OUT\n  what stands, and what would be deleted: " in result.out


def test_json_is_the_report_with_the_preview_in_it(aoa, engine):
    engine("exit 1\n")
    result = aoa("preview", "staging", "--format", "json")
    shape = json.loads(result.out)
    assert (result.code, shape["format"], shape["ok"]) == (5, "app-of-apps/report/v1", False)
    assert shape["preview"]["format"] == "app-of-apps/preview/v1"
    assert {one["at"]["file"] for one in shape["preview"]["children"]} == {
        f"apps/{n}.yaml" for n in ("db", "api", "site")
    }


def test_markdown_and_sarif_and_html_are_whole_documents(aoa, engine):
    engine("exit 1\n")
    assert aoa("preview", "staging", "--format", "markdown").out.startswith(
        "<!-- app-of-apps preview of shop/staging -->\n"
    )
    assert json.loads(aoa("preview", "staging", "--format", "sarif").out)["version"] == "2.1.0"
    assert aoa("preview", "staging", "--format", "html").out.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("name", "begin"),
    [("x.md", "<!-- app"), ("x.html", "<!doctype"), ("x.json", "{"), ("x.sarif", "{"), ("x.txt", "preview")],
)
def test_all_of_it_is_written_to_a_file_in_the_form_of_its_name(aoa, engine, project, name, begin):
    engine("exit 1\n")
    assert aoa("preview", "staging", "--full", str(project / name)).code == 5
    assert (project / name).read_text().startswith(begin)


@pytest.mark.parametrize(
    "options",
    [
        ("--full", "x.pdf"),
        ("--full", "nowhere/x.md"),
        ("--artifact-url", "https://a.example/(x)"),
        ("--artifact-url", "x"),
    ],
)
def test_an_option_that_cannot_be_followed_is_invalid_before_anything_runs(aoa, engine, project, options):
    engine(f"touch {project / 'started'}\n")
    result = aoa("preview", "staging", *options)
    assert result.code == 2
    assert options[0] in result.err
    assert not (project / "started").exists()


def test_an_invalid_manifest_is_an_error_in_text_and_a_comment_in_markdown(aoa, project):
    (project / "apps/api.yaml").write_text("name: api\n")
    plain = aoa("preview", "staging")
    assert (plain.code, plain.out) == (2, "")
    assert "apps/api.yaml" in plain.err
    told = aoa("preview", "staging", "--format", "markdown")
    assert told.code == 2
    assert told.out.startswith("<!-- app-of-apps preview of shop/staging -->\n")
    assert "apps/api.yaml" in told.out
    log = json.loads(aoa("preview", "staging", "--format", "sarif").out)
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in log["runs"][0]["results"]}
    assert places == {"apps/api.yaml"}


def test_several_environments_are_told_in_their_order_and_the_highest_exit_code_counts(aoa, project):
    (project / "Pulumi.prod.yaml").write_text(PROD)
    (project / "Pulumi.broken.yaml").write_text("config: []\n")
    result = aoa("preview", "prod", "broken", "prod", "--format", "json")
    told = json.loads(result.out)["environments"]
    assert [(one["environment"], one["kind"]) for one in told] == [
        ("prod", "WrongEnvironment"),
        ("broken", "InvalidInput"),
    ]
    assert {one["parent"] for one in told} == {"shop"}
    assert result.code == max(one["exitCode"] for one in told)


@pytest.mark.parametrize("interrupt", [os.killpg, os.kill])
def test_an_interruption_reaches_every_environment_once(project, interrupt):
    """The real processes, with engines that wait to be interrupted."""
    (project / "Pulumi.prod.yaml").write_text(PROD)
    (project / "bin").mkdir()
    script = project / "bin/pulumi"
    script.write_text(
        '#!/bin/sh\nif [ "$1" = version ]; then echo v3.259.0; exit 0; fi\n'
        f"trap 'echo x >> {project}/interrupted; asked=1' INT\necho x >> {project}/ready\n"
        'while [ -z "$asked" ]; do sleep 0.05; done\nsleep 0.3\nexit 1\n'
    )
    script.chmod(0o755)
    # Each process imports this file again, and lets the guard pass in it.
    (project / "front.py").write_text(
        "import app_of_apps.environment.guard as guard\nguard.check_environment = lambda *_, **__: None\n"
        "from app_of_apps.cli.main import run\n"
        "if __name__ == '__main__':\n"
        "    raise SystemExit(run(['preview', 'staging', 'prod', '--format', 'json']))\n"
    )
    environ = {
        **os.environ,
        "PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with subprocess.Popen(
        [sys.executable, "front.py"],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as aoa:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and not (
            (project / "ready").exists() and len((project / "ready").read_text().split()) == 2
        ):
            time.sleep(0.05)
        # As a terminal does it, to the whole group; and as a pipeline does, to the one that it has started.
        interrupt(aoa.pid, signal.SIGINT if interrupt is os.killpg else signal.SIGTERM)
        try:
            out, err = aoa.communicate(timeout=40)
        finally:
            aoa.kill()
    assert aoa.returncode == 130, err
    assert [one["interrupted"] for one in json.loads(out)["environments"]] == [True, True]
    assert len((project / "interrupted").read_text().split()) == 2
    assert "Traceback" not in err
