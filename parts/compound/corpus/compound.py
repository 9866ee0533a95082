"""Workbooks of Excel 97 as another program writes them, for a look by hand.

    python corpus/compound.py FOLDER

Needs xlwt. The files are not kept.
"""

import datetime
import pathlib
import sys

import xlwt


def plain(folder):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Prices")
    date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    time = xlwt.easyxf(num_format_str="h:mm")
    for column, value in enumerate(["item", "ราคา", "見積", 12.5, 3, True, None]):
        sheet.write(0, column, value)
    sheet.write(1, 0, datetime.date(2024, 3, 1), date)
    sheet.write(1, 1, datetime.time(9, 30), time)
    sheet.write(1, 2, xlwt.Formula("D1*2"))
    sheet.write_rich_text(2, 0, ["rich ", ("text", xlwt.easyfont("bold on"))])
    sheet.row(3).hidden = True
    sheet.write(3, 0, "hidden row")
    sheet.col(8).hidden = True
    sheet.write(4, 8, "hidden column")
    sheet.write(65_535, 255, "far")
    book.add_sheet("Secret").write(0, 0, "hidden sheet")
    book.get_sheet(1).visibility = 1
    book.save(str(folder / "plain.xls"))


def long_strings(folder):
    """Strings that go on in further records, and letters of both widths."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Long")
    for row in range(300):
        sheet.write(row, 0, f"{row} " + "abcdefgh" * 20)
        sheet.write(row, 1, f"{row} " + "กขคง" * 300)
    book.save(str(folder / "long.xls"))


def many(folder):
    book = xlwt.Workbook()
    book.dates_1904 = 1
    for number in range(40):
        sheet = book.add_sheet(f"แผ่น {number}")
        for row in range(50):
            sheet.write(row, row % 5, row * 1.25 - number)
    book.save(str(folder / "many.xls"))


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for make in (plain, long_strings, many):
        make(out)
