"""What a plugin writes to stdout, as text. Whoever calls writes it, once."""

from __future__ import annotations

from podberth.cni import strictjson
from podberth.cni import version as versions
from podberth.cni.result import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.errors import CniError
    from podberth.cni.result import Result


def error_json(error: CniError, version: str) -> str:
    """Return the error object (SPEC.md section 5, "Error"); `version` is the one the caller speaks."""
    body: dict[str, object] = {"cniVersion": version, "code": error.code, "msg": error.message}
    if error.details:
        body["details"] = error.details
    return strictjson.dumps(body)


def result_json(result: Result, version: str) -> str:
    """Return an ADD's result in the words of `version`; IncompatibleVersion if it can't be said in them."""
    return strictjson.dumps(encode(result, version))


def version_json(asked: str) -> str:
    """Return the answer to VERSION."""
    return strictjson.dumps(versions.reply(asked))
