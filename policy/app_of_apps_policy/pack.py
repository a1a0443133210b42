"""Serves the rules to the engine. The only module here that knows of Pulumi."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from app_of_apps_policy.model import UNKNOWN, Seen
from app_of_apps_policy.rules import RULES

if TYPE_CHECKING:
    from pulumi_policy import ReportViolation, ResourceValidationArgs, StackValidationArgs

    from app_of_apps_policy.model import Rule

NAME: Final = "app-of-apps"


def serve() -> None:
    """Answer the engine until it ends this process."""
    PolicyPack(name=NAME, policies=[_policy(rule) for rule in RULES], enforcement_level=EnforcementLevel.MANDATORY)


def _policy(rule: Rule) -> Policy:
    schema = None
    if rule.settings:
        schema = PolicyConfigSchema({name: dict(one.schema) for name, one in rule.settings.items()})
    about: dict[str, Any] = {
        "name": rule.id,
        "description": rule.says,
        "enforcement_level": EnforcementLevel(rule.level),
        "severity": Severity(rule.severity),
        "config_schema": schema,
        "remediation_steps": rule.mend,
        "tags": [rule.group],
    }
    if rule.check is not None:
        return ResourceValidationPolicy(validate=_on_resource(rule), **about)
    return StackValidationPolicy(validate=_on_stack(rule), **about)


def _on_resource(rule: Rule) -> Any:  # noqa: ANN401 - the SDK looks at the signature
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        provider = _plain(args.provider.props) if args.provider is not None else None
        seen = Seen(args.resource_type, args.urn, _plain(args.props), bool(args.opts.protect), provider)
        for message in rule.check(seen, dict(args.get_config())) if rule.check is not None else ():
            report(_words(rule, message))

    return validate


def _on_stack(rule: Rule) -> Any:  # noqa: ANN401 - as above
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = [Seen(one.resource_type, one.urn, _plain(one.props), bool(one.opts.protect)) for one in args.resources]
        for urn, message in rule.check_stack(stack, dict(args.get_config())) if rule.check_stack is not None else ():
            report(_words(rule, message), urn)

    return validate


def _words(rule: Rule, message: str) -> str:
    return f"{message}." if rule.says_how else f"{message}. {rule.mend}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """Return what the SDK's proxies hold, with UNKNOWN in the place of each value that they refuse to give."""
    if hasattr(value, "items"):
        return {key: _below(value, key) for key in value}
    if isinstance(value, str | bytes):
        return value
    if hasattr(value, "__iter__") and hasattr(value, "__len__"):
        return [_below(value, index) for index in range(len(value))]
    return value


def _below(value: Any, key: str | int) -> Any:  # noqa: ANN401 - JSON values
    try:
        return _plain(value[key])
    except UnknownValueError:
        return UNKNOWN
