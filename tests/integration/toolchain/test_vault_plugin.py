"""The Vault plugin is put together here, so it must be what the published Python package was generated from."""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import typing
from pathlib import Path

import pulumi_vault
import pytest
from pulumi import _types

if typing.TYPE_CHECKING:
    from toolchain import Toolchain

pytestmark = pytest.mark.integration

Shape = typing.Any
"""A name of a scalar type, ["list" or "map", shape], or an object of shapes by property name."""


def resource_classes() -> dict[str, type]:
    """The package's resource classes by token, from the registry that the package itself keeps."""
    text = Path(pulumi_vault.__file__).read_text()
    registry = re.search(r'resource_modules="""(.*?)"""', text, re.DOTALL)
    assert registry is not None
    return {
        token: resource_class(module["fqn"], name)
        for module in json.loads(registry[1])
        for token, name in module["classes"].items()
    }


def resource_class(module_name: str, name: str) -> type:
    module = importlib.import_module(module_name)
    try:
        return getattr(module, name)
    except AttributeError:  # pulumi_vault.config is the provider's configuration as well as a module of resources
        inner = (importlib.import_module(f"{module_name}.{m.name}") for m in pkgutil.iter_modules(module.__path__))
        return next(getattr(candidate, name) for candidate in inner if hasattr(candidate, name))


def function_tokens() -> set[str]:
    """Tokens that the package's functions invoke, read from its source."""
    folder = Path(pulumi_vault.__file__).parent
    return {
        token
        for file in folder.rglob("*.py")
        for token in re.findall(r"\.invoke(?:_output)?\('(vault:[^']+)'", file.read_text())
    }


def shape(annotation: typing.Any) -> Shape:
    origin = typing.get_origin(annotation)
    if annotation in {str, bool, int, float}:
        return annotation.__name__
    if origin is collections.abc.Sequence:
        return ["list", shape(typing.get_args(annotation)[0])]
    if origin is collections.abc.Mapping:
        return ["map", shape(typing.get_args(annotation)[1])]
    assert inspect.isclass(annotation), annotation
    assert _types.is_output_type(annotation), annotation
    return {name: shape(inner) for name, inner in _types.output_type_types(annotation).items()}


def answer(tools: Toolchain, flag: str) -> typing.Any:
    told = subprocess.run([tools.path("pulumi-resource-vault"), flag], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


@pytest.fixture(scope="module")
def properties(tools: Toolchain) -> dict[str, Shape]:
    return answer(tools, "-get-properties")


def test_every_resource_has_the_token_that_the_package_asks_for(properties: dict[str, Shape]) -> None:
    theirs = set(resource_classes())
    assert len(theirs) > 150
    assert set(properties) == theirs


def test_every_function_has_the_token_that_the_package_asks_for(tools: Toolchain) -> None:
    ours = {source["tok"] for source in answer(tools, "-get-provider-info")["dataSources"].values()}
    assert len(ours) > 40
    assert ours == function_tokens()


def test_every_property_has_the_name_and_the_shape_that_the_package_expects(properties: dict[str, Shape]) -> None:
    theirs = {
        f"{token} {name}": shape(annotation)
        for token, resource in resource_classes().items()
        for name, annotation in _types.resource_types(resource).items()
    }
    ours = {f"{token} {name}": kind for token, fields in properties.items() for name, kind in fields.items()}
    assert len(theirs) > 2000
    assert ours == theirs


def test_the_provider_takes_the_settings_that_the_package_offers(tools: Toolchain) -> None:
    schema = answer(tools, "-get-provider-info")["provider"]["schema"]
    offered = set(_types.input_type_py_to_pulumi_names(pulumi_vault.ProviderArgs))
    assert set(schema) == offered
