"""What a preview comes to, and what its digest tells apart."""

from __future__ import annotations

from dataclasses import replace

from app_of_apps.deploy.events import Message, Policy, Step
from app_of_apps.deploy.preview_digest import preview_of

URN = "urn:pulumi:prod::shop::kubernetes:apps/v1:Deployment::api-deployment"
STEP = Step("begun", "update", URN, "kubernetes:apps/v1:Deployment", planning=True, diffs=("spec", "metadata"))


def test_a_step_is_operation_type_name_and_changed_properties() -> None:
    preview = preview_of([STEP])
    assert preview.steps == (("update", "kubernetes:apps/v1:Deployment", "api-deployment", ("metadata", "spec")),)
    assert preview.counts == (("update", 1),)


def test_the_digest_does_not_depend_on_order_repetition_or_time() -> None:
    other = replace(STEP, urn=URN.replace("api", "db"))
    assert preview_of([STEP, other]).digest == preview_of([other, replace(STEP, at=99), STEP]).digest


def test_the_digest_tells_every_difference_of_what_is_done() -> None:
    variants = [
        replace(STEP, op="replace"),
        replace(STEP, type="kubernetes:core/v1:Service"),
        replace(STEP, urn=URN.replace("api", "db")),
        replace(STEP, diffs=("spec",)),
        replace(STEP, diffs=()),
    ]
    digests = {preview_of([one]).digest for one in (STEP, *variants)} | {preview_of([]).digest}
    assert len(digests) == len(variants) + 2


def test_what_stays_as_it_is_does_not_count() -> None:
    quiet = [replace(STEP, op=op) for op in ("same", "read", "refresh")]
    assert preview_of([*quiet, replace(STEP, phase="done")]).steps == ()


def test_violated_policies_and_warnings_are_kept_once() -> None:
    policy = Policy("no", "pack/rule", mandatory=True)
    preview = preview_of([policy, policy, Message("warning", "look"), Message("error", "not this")])
    assert preview.policies == ("pack/rule (mandatory): no",)
    assert preview.warnings == ("look",)
