"""What the browser gets: foreign code is what was locked, and templates hold neither script nor style of their own."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = json.loads((ROOT / "static/vendor/vendor.lock").read_text(encoding="utf-8"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OURS = [*TEMPLATES, *sorted((ROOT / "static/js").glob("*.js")), *sorted((ROOT / "static/css").glob("*.css"))]
NOT_MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
INLINE = re.compile(
    r"""<style\b|<script\b(?![^>]*\bsrc=)|\s(?:style|on[a-z]+|hx-on[:\w-]*)\s*=|["']javascript:""", re.IGNORECASE
)
FROM_ELSEWHERE = re.compile(r"""//cdn|(?:src|href|import|from|url)\s*[=(]?\s*["']?(?:https?:)?//""")
NEEDS_EVAL = re.compile(r"""["']js:|["']javascript:|hx-vars|hx-trigger=["'][^"']*\[""")
ICON = re.compile(r"""(?:icon\(|icon_name=)\s*["']([\w-]+)["']""")
MOST_CSS = 40_000
MOST_LINES = 120


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def markup_of(path: Path) -> str:
    return NOT_MARKUP.sub("", text_of(path))


@pytest.mark.parametrize("row", LOCK, ids=lambda row: row["file"])
def test_a_foreign_file_is_the_one_that_was_locked(row):
    assert hashlib.sha256((ROOT / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert row["integrity"].startswith("sha512-")
    assert row["version"] in row["file"] or row["file"] in ("static/icons.svg", "tests/vendor/axe.min.js")


def test_no_foreign_file_is_outside_the_lock():
    locked = {row["file"] for row in LOCK}
    papers = {"vendor.lock", "LICENCES.txt", "LICENCE.txt"}
    found = [path for folder in ("static/vendor", "tests/vendor") for path in (ROOT / folder).iterdir()]
    assert {name_of(path) for path in found if path.name not in papers} <= locked


def test_every_shipped_package_has_its_licence_text():
    shipped = text_of(ROOT / "static/vendor/LICENCES.txt")
    for row in LOCK:
        texts = text_of(ROOT / "tests/vendor/LICENCE.txt") if row["file"].startswith("tests/") else shipped
        assert f"{row['package']} {row['version']} ({row['licence']})" in texts


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_is_short_and_holds_no_script_and_no_style(path):
    assert len(text_of(path).splitlines()) <= MOST_LINES
    assert not INLINE.findall(markup_of(path))
    assert not NEEDS_EVAL.findall(markup_of(path))


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_nothing_is_loaded_from_elsewhere(path):
    assert not FROM_ELSEWHERE.findall(markup_of(path))


@pytest.mark.parametrize("path", sorted((ROOT / "static/js").glob("*.js")), ids=name_of)
def test_a_module_is_short_and_evaluates_nothing(path):
    assert len(text_of(path).splitlines()) <= MOST_LINES
    assert not re.search(r"\beval\(|new Function|insertAdjacentHTML|document\.write|\.style\b", text_of(path))


def test_the_style_sheets_stay_small():
    assert sum(path.stat().st_size for path in (ROOT / "static/css").glob("*.css")) <= MOST_CSS


def test_every_icon_that_is_used_is_in_the_sprite():
    there = set(re.findall(r'<symbol id="([\w-]+)"', text_of(ROOT / "static/icons.svg")))
    used = {(name_of(path), name) for path in TEMPLATES for name in ICON.findall(text_of(path))}
    pages = "\n".join(text_of(path) for path in (ROOT / "app/web").rglob("*.py"))
    used |= {("app/web", name) for name in re.findall(r'Item\("[^"]*", "[^"]*", "([\w-]+)"', pages)}
    states = text_of(ROOT / "templates/parts/marks.html").partition("set STATES")[2].partition("%}")[0]
    used |= {("states", name) for name in re.findall(r'\("[^"]+", "([\w-]+)"', states)}
    assert not {each for each in used if each[1] not in there}


def test_every_listed_icon_is_in_the_sprite():
    there = re.findall(r'<symbol id="([\w-]+)"', text_of(ROOT / "static/icons.svg"))
    assert there == text_of(ROOT / "scripts/icons.txt").split()
