"""What a configuration says about the cluster's etcd, and the client it amounts to. Reading it needs no gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown
from podberth.cni.parsers import absolute_path, string, text
from podberth.cni.value import value
from podberth.stores.etcd.url import endpoint

if TYPE_CHECKING:
    from podberth.cni.fields import Fields
    from podberth.stores.etcd.client import Etcd

PREFIX = "/podberth"
KEYS = ("endpoints", "caFile", "certFile", "keyFile", "username", "passwordFile", "prefix")


@value
class Settings:
    """Where etcd is and who asks there; paths name files, which are read when connecting."""

    endpoints: tuple[str, ...]
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    prefix: str = PREFIX

    @classmethod
    def parse(cls, f: Fields) -> Settings:
        """Read the object `etcd` of a configuration; its error names the field."""
        f.only(KEYS)
        endpoints = f.each("endpoints", endpoint, most=16)
        if not endpoints:
            raise f.fail("endpoints", "expected at least one URL")
        found = cls(
            endpoints=tuple(each.url for each in endpoints),
            ca_file=f.optional("caFile", absolute_path),
            cert_file=f.optional("certFile", absolute_path),
            key_file=f.optional("keyFile", absolute_path),
            username=f.optional("username", string(max=256)),
            password_file=f.optional("passwordFile", absolute_path),
            prefix=f.get("prefix", key_prefix, PREFIX),
        )
        for one, other in (("certFile", "keyFile"), ("username", "passwordFile")):
            _together(f, one, other)
            _together(f, other, one)
        _fitting(f, [each.secure for each in endpoints])
        return found

    def client(self) -> Etcd:
        """Return a client. InvalidConfig if the password can't be read."""
        from podberth.stores.etcd.client import Etcd  # gRPC, which is not everywhere that this is read

        return Etcd(
            self.endpoints,
            ca=self.ca_file,
            cert=self.cert_file,
            key=self.key_file,
            user=self.username,
            password=None if self.password_file is None else _password(self.password_file),
        )


def key_prefix(raw: object) -> str:
    """Return a prefix of keys as '/podberth'; ValueError if it is none."""
    found = text(raw, "a prefix as '/podberth'")
    if not found.startswith("/") or not all(found[1:].split("/")) or len(found) > 256:
        raise ValueError(f"expected a prefix as '/podberth', got {shown(found)}")
    return found


def _together(f: Fields, one: str, other: str) -> None:
    if f.raw.get(one) is not None and f.raw.get(other) is None:
        raise f.fail(other, f"required field is missing: there is {f.at(one)}")


def _fitting(f: Fields, secure: list[bool]) -> None:
    if len(set(secure)) > 1:
        odd = secure.index(not secure[0])
        raise f.error(f"{f.at('endpoints')}[{odd}]: expected the scheme of the first endpoint")
    files = [key for key in ("caFile", "certFile", "keyFile") if f.raw.get(key) is not None]
    if secure[0] and "caFile" not in files:
        raise f.fail("caFile", "required field is missing: the endpoints are https")
    if files and not secure[0]:
        raise f.fail(files[0], "expected only with endpoints that are https")


def _password(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as failure:
        raise InvalidConfig(
            f"etcd.passwordFile: {path} can't be read: {failure}", "it holds the password alone"
        ) from None
