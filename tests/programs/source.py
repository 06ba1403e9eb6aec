"""Build programs of Kubernetes from Debian 12's source package `kubernetes` with Debian's Go 1.19, once per user.

Each stage ends with a rename: a build that was interrupted goes on at the stage it had come to. Nothing is installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

from tests.programs import folders
from tests.programs.archive import archive
from tests.programs.commands import run, sha256, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MODULE = "k8s.io/kubernetes"
SPACE = 3 << 30  # bytes: what the build takes while it runs; 120 MB a program stay
GO = ("golang-1.19-go", "golang-1.19-src")
# reflect2 1.0.1, which Kubernetes brings along, crashes under this Go: 1.0.2 takes its place.
REFLECT = "golang-github-modern-go-reflect2-dev"
TOOLS = ("patch", REFLECT)
UNGENERATED = ("code-generator", "sample-apiserver")  # staging modules that the API's description leaves out


def programs() -> Path:
    """Return the folder of what was built, with `sources.json`; it need not exist."""
    return folders.cache() / "kubernetes" / "debian-12"


def build(names: Sequence[str]) -> None:
    """Build what is missing of these programs."""
    with folders.lock("kubernetes"):
        missing = [name for name in names if not (programs() / name).exists()]
        if missing:
            _build(missing, folders.cache() / "kubernetes" / "work")


def _build(names: Sequence[str], work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    assert free >= SPACE or any(work.iterdir()), (
        f"{work} has {free >> 20} MiB free, and the build of Kubernetes takes {SPACE >> 20}: set XDG_CACHE_HOME to a"
        " folder on a larger file system"
    )
    print(f"{', '.join(names)}: built once, in {programs()}; minutes of two cores, more beside other work", flush=True)
    _fetch(work)
    _unpack(work)
    _prepare(work)
    number = ".".join(_version(work))
    for name in names:
        with step(f"compiling {name} {number} (about 2 minutes on two quiet cores)"):
            _compile(work, name)
    shutil.rmtree(work)


def _fetch(work: Path) -> None:
    if (work / "files").exists():
        return
    what = "fetching Debian 12's source package kubernetes and its Go 1.19 (115 MB)"
    with step(what), archive("bookworm") as bookworm, folders.new_folder(work / "files") as partial:
        bookworm.packages(partial, *GO, *TOOLS)
        bookworm.source(partial, "kubernetes")


def _unpack(work: Path) -> None:
    if (work / "tools").exists():
        return
    with step("unpacking Go"), folders.new_folder(work / "tools") as partial:
        for name in (*GO, *TOOLS):
            run(["dpkg", "-x", str(next((work / "files").glob(f"{name}_*.deb"))), str(partial)])


def _prepare(work: Path) -> None:
    """Leave the source, patched and with the one generated file that it lacks, in the folder `go`."""
    if (work / "go").exists():
        return
    with step("unpacking and patching the source"), folders.new_folder(work / "go") as partial:
        source = partial / "src" / MODULE
        source.mkdir(parents=True)
        run(["tar", "-xzf", str(_packed(work, "*.orig.tar.gz")), "--strip-components=1"], cwd=source)
        debian = partial / "debian"
        debian.mkdir()
        unpacked = partial / "debian.tar.xz"
        shutil.copy(_packed(work, "*.debian.tar.xz"), unpacked)
        shutil.unpack_archive(unpacked, debian, "xztar")
        patches = debian / "debian" / "patches"
        for line in (patches / "series").read_text().splitlines():
            if line and not line.startswith("#"):
                patch = str(work / "tools/usr/bin/patch")
                run([patch, "-p1", "-s", "-i", str(patches / line.split()[0])], cwd=source)
        _replace_reflect(work, source)
        _describe_api(work, partial)


def _packed(work: Path, pattern: str) -> Path:
    return next((work / "files").glob(f"kubernetes_{pattern}"))


def _replace_reflect(work: Path, source: Path) -> None:
    vendored = source / "vendor/github.com/modern-go/reflect2"
    for file in (*vendored.glob("*.go"), *vendored.glob("*.s")):
        file.unlink()
    packaged = work / "tools/usr/share/gocode/src/github.com/modern-go/reflect2"
    for file in (*packaged.glob("*.go"), *packaged.glob("*.s")):
        if not file.name.endswith("_test.go"):
            shutil.copy(file, vendored)


def _describe_api(work: Path, gopath: Path) -> None:
    """Generate the API's OpenAPI description, the one generated file of Kubernetes that its release leaves out."""
    source = gopath / "src" / MODULE
    generator = gopath / "openapi-gen"
    _go(work, gopath, "build", "-o", str(generator), f"{MODULE}/vendor/k8s.io/kube-openapi/cmd/openapi-gen")
    report = gopath / "violations"
    run(
        [
            str(generator),
            "--logtostderr",
            f"--input-dirs={','.join(sorted(set(described(source))))}",
            f"--output-package={MODULE}/pkg/generated/openapi",
            "--output-file-base=zz_generated.openapi",
            "--go-header-file=hack/boilerplate/boilerplate.generatego.txt",
            f"--report-filename={report}",
        ],
        cwd=source,
        env=_environment(work, gopath),
    )
    expected = (source / "api/api-rules/violation_exceptions.list").read_text()
    assert report.read_text() == expected, (
        "the description of Kubernetes' API came out unlike its authors': report this"
    )


