"""Finding the API server and showing who asks, in every way a kubeconfig or a pod has, against a real server."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import InvalidConfig, StoreFailed
from podberth.kube.client import Client
from podberth.kube.config import in_cluster, load
from podberth.kube.credentials import Secret
from podberth.kube.errors import Forbidden, Unauthorized, Unavailable
from podberth.kube.resources import CONFIG_MAPS, PODS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.wire import Access
    from tests.servers.kube import KubeServer

PAIR = (("certificate", "crt"), ("key", "key"))


def whoami(access: Access) -> str:
    """Return the name by which the server knows who asks: it may do nothing, and is told so by name."""
    client = Client(access)
    try:
        client.get(CONFIG_MAPS, "a", "default")
    except Forbidden as refused:
        return refused.message.partition('User "')[2].partition('"')[0]
    finally:
        client.close()
    raise AssertionError("may do everything")


def inline(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def edited(file: Path, target: Path, **cluster: Any) -> str:
    """Write a copy of a kubeconfig with other fields of its cluster; None takes one away."""
    document = json.loads(file.read_text())
    fields = document["clusters"][0]["cluster"] | cluster
    document["clusters"][0]["cluster"] = {key: field for key, field in fields.items() if field is not None}
    target.write_text(json.dumps(document))
    return str(target)


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Make a credential plugin that counts its runs, keeps what it was told, and answers with `status.json`."""
    program = tmp_path / "plugin.py"
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\nhere = pathlib.Path({str(tmp_path)!r})\n"
        "with (here / 'runs').open('a') as file: file.write(os.environ['KUBERNETES_EXEC_INFO'] + '\\n')\n"
        "print('plugin', *sys.argv[1:], os.environ.get('MODE', ''), file=sys.stderr)\n"
        "if os.environ.get('MODE') == 'fail': sys.exit(3)\n"
        "print((here / 'status.json').read_text())\n"
    )
    program.chmod(0o755)

    def answering(**status: str) -> dict[str, Any]:
        version = "client.authentication.k8s.io/v1beta1"
        answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
        (tmp_path / "status.json").write_text(json.dumps(answer))
        return {"apiVersion": version, "command": str(program), "args": ["get", "token"]}

    return answering


def runs(tmp_path: Path) -> list[Any]:
    return [json.loads(line) for line in (tmp_path / "runs").read_text().splitlines()]


def test_client_certificates_in_files_and_inline(kube: KubeServer, tmp_path: Path) -> None:
    file = kube.user("by-file")
    assert whoami(load(str(file))) == "by-file"
    certificate, key = (inline(kube.root / f"by-file.{end}") for end in ("crt", "key"))
    data = {"client-certificate-data": certificate, "client-key-data": key}
    whole = kube.write_kubeconfig("inline", data)
    authority = {"certificate-authority": None, "certificate-authority-data": inline(kube.authority.certificate)}
    assert whoami(load(edited(whole, tmp_path / "config", **authority))) == "by-file"


def test_paths_are_relative_to_the_kubeconfig(kube: KubeServer) -> None:
    kube.user("near")
    file = kube.write_kubeconfig("relative", {"client-certificate": "near.crt", "client-key": "near.key"})
    assert whoami(load(str(file))) == "near"


def test_a_token_and_a_token_file(kube: KubeServer, tmp_path: Path) -> None:
    token = kube.token("default", "robot")
    assert whoami(load(str(kube.write_kubeconfig("token", {"token": token})))) == "system:serviceaccount:default:robot"
    (tmp_path / "token").write_text(f"{token}\n")
    user = {"tokenFile": str(tmp_path / "token"), "token": "the file goes before this"}
    assert whoami(load(str(kube.write_kubeconfig("file", user)))) == "system:serviceaccount:default:robot"


def test_a_renewed_token_file_is_read_again(kube: KubeServer, tmp_path: Path) -> None:
    kube.allow("default:first", ("", "pods", ["list"]))
    (tmp_path / "..first").mkdir()
    (tmp_path / "..first" / "token").write_text(kube.token("default", "first"))
    (tmp_path / "..data").symlink_to("..first")
    (tmp_path / "token").symlink_to("..data/token")
    client = Client(load(str(kube.write_kubeconfig("renewed", {"tokenFile": str(tmp_path / "token")}))))
    assert client.list(PODS).items == []
    (tmp_path / "..second").mkdir()
    (tmp_path / "..second" / "token").write_text(kube.token("default", "second"))
    (tmp_path / "..new").symlink_to("..second")
    (tmp_path / "..new").rename(tmp_path / "..data")  # as kubelet does
    with pytest.raises(Forbidden, match="system:serviceaccount:default:second"):
        client.list(PODS)
    client.close()


