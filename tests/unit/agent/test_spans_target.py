"""Where spans go: the flag, and the environment variables as OpenTelemetry defines them."""

from __future__ import annotations

import pytest

from podberth.agent.spans.target import BadTarget, target

BASE, OWN = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


@pytest.mark.parametrize("env", [{}, {BASE: ""}, {OWN: "http://a", "OTEL_SDK_DISABLED": "True"}])
def test_nobody_wants_them_unless_somebody_says_where(env: dict[str, str]) -> None:
    assert target(env) is None


@pytest.mark.parametrize(
    ("env", "flag", "host", "port", "path"),
    [
        ({BASE: "http://a:4318"}, None, "a", 4318, "/v1/traces"),
        ({BASE: "http://a:4318/"}, None, "a", 4318, "/v1/traces"),
        ({BASE: "http://a/otlp/"}, None, "a", None, "/otlp/v1/traces"),
        ({OWN: "http://a:4318"}, None, "a", 4318, "/"),
        ({OWN: "http://a:4318/x", BASE: "http://b"}, None, "a", 4318, "/x"),
        ({OWN: "http://a:4318/x", BASE: "http://b"}, "http://[::1]:9", "::1", 9, "/v1/traces"),
    ],
)
def test_the_flag_goes_before_the_variable_for_traces_and_that_before_the_one_for_all(
    env: dict[str, str], flag: str | None, host: str, port: int | None, path: str
) -> None:
    found = target(env, flag)
    assert found is not None
    assert (found.host, found.port, found.path, found.tls) == (host, port, path, False)


def test_headers_and_what_describes_the_agent() -> None:
    env = {
        BASE: "https://a",
        HEADERS: "authorization=Bearer%20x%3D, x-scope = 1 ,",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,k8s.node.name=n%2C1",
    }
    found, named = target(env), target({**env, "OTEL_SERVICE_NAME": "cni"})
    assert found is not None
    assert named is not None
    assert found.tls
    assert found.headers == {"authorization": "Bearer x=", "x-scope": "1"}
    assert found.resource == {"service.name": "other", "k8s.node.name": "n,1"}
    assert named.resource["service.name"] == "cni"
    assert target({BASE: "http://a"}).resource == {"service.name": "podberth"}  # type: ignore[union-attr]


def test_numbers_have_the_units_of_the_variables() -> None:
    env = {"OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_BSP_SCHEDULE_DELAY": "250", "OTEL_BSP_MAX_QUEUE_SIZE": "100"}
    found = target({BASE: "http://a", **env})
    assert found is not None
    assert (found.timeout, found.delay, found.queue, found.batch) == (2.5, 0.25, 100, 100)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (BASE, "a:4318"),
        (BASE, "grpc://a:4317"),
        (BASE, "http://"),
        (BASE, "http://a:99999"),
        (BASE, "http://a:x"),
        (BASE, "http://[::1"),
        (BASE, "http://a/?x=1"),
        (BASE, "http://user:secret@a"),
        (BASE, "http://a/\r\nX: y"),
        (BASE, "http://ü"),
        (HEADERS, "novalue"),
        (HEADERS, "=x"),
        (HEADERS, "a b=x"),
        (HEADERS, "a=x%0d%0aHost: y"),
        ("OTEL_RESOURCE_ATTRIBUTES", "x"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "٣"),
    ],
)
def test_what_can_not_be_meant_is_named(name: str, text: str) -> None:
    with pytest.raises(BadTarget, match=f"^{name}: ") as told:
        target({BASE: "http://a", name: text})
    assert "secret" not in str(told.value)