def described(source: Path) -> Iterator[str]:
    """Yield the packages of the source that ask to be in the OpenAPI description, some more than once."""
    staging = source / "staging/src/k8s.io"
    for room in (*(source / each for each in ("cmd", "pkg", "plugin")), *staging.iterdir()):
        if room.name in UNGENERATED:
            continue
        for file in room.rglob("*.go"):
            if re.search(rb"^// *\+k8s:openapi-gen=", file.read_bytes(), re.MULTILINE):
                folder = file.parent.relative_to(source)
                yield f"{MODULE}/{str(folder).replace('staging/src/', 'vendor/')}"


def _compile(work: Path, name: str) -> None:
    major, minor, patch = _version(work)
    values = {
        "gitVersion": f"v{major}.{minor}.{patch}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "archive",
    }
    rooms = ("component-base/version", "client-go/pkg/version")
    flags = [f"-X {MODULE}/vendor/k8s.io/{room}.{key}={value}" for room in rooms for key, value in values.items()]
    program = work / name
    _go(work, work / "go", "build", f"-ldflags=-s -w {' '.join(flags)}", "-o", str(program), f"{MODULE}/cmd/{name}")
    programs().mkdir(exist_ok=True)
    file = programs() / "sources.json"
    sources = json.loads(file.read_text()) if file.exists() else {}
    origin = _packed(work, "*.dsc").stem.replace("_", " ")
    sources[name] = {"origin": f"Debian's source package {origin}", "sha256": sha256(program)}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(sources, indent=1))
    new.rename(file)
    program.rename(programs() / name)


def _version(work: Path) -> tuple[str, str, str]:
    return version(_packed(work, "*.orig.tar.gz").name)


def version(file: str) -> tuple[str, str, str]:
    """Return the version that a source's file name ends with: of '1.20.5+really1.20.2' it is 1.20.2."""
    numbers = re.search(r"(\d+)\.(\d+)\.(\d+)\.orig\.tar\.gz$", file)
    assert numbers, f"{file}: expected a version of three numbers"
    return numbers[1], numbers[2], numbers[3]


def _go(work: Path, gopath: Path, *arguments: str) -> None:
    go = work / "tools/usr/lib/go-1.19/bin/go"
    (work / "tmp").mkdir(exist_ok=True)
    run(["nice", "-n", "5", str(go), *arguments], cwd=gopath / "src" / MODULE, env=_environment(work, gopath))


def _environment(work: Path, gopath: Path) -> dict[str, str]:
    return {
        "PATH": f"{work / 'tools/usr/lib/go-1.19/bin'}:{os.defpath}",
        "HOME": str(work),
        "GOROOT": str(work / "tools/usr/lib/go-1.19"),
        "GOPATH": str(gopath),
        "GOCACHE": str(work / "compiled"),
        "GOTMPDIR": str(work / "tmp"),
        "GO111MODULE": "off",
        "GOPROXY": "off",
        "GOFLAGS": "-trimpath",
        "CGO_ENABLED": "0",
    }