def test_a_renewed_client_certificate_is_read_again(kube: KubeServer, tmp_path: Path) -> None:
    for name in ("old-node", "new-node"):
        kube.user(name)
    for end in ("crt", "key"):
        (tmp_path / f"current.{end}").write_bytes((kube.root / f"old-node.{end}").read_bytes())
    files = {"client-certificate": str(tmp_path / "current.crt"), "client-key": str(tmp_path / "current.key")}
    access = load(str(kube.write_kubeconfig("rotating", files)))
    client = Client(access)
    with pytest.raises(Forbidden, match='"old-node"'):
        client.list(PODS)
    for end in ("crt", "key"):
        fresh = tmp_path / f"fresh.{end}"
        fresh.write_bytes((kube.root / f"new-node.{end}").read_bytes())
        fresh.rename(tmp_path / f"current.{end}")
    with pytest.raises(Forbidden, match='"new-node"'):
        client.list(PODS)
    client.close()


def test_a_token_in_the_kubeconfig_itself_is_read_again_once_that_is_rewritten(kube: KubeServer) -> None:
    kubeconfig = kube.write_kubeconfig("rewritten", {"token": "expired"})
    client = Client(load(str(kubeconfig)))
    with pytest.raises(Unauthorized):
        client.list(PODS)
    whole = kubeconfig.read_text()
    kubeconfig.write_text(whole[: len(whole) // 2])
    with pytest.raises(StoreFailed, match="rewritten"):
        client.list(PODS)
    kube.write_kubeconfig("rewritten", {"token": kube.token("default", "renewed")})
    with pytest.raises(Forbidden, match="system:serviceaccount:default:renewed"):
        client.list(PODS)
    client.close()


def test_certificates_in_the_kubeconfig_itself_are_read_again_once_that_is_rewritten(
    kube: KubeServer, tmp_path: Path
) -> None:
    def written(name: str, authority: str) -> str:
        kube.user(name)
        pair = {f"client-{what}-data": inline(kube.root / f"{name}.{end}") for what, end in PAIR}
        whole = kube.write_kubeconfig("whole", pair)
        cluster = {"certificate-authority": None, "certificate-authority-data": authority}
        return edited(whole, tmp_path / "config", **cluster)

    kube.user("old-one")
    client = Client(load(written("old-one", authority=inline(kube.root / "old-one.crt"))))
    with pytest.raises(Unavailable):
        client.list(PODS)
    written("new-one", inline(kube.authority.certificate))
    with pytest.raises(Forbidden, match='"new-one"'):
        client.list(PODS)
    client.close()


def test_a_pods_service_account(kube: KubeServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(kube.token("default", "agent"))
    (tmp_path / "ca.crt").write_bytes(kube.authority.certificate.read_bytes())
    (tmp_path / "namespace").write_text("podberth")
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(kube.port)}
    access = in_cluster(environ, str(tmp_path))
    assert (whoami(access), access.namespace) == ("system:serviceaccount:default:agent", "podberth")
    with pytest.raises(InvalidConfig, match="KUBERNETES_SERVICE_HOST and _PORT"):
        in_cluster({}, str(tmp_path))


def test_a_credential_plugin_is_run_once_and_told_about_the_cluster(
    kube: KubeServer, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    user = {"exec": plugin(token=kube.token("default", "robot")) | {"provideClusterInfo": True}}
    access = load(str(kube.write_kubeconfig("plugin", user)))
    assert [whoami(access) for _ in range(3)] == ["system:serviceaccount:default:robot"] * 3
    (told,) = runs(tmp_path)
    assert (told["kind"], told["spec"]["interactive"]) == ("ExecCredential", False)
    assert told["spec"]["cluster"]["server"] == kube.url


def test_a_credential_plugin_is_run_again_when_the_server_no_longer_knows_the_token(
    kube: KubeServer, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    access = load(str(kube.write_kubeconfig("stale", {"exec": plugin(token="nobody")})))
    with pytest.raises(Unauthorized):
        whoami(access)
    plugin(token=kube.token("default", "robot"))
    assert whoami(access) == "system:serviceaccount:default:robot"


def test_a_credential_plugin_is_run_again_once_its_credential_expired(
    kube: KubeServer, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    token = kube.token("default", "robot")
    past, future = "2020-01-31T12:00:00Z", "2999-01-31T12:00:00Z"
    access = load(str(kube.write_kubeconfig("expiring", {"exec": plugin(token=token, expirationTimestamp=past)})))
    whoami(access)
    plugin(token=token, expirationTimestamp=future)
    assert [whoami(access) for _ in range(3)] == ["system:serviceaccount:default:robot"] * 3
    assert len(runs(tmp_path)) == 2


def test_a_credential_plugin_can_give_a_certificate(kube: KubeServer, plugin: Callable[..., dict[str, Any]]) -> None:
    kube.user("plugged")
    certificate, key = ((kube.root / f"plugged.{end}").read_text() for end in ("crt", "key"))
    user = {"exec": plugin(clientCertificateData=certificate, clientKeyData=key)}
    assert whoami(load(str(kube.write_kubeconfig("certified", user)))) == "plugged"


def test_a_credential_plugin_that_fails_is_named_with_what_it_said(
    kube: KubeServer, plugin: Callable[..., dict[str, Any]]
) -> None:
    how = plugin() | {"env": [{"name": "MODE", "value": "fail"}], "installHint": "install it from the shelf"}
    with pytest.raises(StoreFailed, match="ended with status 3: plugin get token fail") as caught:
        whoami(load(str(kube.write_kubeconfig("failing", {"exec": how}))))
    assert caught.value.details == "install it from the shelf"
    missing = how | {"command": "podberth-no-such-plugin"}
    with pytest.raises(StoreFailed, match="podberth-no-such-plugin can't be run"):
        whoami(load(str(kube.write_kubeconfig("missing", {"exec": missing}))))
    with pytest.raises(StoreFailed, match=r"status\.token: expected a token"):
        whoami(load(str(kube.write_kubeconfig("empty", {"exec": plugin()}))))


def test_the_servers_certificate_is_checked_as_the_kubeconfig_says(kube: KubeServer, tmp_path: Path) -> None:
    file, target = kube.user("careful"), tmp_path / "config"
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        whoami(load(edited(file, target, **{"certificate-authority": None})))
    careless = {"certificate-authority": None, "insecure-skip-tls-verify": True}
    assert whoami(load(edited(file, target, **careless))) == "careful"
    assert whoami(load(edited(file, target, **{"tls-server-name": "localhost"}))) == "careful"
    with pytest.raises(Unavailable, match="mismatch"):
        whoami(load(edited(file, target, **{"tls-server-name": "elsewhere.example"})))


def test_a_context_is_chosen_by_name_and_the_first_file_counts(kube: KubeServer, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("""
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: test, user: one, namespace: db}}
- {name: there, context: {cluster: test, user: two}}
users:
- name: one
  user: {token: nobody}
""")
    document = json.loads(kube.user("two").read_text())
    document["current-context"] = "test"
    second.write_text(json.dumps(document))
    environ = {"KUBECONFIG": f"{first}:{second}:{tmp_path}/missing"}
    access = load(environ=environ)
    assert (access.namespace, access.server, access.credentials.current().token) == ("db", kube.url, "nobody")
    assert whoami(load(context="there", environ=environ)) == "two"
    with pytest.raises(InvalidConfig, match="current-context: there is no context 'elsewhere'"):
        load(context="elsewhere", environ=environ)


def test_without_a_configuration_it_is_said_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=f"there is no {tmp_path}/.kube/config, and this is no pod"):
        load(environ={"HOME": str(tmp_path)})
    with pytest.raises(InvalidConfig, match=f"{tmp_path}/missing can't be read: No such file"):
        load(f"{tmp_path}/missing")


@pytest.mark.parametrize(
    ("cluster", "user", "named"),
    [
        ({"server": "http://127.0.0.1:1"}, {}, r"clusters\[0\]\.cluster\.server: expected https://HOST:PORT"),
        ({"server": None}, {}, r"clusters\[0\]\.cluster\.server: required field is missing"),
        ({"proxy-url": "http://proxy"}, {}, r"clusters\[0\]\.cluster\.proxy-url: is not supported"),
        ({"certificate-authority-data": "AAAA"}, {}, r"certificate-authority-data: expected PEM in base64"),
        ({"insecure-skip-tls-verify": 1}, {}, r"insecure-skip-tls-verify: expected true or false, got 1"),
        ({}, {"username": "a"}, r"users\[0\]\.user\.username: is not supported"),
        ({}, {"auth-provider": {"name": "x"}}, r"users\[0\]\.user\.auth-provider: is not supported"),
        ({}, {"client-certificate": "a"}, r"users\[0\]\.user\.client-key: expected with client-certificate"),
        ({}, {"token": 5}, r"users\[0\]\.user\.token: expected a string, got 5"),
        ({}, {"exec": {"command": "a"}}, r"users\[0\]\.user\.exec\.apiVersion: required field is missing"),
        ({}, {"exec": {"command": "a", "apiVersion": "v0"}}, r"exec\.apiVersion: expected client\.authentication"),
    ],
)
def test_an_error_in_a_kubeconfig_names_the_field(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], named: str
) -> None:
    fields = {"server": "https://127.0.0.1:1"} | cluster
    document = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {key: field for key, field in fields.items() if field is not None}}],
        "users": [{"name": "a", "user": user}],
    }
    (tmp_path / "config").write_text(json.dumps(document))
    with pytest.raises(InvalidConfig, match=named):
        load(str(tmp_path / "config"))


def test_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(Secret(token="s3cret", key="s3cret"))
