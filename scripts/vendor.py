"""Fetch the browser code the desk ships and write down where each file came from.

Run by a developer, never by the desk: `python scripts/vendor.py`. Needs npm (only `npm pack`).
Invariant: every file under static/vendor/, the icon sprite and the test-only axe-core has one row in
`vendor.lock` (package, version, path in its tarball, sha-512 of the tarball, sha-256 of the file, licence).
A tarball whose sha-512 differs from the locked one for the same version stops the run.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "static/vendor/vendor.lock"
LICENCES = ROOT / "static/vendor/LICENCES.txt"


@dataclass(frozen=True)
class Wanted:
    """One file to ship: `path` is its place in the tarball, `file` its place in the repository."""

    package: str
    version: str
    licence: str
    path: str
    file: str
    licence_file: str = "static/vendor/LICENCES.txt"


@dataclass(frozen=True)
class Locked:
    """One row of `vendor.lock`."""

    file: str
    package: str
    version: str
    path: str
    integrity: str
    sha256: str
    licence: str


WANTED = (
    Wanted("htmx.org", "2.0.11", "0BSD", "dist/htmx.min.js", "static/vendor/htmx-2.0.11.min.js"),
    Wanted("idiomorph", "0.8.0", "0BSD", "dist/idiomorph-ext.min.js", "static/vendor/idiomorph-ext-0.8.0.min.js"),
    Wanted(
        "lightweight-charts",
        "5.2.1",
        "Apache-2.0",
        "dist/lightweight-charts.standalone.production.mjs",
        "static/vendor/lightweight-charts-5.2.1.js",
    ),
    Wanted("lucide-static", "1.62.0", "ISC", "icons/*.svg", "static/icons.svg"),
    Wanted("axe-core", "4.14.1", "MPL-2.0", "axe.min.js", "tests/vendor/axe.min.js", "tests/vendor/LICENCE.txt"),
)

# One icon name a line, as lucide names them.
ICONS = ROOT / "scripts/icons.txt"


def main() -> int:
    """Fetch every wanted file, then write the files, the lock and the licence texts."""
    before = {(row.package, row.version): row.integrity for row in read_lock()}
    rows: list[Locked] = []
    notices: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for want in WANTED:
            tarball = pack(want, Path(scratch))
            integrity = sha512(tarball)
            if before.get((want.package, want.version), integrity) != integrity:
                sys.exit(f"{want.package} {want.version} is not the tarball that was locked")
            with tarfile.open(tarball) as tar:
                content = sprite(tar) if want.path == "icons/*.svg" else member(tar, want.path)
                notices.setdefault(want.licence_file, []).append(notice(want, tar))
            write(want.file, content)
            rows.append(locked(want, integrity, content))
    for file, texts in notices.items():
        write(file, "\n\n".join(texts).encode())
    LOCK.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


def read_lock() -> list[Locked]:
    """The rows of `vendor.lock`, none if it was never written."""
    return [Locked(**row) for row in json.loads(LOCK.read_text())] if LOCK.exists() else []


def pack(want: Wanted, scratch: Path) -> Path:
    """The tarball of one package, fetched by `npm pack` into `scratch`."""
    command = ["npm", "pack", f"{want.package}@{want.version}", "--json", "--pack-destination", str(scratch)]
    subprocess.run(command, check=True, capture_output=True)
    return scratch / f"{want.package}-{want.version}.tgz"


def member(tar: tarfile.TarFile, path: str) -> bytes:
    """One file of an npm tarball, whose contents all sit under `package/`."""
    file = tar.extractfile(f"package/{path}")
    if file is None:
        raise FileNotFoundError(path)
    return file.read()


def sprite(tar: tarfile.TarFile) -> bytes:
    """One SVG with a `<symbol>` per icon, to be drawn by `<use href="icons.svg#name">`."""
    symbols = [symbol(name, member(tar, f"icons/{name}.svg").decode()) for name in ICONS.read_text().split()]
    head = '<svg xmlns="http://www.w3.org/2000/svg">\n<!-- lucide, ISC licence: vendor/LICENCES.txt -->\n'
    return (head + "\n".join(symbols) + "\n</svg>\n").encode()


def symbol(name: str, svg: str) -> str:
    """The shapes of one icon; stroke and size are left to the style sheet."""
    shapes = re.findall(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*/>", svg)
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>'


def notice(want: Wanted, tar: tarfile.TarFile) -> str:
    """The full licence text of one package under a heading."""
    heading = f"{want.package} {want.version} ({want.licence})"
    return f"{heading}\n{'=' * len(heading)}\n\n{member(tar, 'LICENSE').decode().strip()}\n"


def locked(want: Wanted, integrity: str, content: bytes) -> Locked:
    """The lock row of a fetched file."""
    digest = hashlib.sha256(content).hexdigest()
    return Locked(want.file, want.package, want.version, want.path, integrity, digest, want.licence)


def sha512(tarball: Path) -> str:
    """The tarball's hash in the notation package locks use."""
    return "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()


def write(file: str, content: bytes) -> None:
    """Write one file of the repository, making its folder."""
    target = ROOT / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
