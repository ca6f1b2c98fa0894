"""Tables as files: CSV that no spreadsheet runs as formulas, and XLSX whose figures are figures.

A spreadsheet keeps fifteen digits of a number: an amount with more is written as text, so that none is lost.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from flask import Response, request
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from app.core.money import plain
from app.web import format as say
from app.web.current import services

Cell = Decimal | date | str | int | None
DIGITS = 15
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def kind_here() -> str:
    """By how the address ends."""
    return "csv" if request.path.endswith(".csv") else "xlsx"


def sheet(kind: str, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """`kind` is csv or xlsx; the file is named by what it is and the day."""
    make = _csv if kind == "csv" else _xlsx
    response = Response(make(head, rows), mimetype="text/csv" if kind == "csv" else XLSX)
    day = services().clock.now().astimezone(say.IST).date()
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.{kind}"'
    return response


def _csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([say.csv(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _xlsx(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    file = io.BytesIO()
    with Workbook(file, {"in_memory": True}) as book:
        page, bold = book.add_worksheet(), book.add_format({"bold": True})
        moments: dict[type[date], Format] = {date: book.add_format({"num_format": "yyyy-mm-dd"})}
        moments[datetime] = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        page.freeze_panes(1, 0)
        for column, title in enumerate(head):
            page.write_string(0, column, title, bold)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                _write(page, number, column, cell, moments)
        page.autofit()
    return file.getvalue()


def _write(page: Worksheet, row: int, column: int, cell: Cell, moments: dict[type[date], Format]) -> None:
    """Text is always text, whatever it begins with. Times are India's, since a spreadsheet knows no zones."""
    if cell is None or cell == "":
        return
    if isinstance(cell, datetime):
        page.write_datetime(row, column, cell.astimezone(say.IST).replace(tzinfo=None), moments[datetime])
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell, moments[date])
    elif isinstance(cell, Decimal) and len(cell.normalize().as_tuple().digits) > DIGITS:
        page.write_string(row, column, plain(cell))
    elif isinstance(cell, Decimal | int):
        page.write_number(row, column, float(cell))
    else:
        page.write_string(row, column, cell)
