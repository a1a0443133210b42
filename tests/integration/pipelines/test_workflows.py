"""The workflows' own steps, executed against a local git server, a stand-in for the forge, and the sandbox.

They tell one story in order: deploy, preview twice, a fork, drift, a proposal, evidence.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from sandbox.layout import CHECKOUT
from tests.integration.pipelines.conftest import FORGE_TOKEN, FORKED, OURS, Pipeline, git
from tests.unit.pipeline.fake_forge import BOT

pytestmark = pytest.mark.integration

MARKER = "<!-- app-of-apps preview of piped/staging -->"
AOA = (sys.executable, "-m", "app_of_apps")


@pytest.fixture(scope="module")
def deployed(pipeline: Pipeline) -> Pipeline:
    """The first release, by the workflow that deploys what is merged."""
    done = pipeline.run("aoa-up.yml", "main")["up"]
    assert done.code == 0, done.log
    assert "up of piped in staging succeeded" in done.log
    return pipeline


def test_what_is_merged_is_deployed_and_on_the_record_as_the_pipeline(deployed: Pipeline) -> None:
    told = deployed.world.aoa("history", "staging", "--output", "json").stdout
    assert "cleo" in told, told
    assert len(deployed.world.records()) == 1


def test_a_pull_request_has_one_comment_that_is_written_anew(deployed: Pipeline) -> None:
    deployed.fake.comment("mallory", f"{MARKER}\nall is well")
    for version in ("1.1.0", "1.2.0"):
        deployed.world.versions["one"] = version
        deployed.push("change", f"one {version}")
        jobs = deployed.run("aoa-preview.yml", "change", head=OURS)
        assert jobs.keys() == {"check", "preview"}
        done = jobs["preview"]
        assert done.code == 0, done.log
        assert {f"preview-staging{end}" for end in (".md", ".html", ".json", ".sarif")} <= done.artifacts
        assert jobs["check"].artifacts == {"validate.sarif"}
        assert done.summary.startswith(MARKER)
        assert done.actions[-2:] == ["github/codeql-action/upload-sarif", "actions/upload-artifact"]
    ours = [one for one in deployed.fake.comments if one["user"]["login"] == BOT]
    (comment,) = ours
    assert comment["body"].startswith(f"{MARKER}\n")
    assert "1.0.0 → 1.2.0" in comment["body"]
    assert "1.1.0" not in comment["body"]
    assert deployed.fake.comments[0]["body"] == f"{MARKER}\nall is well"
    assert deployed.fake.credentials == {f"Bearer {FORGE_TOKEN}"}
    deployed.world.versions.clear()


def test_a_pull_request_of_a_fork_gets_a_check_and_no_credential(deployed: Pipeline) -> None:
    given, asked = len(deployed.given), len(deployed.fake.requests)
    deployed.world.versions["one"] = "6.6.6"
    deployed.push("forked", "Look at this")
    jobs = deployed.run("aoa-preview.yml", "forked", head=FORKED)
    deployed.world.versions.clear()
    assert jobs.keys() == {"check"}
    assert jobs["check"].code == 0, jobs["check"].log
    assert (len(deployed.given), len(deployed.fake.requests)) == (given, asked)


def test_a_fork_is_refused_a_login_even_where_somebody_gives_it_an_identity(deployed: Pipeline) -> None:
    environ = {**deployed.environ, **deployed.github(OURS), **deployed.github(FORKED)}
    given = len(deployed.given)
    done = ci_run(deployed, "true", environ=environ)
    assert done.returncode == 3, done.stdout
    assert "fork" in done.stdout
    assert len(deployed.given) == given


def test_a_role_that_is_not_for_this_pipeline_is_refused_in_words(deployed: Pipeline) -> None:
    done = ci_run(deployed, "true", role="strange")
    assert done.returncode == 3, done.stdout
    assert "bound_claims" in done.stdout


def test_the_token_is_worth_nothing_when_the_command_has_ended(deployed: Pipeline) -> None:
    kept = deployed.folder / "kept"
    done = ci_run(deployed, "sh", "-c", f'printf %s "$VAULT_TOKEN" > {kept}; test -n "$KUBECONFIG"; exit 7')
    assert done.returncode == 7, done.stdout
    environ = {**deployed.world.environ, "VAULT_TOKEN": kept.read_text()}
    asked = subprocess.run(["vault", "token", "lookup"], env=environ, capture_output=True, text=True, check=False)
    assert asked.returncode != 0
    assert "403" in asked.stderr
    kept.unlink()


def test_drift_has_one_issue_that_is_closed_when_it_is_gone(deployed: Pipeline) -> None:
    assert drifted(deployed) == "none"
    deployed.world.kubectl("scale", "deployment", "--all", "--replicas=3", "-n", deployed.world.namespace("one"))
    assert drifted(deployed) == "opened (1)"
    assert drifted(deployed) == "unchanged (1)"
    (issue,) = deployed.fake.issues
    assert issue["title"] == "Drift of piped in staging"
    assert "spec&#46;replicas" in issue["body"] or "spec.replicas" in issue["body"]
    deployed.world.kubectl("scale", "deployment", "--all", "--replicas=1", "-n", deployed.world.namespace("one"))
    assert drifted(deployed) == "closed (1)"
    assert issue["state"] == "closed"


def test_what_is_healthy_below_is_proposed_once(deployed: Pipeline) -> None:
    inputs = {"source": "staging", "target": "prod"}
    for number in (1, 2):
        done = deployed.run("aoa-promote.yml", "main", **inputs)["promote"]
        assert done.code == 0, done.log
        assert len(deployed.fake.pulls) == 1, number
    (proposal,) = deployed.fake.pulls
    assert (proposal["base"], proposal["title"]) == ("main", "Promote one 1.0.0 from staging to prod")
    branch = proposal["head"]
    git(deployed.world.folder, "fetch", "--quiet", deployed.remote, branch)
    assert "one: 1.0.0" in git(deployed.world.folder, "show", "FETCH_HEAD:Pulumi.prod.yaml")
    assert "12+ada@users.noreply.github.com" in git(deployed.world.folder, "log", "-1", "--format=%ae", "FETCH_HEAD")


def test_the_evidence_is_exported_and_verified(deployed: Pipeline) -> None:
    done = deployed.run("aoa-evidence.yml", "main", days="90")["evidence"]
    assert done.code == 0, done.log
    assert "evidence-staging.zip" in done.artifacts


def test_the_steps_for_gitlab_do_the_same(deployed: Pipeline) -> None:
    file = yaml.safe_load((CHECKOUT / "examples/pipelines/gitlab/.gitlab-ci.yml").read_text())
    script = [*file["default"]["before_script"], *file["check"]["script"], *file["preview"]["script"]]
    identity = token_for(deployed)
    environ = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": deployed.fake.url,
        "CI_PROJECT_ID": "4",
        "CI_MERGE_REQUEST_IID": "8",
        "CI_MERGE_REQUEST_PROJECT_ID": "4",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "4",
        "GITLAB_TOKEN": FORGE_TOKEN,
        "ENVIRONMENT": "staging",
    }
    text = shell(deployed, script, {**environ, "AOA_ID_TOKEN": identity})
    assert deployed.fake.requests[-1].startswith("POST /projects/4/merge_requests/8/notes")
    assert identity not in text


def test_the_steps_for_jenkins_do_the_same(deployed: Pipeline) -> None:
    lines = (CHECKOUT / "examples/pipelines/jenkins/Jenkinsfile").read_text().splitlines()
    steps = [line.strip()[4:-1] for line in lines if line.strip().startswith("sh '")]
    script = [one for one in steps if "prod" not in one and "aoa up" not in one]
    assert len(script) == 5
    token = deployed.folder / "identity"
    token.write_text(token_for(deployed))
    environ = {
        "JENKINS_URL": "https://ci.example",
        "CHANGE_ID": "9",
        "AOA_FORGE": "github",
        "AOA_FORGE_API": deployed.fake.url,
        "AOA_FORGE_PROJECT": OURS,
        "AOA_FORGE_TOKEN": FORGE_TOKEN,
        "AOA_ID_TOKEN_FILE": str(token),
    }
    shell(deployed, script, environ)
    token.unlink()
    assert deployed.fake.requests[-1].startswith(f"POST /repos/{OURS}/issues/9/comments")


def token_for(deployed: Pipeline) -> str:
    """Return an ID token as a pipeline elsewhere finds it."""
    from sandbox.person import id_token
    from tests.integration.pipelines.conftest import WHO, _issuer

    deployed.given.append(id_token(_issuer(deployed.box), WHO, "staging"))
    return deployed.given[-1]


def shell(deployed: Pipeline, script: list[str], environ: dict[str, str]) -> str:
    """Run the lines of another system's file in a new clone, as its runner does."""
    deployed.fake.comments.clear()
    deployed.fake.anonymous = "GITLAB_CI" not in environ
    deployed.count += 1
    workspace = deployed.folder / f"run-{deployed.count}/workspace"
    git(deployed.folder, "clone", "--quiet", "--branch", "change", deployed.remote, str(workspace))
    settings = {
        "AOA_VAULT_ROLE": "deploy",
        "AOA_KUBE_AUDIENCE": "aoa-staging",
        "AOA_KUBE_CA": "clusters/staging-ca.pem",
        "PULUMI_BACKEND_URL": f"file://{deployed.box.layout.state}",
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(script)],
        cwd=workspace,
        env={**deployed.environ, **settings, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    deployed.look_for_canaries(done.stdout)
    assert len(deployed.fake.comments) == 1
    return done.stdout


def drifted(deployed: Pipeline) -> str:
    """Run the workflow that looks for drift, and return what became of its issue."""
    done = deployed.run("aoa-drift.yml", "main")["drift"]
    assert done.code == 0, done.log
    return done.log.partition("Issue about drift of staging: ")[2].partition(".\n")[0]


def ci_run(
    deployed: Pipeline, *command: str, role: str = "deploy", environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    options = ["--role", role, "--kube-audience", "aoa-staging", "--kube-ca", "clusters/staging-ca.pem"]
    return subprocess.run(
        [*AOA, "ci", "run", "staging", *options, "--", *command],
        cwd=deployed.world.folder,
        env=environ or {**deployed.environ, **deployed.github(None)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
