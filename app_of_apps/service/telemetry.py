"""Traces, where OpenTelemetry's own variables say where to (`OTEL_EXPORTER_OTLP_ENDPOINT`); nothing otherwise.

A request is a span, and so is an operation, as a child of the request that asked for it, on whichever worker it runs.
Spans carry routes, environments, verbs and states: no names of people, no values.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from app_of_apps.service.operation import Operation

_PLACES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACER: Final = trace.get_tracer("app_of_apps.service")


def start(environ: Mapping[str, str] = os.environ) -> TracerProvider | None:
    """Begin to send spans where the variables name a place; return what `stop` ends."""
    if not any(environ.get(name) for name in _PLACES):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - seldom
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": "app-of-apps"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def stop(provider: TracerProvider | None) -> None:
    """Send what is left."""
    if provider is not None:
        provider.shutdown()


def request(method: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
    """Begin the span of a request, below that of whoever sent it (W3C Trace Context)."""
    return _TRACER.start_as_current_span(method, context=propagate.extract(dict(headers)), kind=SpanKind.SERVER)


def answered(span: Span, method: str, route: str, status: int) -> None:
    """Say what became of a request."""
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:  # noqa: PLR2004 - HTTP's own errors of the server
        span.set_status(Status(StatusCode.ERROR))


def here() -> str | None:
    """Return where this is in a trace, as ``traceparent`` spells it; None where nothing is traced."""
    found: dict[str, str] = {}
    propagate.inject(found)
    return found.get("traceparent")


def operation(asked: Operation, parent: str | None) -> AbstractContextManager[Span]:
    """Begin the span of an operation."""
    context = propagate.extract({"traceparent": parent} if parent else {})
    name = f"{asked.operation} {asked.environment}"
    about = {"aoa.id": asked.id, "aoa.environment": asked.environment, "aoa.operation": str(asked.operation)}
    return _TRACER.start_as_current_span(name, context=context, attributes=about)


def ended(span: Span, found: Operation | None) -> None:
    """Say how an operation ended."""
    if found is not None:
        span.set_attribute("aoa.state", str(found.state))
        if found.exit_code:
            span.set_status(Status(StatusCode.ERROR))


def variables() -> Iterator[tuple[str, str]]:
    """Yield the variables by which a process goes on with this trace."""
    if parent := here():
        yield "TRACEPARENT", parent
