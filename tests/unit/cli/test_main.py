from __future__ import annotations

import subprocess
import sys

import pytest

from app_of_apps.cli import main as main_module
from app_of_apps.cli import validate as validate_module
from app_of_apps.cli.main import app, run
from app_of_apps.cli.reference import verbs


def test_the_help_has_every_verb_and_the_exit_codes(aoa):
    out = aoa("--help").out
    for verb in ("validate", "graph", "render", "status", "up", "preview", "refresh", "destroy", "explain", "version"):
        assert verb in out
    assert "130" in out
    assert "interrupted" in out


def test_every_verb_has_help_with_an_example_and_its_exit_codes(aoa):
    for name in verbs():
        if name == "version":
            continue
        out = aoa(*name.split(), "--help").out
        assert "Example" in out, name
        assert "xit code" in out, name


def test_without_arguments_the_help_is_shown(aoa):
    assert "validate" in aoa().out + aoa().err


def test_a_misspelt_verb_is_suggested(aoa):
    result = aoa("validat")
    assert result.code == 2
    assert "validate" in result.err


@pytest.mark.parametrize("arguments", [("--version",), ("version",)])
def test_the_version_is_told(aoa, arguments):
    assert aoa(*arguments).out.startswith("aoa 0.")


def test_outside_a_project_it_says_so(tmp_path_factory, monkeypatch, aoa):
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    result = aoa("validate")
    assert result.code == 2
    assert "neither this folder nor one above it holds Pulumi.yaml" in result.err


def test_a_project_is_found_upwards_and_by_option(project, aoa, monkeypatch, tmp_path):
    monkeypatch.chdir(project / "apps")
    assert aoa("validate").code == 0
    (tmp_path / "elsewhere").mkdir()
    assert aoa("validate", "--project", str(project)).code == 0
    assert aoa("validate", "--project", str(tmp_path / "elsewhere")).code == 2


def test_expected_errors_have_no_traceback_unless_asked_for(project, aoa):
    (project / "parent.yaml").write_text("kind: [")
    assert "Traceback" not in aoa("graph").err
    with pytest.raises(main_module.InvalidInput):
        run(["graph", "--debug"])


def test_an_interruption_ends_with_130(aoa, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app_of_apps.release.project.load_what_is_right", interrupted)
    assert aoa("validate").code == 130


def test_a_reader_that_goes_away_is_no_traceback(project):
    command = f"{sys.executable} -m app_of_apps render staging --project {project} | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("---") or result.stdout.startswith("#")
    assert "Traceback" not in result.stderr


def test_output_for_a_pipe_has_no_colour(aoa):
    for verb in (["validate"], ["graph"], ["render", "staging"], ["status"]):
        result = aoa(*verb)
        assert "\x1b[" not in result.out + result.err


def test_heavy_packages_are_not_imported_for_help():
    code = (
        "import sys\nfrom app_of_apps.cli.main import run\nrun(['--help'])\n"
        "heavy = {'pulumi', 'pydantic', 'httpx', 'yaml', 'ruamel', 'grpc'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_engine_is_not_imported_to_validate(project):
    code = (
        "import sys\nfrom app_of_apps.cli.main import run\n"
        f"assert run(['validate', '--project', {str(project)!r}]) == 0\n"
        "heavy = {'pulumi', 'httpx', 'grpc'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.usefixtures("project")
def test_shell_completion_offers_environments():
    from app_of_apps.cli.options import complete_environment

    assert complete_environment("st") == ["staging"]
    assert complete_environment("x") == []


def test_the_application_is_what_the_reference_documents():
    assert app.info.name == "aoa"
    assert validate_module.VALIDATION_FORMAT == "app-of-apps/validation/v1"
