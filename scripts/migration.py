"""Write the next migration: `python scripts/migration.py "Add the colour of a strategy"`.

It compares the tables as the code declares them with an empty database at the newest migration. Read what it wrote:
data to fill in, renames and triggers are beyond a comparison. `--again` writes the newest one anew, which is for the
time before anybody has it; `--first` throws all away and begins with one.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
VERSIONS = ROOT / "migrations" / "versions"
FIRST = "The spine"
TRIGGERS = """
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sentence", nargs="?", default="", help="what a reader gets, in the imperative")
    parser.add_argument("--again", action="store_true", help="write the newest migration anew")
    parser.add_argument("--first", action="store_true", help="throw all migrations away and begin anew")
    asked = parser.parse_args()
    if not (asked.sentence or asked.first or asked.again):
        parser.error("say in a sentence what changes")
    if asked.again:
        asked.sentence = take_back()
    if asked.first:
        for path in VERSIONS.glob("[0-9]*.py"):
            path.unlink()
    path = write(FIRST if asked.first else asked.sentence)
    if asked.first:
        add_triggers(path)
    subprocess.run([sys.executable, "-m", "ruff", "check", "--fix-only", "-q", str(path)], check=False)
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=False)
    print(path.relative_to(ROOT))
    return 0


def take_back() -> str:
    """Remove the newest migration; its sentence."""
    newest = max(VERSIONS.glob("[0-9]*.py"))
    sentence = newest.read_text("utf-8").splitlines()[0].strip('"')
    newest.unlink()
    return sentence


def write(sentence: str) -> Path:
    number = f"{1 + len(list(VERSIONS.glob('[0-9]*.py'))):04d}"
    slug = re.sub(r"\W+", "_", sentence.lower()).strip("_")[:50]
    with tempfile.TemporaryDirectory() as folder:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.set_main_option("path_separator", "os")
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        config.attributes["url"] = f"sqlite:///{folder}/empty.db"
        command.upgrade(config, "head")
        command.revision(config, sentence, autogenerate=True, rev_id=number, process_revision_directives=plainly)
    path = VERSIONS / f"{number}_{slug}.py"
    path.write_text(re.sub(r"^ *# ###.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    return path


def plainly(_context: MigrationContext, _revision: object, scripts: list[ops.MigrationScript]) -> None:
    """Indexes need no copying of the table, and go with it."""
    up, down = scripts[0].upgrade_ops, scripts[0].downgrade_ops
    if up is None or down is None:
        raise RuntimeError("nothing was compared")
    up.ops = [step for each in up.ops for step in _flat(each)]
    gone = {each.table_name for each in down.ops if isinstance(each, ops.DropTableOp)}
    down.ops = [
        step
        for each in down.ops
        for step in _flat(each)
        if not (isinstance(step, ops.DropIndexOp) and step.table_name in gone)
    ]


def _flat(each: ops.MigrateOperation) -> Sequence[ops.MigrateOperation]:
    if isinstance(each, ops.ModifyTableOps) and all(
        isinstance(step, ops.CreateIndexOp | ops.DropIndexOp) for step in each.ops
    ):
        return each.ops
    return [each]


def add_triggers(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before, after = text.split("\n\ndef downgrade", 1)
    text = before.rstrip() + "\n" + TRIGGERS + "\n\ndef downgrade" + after
    imports = "from app.audit.models import APPEND_ONLY\nfrom app.core.db"
    path.write_text(text.replace("from app.core.db", imports, 1), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
