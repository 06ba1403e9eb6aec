"""Where spans go, as the flag or OpenTelemetry's own environment variables say. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Mapping

_OTLP = "OTEL_EXPORTER_OTLP_"
_PATH = "/v1/traces"
_PROTOCOLS = ("http/json", "http/protobuf")  # a collector takes both at one address
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTENT = re.compile(r"[\x20-\x7e]*")
_TIMEOUT = 10_000  # milliseconds that a collector may take to answer
_QUEUE, _BATCH = 8192, 512  # spans
_DELAY = 1000  # milliseconds


class BadTarget(ValueError):
    """What was said of the collector can't be meant; the message names the variable or flag."""


@value
class Target:
    """A collector: `path` is of the request, `timeout` and `delay` are in seconds, `queue` and `batch` in spans.

    `resource` describes this agent; `batch` are sent at once, or as many as there are after `delay`.
    """

    host: str
    port: int | None
    tls: bool
    path: str
    headers: Mapping[str, str]
    resource: Mapping[str, str]
    timeout: float
    queue: int
    batch: int
    delay: float


def target(env: Mapping[str, str], flag: str | None = None) -> Target | None:
    """Return where spans go; None if nobody wants them. BadTarget names what is wrong. The flag goes before all."""
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    name, url, path = _said(env, flag)
    if not url:
        return None
    spoken = _either(env, "PROTOCOL")
    if spoken[1] and spoken[1] not in _PROTOCOLS:
        raise BadTarget(f"{spoken[0]}: expected {' or '.join(_PROTOCOLS)}, got {spoken[1][:60]!r}")
    headers = _pairs(*_either(env, "HEADERS"))
    for key, content in headers.items():
        if not _TOKEN.fullmatch(key) or not _CONTENT.fullmatch(content):
            raise BadTarget(f"{_either(env, 'HEADERS')[0]}: {key[:60]!r} can't be a header of HTTP")
    resource = _pairs("OTEL_RESOURCE_ATTRIBUTES", env.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    service = env.get("OTEL_SERVICE_NAME") or resource.get("service.name") or "podberth"
    host, port, tls, base = _parts(name, url)
    queue = _number(env, "OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE)
    return Target(
        host=host,
        port=port,
        tls=tls,
        path=(base.rstrip("/") + path) or "/",
        headers=headers,
        resource={**resource, "service.name": service},
        timeout=_number(env, _either(env, "TIMEOUT")[0], _TIMEOUT) / 1000,
        queue=queue,
        batch=min(_number(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _BATCH), queue),
        delay=_number(env, "OTEL_BSP_SCHEDULE_DELAY", _DELAY) / 1000,
    )


def _said(env: Mapping[str, str], flag: str | None) -> tuple[str, str, str]:
    """Return where it is said, the URL, and what is to be added to its path."""
    if flag:
        return "--spans", flag, _PATH
    own = env.get(f"{_OTLP}TRACES_ENDPOINT", "")
    if own:
        return f"{_OTLP}TRACES_ENDPOINT", own, ""
    return f"{_OTLP}ENDPOINT", env.get(f"{_OTLP}ENDPOINT", ""), _PATH


def _parts(name: str, url: str) -> tuple[str, int | None, bool, str]:
    wrong = BadTarget(f"{name}: expected http://HOST:PORT or https://HOST:PORT, got {url[:100]!r}")
    if not _CONTENT.fullmatch(url) or " " in url:
        raise wrong
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise wrong from None
    if split.scheme not in ("http", "https") or not split.hostname or split.query or split.fragment:
        raise wrong
    if "@" in split.netloc:
        raise BadTarget(f"{name}: a password has no place in a URL: say it with {_OTLP}HEADERS")
    return split.hostname, port, split.scheme == "https", split.path


def _either(env: Mapping[str, str], what: str) -> tuple[str, str]:
    """Return the name and the content of the variable for traces, or else of the one for all signals."""
    own, common = f"{_OTLP}TRACES_{what}", f"{_OTLP}{what}"
    return (own, env[own]) if env.get(own) else (common, env.get(common, ""))


def _pairs(name: str, text: str) -> dict[str, str]:
    """Read KEY=VALUE,KEY=VALUE, where values may have percent signs, as W3C Baggage has it."""
    pairs: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        key, equals, content = pair.partition("=")
        if not equals or not key.strip():
            raise BadTarget(f"{name}: expected KEY=VALUE,KEY=VALUE, got {pair[:60]!r}")
        pairs[unquote(key.strip())] = unquote(content.strip())
    return pairs


def _number(env: Mapping[str, str], name: str, usual: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return usual
    if not re.fullmatch(r"[0-9]{1,7}", text) or not int(text):
        raise BadTarget(f"{name}: expected 1..9999999, got {text[:60]!r}")
    return int(text)
