"""Makes a corpus of office documents and texts with labels.

    pip install python-docx python-pptx openpyxl xlsxwriter xlwt
    python corpus/office.py corpus/out
    cargo run --release --example judge corpus/out
    python corpus/office.py --recall corpus/out

Every run makes the same bytes: names, contents and places of damage come from
a fixed seed, and the times within archives are set to 1980. A line of
manifest.tsv is: file, label (valid, corrupt, mustreject, unsupported), type,
note. What is valid is opened by python-docx, python-pptx, openpyxl or xlrd
before it is labelled, and what is damaged is labelled corrupt only when
zipfile or one of those refuses it.
"""
import datetime, io, os, random, re, struct, sys, zipfile, zlib
from collections import Counter

OUT = sys.argv[-1]
R = random.Random(13)
ROWS = []
NOW = datetime.datetime(2024, 3, 1, 9, 30)
EN = "Please find the quotation for R&D attached, 120 pieces by Friday <urgent> at 1,250.50 EUR".split()
TH = "สวัสดีครับ ขอใบเสนอราคา สินค้ารุ่นใหม่ จำนวน ๑๒๐ ชิ้น ภายในวันศุกร์ ขอบคุณครับ".split()
JA = "お世話になっております 見積書を添付いたします ご確認をお願いいたします 株式会社テスト 第3四半期".split()


def words(count):
    return [R.choice(R.choice([EN, TH, JA])) for _ in range(count)]


def line(count=8):
    return " ".join(words(count))


def keep(name, data, label, kind, note=""):
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(data)
    ROWS.append((name, label, kind, note))


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def packed(parts, method=zipfile.ZIP_DEFLATED, comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.comment = comment
        for name, content in parts:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            archive.writestr(info, content)
    return out.getvalue()


def settled(data):
    """The same archive with its times set."""
    stamp = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>|w:date=\")[^<\"]*")
    at = rb"\g<1>2024-03-01T09:30:00Z"
    return packed([(n, settled(c) if n.endswith(".xlsx") else stamp.sub(at, c)) for n, c in parts_of(data)])


def changed(data, part, change):
    return packed([(n, change(c) if n == part else c) for n, c in parts_of(data)])


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return settled(out.getvalue())


# --- documents ---------------------------------------------------------------

def a_docx(number):
    import docx
    from docx.shared import Inches
    d = docx.Document()
    d.add_heading(line(4), 1)
    for _ in range(R.randint(1, 12)):
        p = d.add_paragraph()
        for word in words(R.randint(1, 10)):
            for piece in (word[:2], word[2:]):  # split runs are one word
                p.add_run(piece).bold = R.random() < 0.3
            p.add_run(" ")
        if R.random() < 0.2:
            p.add_run("left\tright").add_break()
    if number % 3 == 0:
        t = d.add_table(R.randint(1, 6), R.randint(1, 5))
        for row in t.rows:
            for cell in row.cells:
                cell.text = line(2)
        if number % 2 == 0:
            t.cell(0, 0).add_paragraph(line(2))
            inner = t.cell(0, 0).add_table(1, 2)
            inner.cell(0, 0).text, inner.cell(0, 1).text = "inner", "table"
    if number % 4 == 0:
        d.sections[0].header.paragraphs[0].text = "Header " + line(2)
        d.sections[0].footer.paragraphs[0].text = "Footer " + line(2)
    if number % 5 == 0:
        d.add_picture(io.BytesIO(PIXEL), width=Inches(1))
    if number % 6 == 0:
        p = d.add_paragraph("commented words")
        d.add_comment(p.runs[0], text="a hidden remark", author="a")
    for style in ("List Bullet", "List Number"):
        d.add_paragraph(line(3), style=style)
    return saved(d)


def a_pptx(number):
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches
    p = pptx.Presentation()
    for slide_number in range(12 if number % 4 == 0 else R.randint(1, 4)):
        s = p.slides.add_slide(p.slide_layouts[1])
        s.shapes.title.text = f"Slide {slide_number + 1} " + line(3)
        s.placeholders[1].text = "\n".join(line(4) for _ in range(3))
        if R.random() < 0.4:
            t = s.shapes.add_table(2, 3, 0, 0, Inches(4), Inches(1)).table
            for row in t.rows:
                for cell in row.cells:
                    cell.text = line(1)
        if R.random() < 0.4:
            s.notes_slide.notes_text_frame.text = "Notes " + line(5)
        if R.random() < 0.4:
            group = s.shapes.add_group_shape()
            box = group.shapes.add_textbox(0, 0, Inches(1), Inches(1))
            box.text_frame.text = "grouped " + line(2)
        if R.random() < 0.2:
            data = CategoryChartData()
            data.categories = ["East", "West"]
            data.add_series("Sales", (19.2, 21.4))
            s.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 0, 0, Inches(3), Inches(3), data)
    if number % 5 == 0:
        p.slides[0]._element.set("show", "0")
    if number % 3 == 0:  # the list decides, not the names
        ids = p.slides._sldIdLst
        ids.append(ids[0])
    return saved(p)


def a_value(number):
    return R.choice([line(2), R.randint(-9, 10**6), round(R.random() * 1000, 4), True, False, None,
                     datetime.date(2024, R.randint(1, 12), R.randint(1, 28)), NOW, datetime.time(9, 30)])


def an_xlsx(number):
    import openpyxl
    b = openpyxl.Workbook()
    b.properties.created = b.properties.modified = NOW
    for index in range(R.randint(1, 4)):
        s = b.active if index == 0 else b.create_sheet(f"ยอดขาย {index}")
        for _ in range(R.randint(1, 40)):
            s.append([a_value(number) for _ in range(R.randint(1, 8))])
        if R.random() < 0.3:
            s.cell(R.randint(50, 9999), R.randint(1, 200)).value = "far away"
        if R.random() < 0.3:
            s["A60"] = "merged"
            s.merge_cells("A60:C62")
    if number % 3 == 0:
        b.create_sheet("hidden").append(["not seen"])
        b["hidden"].sheet_state = "hidden"
    if number % 4 == 0:
        from openpyxl.comments import Comment
        b.active["A1"].comment = Comment("a hidden remark", "a")
    if number % 5 == 0:
        b.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    return saved(b)


def another_xlsx(number):
    import xlsxwriter
    out = io.BytesIO()
    b = xlsxwriter.Workbook(out, {"constant_memory": number % 2 == 0})
    b.set_properties({"created": NOW})
    date, bold = b.add_format({"num_format": "d mmm yyyy"}), b.add_format({"bold": True})
    s = b.add_worksheet("見積")
    for row in range(R.randint(1, 30)):
        s.write(row, 0, line(2))
        s.write(row, 1, R.randint(0, 999))
        s.write_datetime(row, 2, NOW.replace(hour=0, minute=0), date)
        s.write_formula(row, 3, "=B1&\"x\"", None, "cached R&D")
        s.write_rich_string(row, 4, "in", bold, "voice", " whole")
        s.write_boolean(row, 5, True)
    if number % 2:
        s.insert_textbox(2, 8, "text in a box")
        chart = b.add_chart({"type": "column"})
        chart.add_series({"values": "='見積'!$B$1:$B$3", "name": "Umsatz"})
        chart.set_title({"name": "A chart"})
        s.insert_chart("K2", chart)
    b.close()
    return settled(out.getvalue())


def an_xls(number):
    import xlwt
    b = xlwt.Workbook(encoding="utf-8")
    date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for index in range(R.randint(1, 3)):
        s = b.add_sheet(f"ชีต {index}")
        for row in range(R.randint(1, 600)):
            s.write(row, 0, line(R.randint(1, 30)))
            s.write(row, 1, R.randint(-5, 10**6))
            s.write(row, 2, round(R.random() * 100, 3))
            s.write(row, 3, NOW, date)
            s.write(row, 4, R.random() < 0.5)
        if index:
            s.visibility = R.randint(0, 1)
    out = io.BytesIO()
    b.save(out)
    return out.getvalue()


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000"
    "00030101003ef1e2e50000000049454e44ae426082")

# --- what a second decoder says ----------------------------------------------

READERS = {}


def opened(kind, data):
    """The text by the reference reader; raises where it refuses the file."""
    if kind in ("docx", "pptx", "xlsx", "zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            bad = archive.testzip()
            assert bad is None, bad
    return READERS[kind](io.BytesIO(data)) if kind in READERS else ""


def read_docx(file):
    import docx
    from docx.table import Table
    out = []

    def block(holder):
        for item in holder.iter_inner_content():
            if isinstance(item, Table):
                for row in item.rows:
                    for cell in row.cells:
                        block(cell)
            else:
                out.append(item.text)
    d = docx.Document(file)
    block(d)
    for section in d.sections:
        for part in (section.header, section.footer):
            if not part.is_linked_to_previous:
                block(part)
    return "\n".join(out)


def read_pptx(file):
    import pptx
    out = []

    def shapes(holder):
        for shape in holder:
            if shape.shape_type == 6:
                shapes(shape.shapes)
            if shape.has_text_frame:
                out.append(shape.text_frame.text)
            if getattr(shape, "has_table", False) and shape.has_table:
                out.extend(cell.text for row in shape.table.rows for cell in row.cells)
    for slide in pptx.Presentation(file).slides:
        if slide._element.get("show") == "0":
            continue
        shapes(slide.shapes)
        if slide.has_notes_slide:
            out.append(slide.notes_slide.notes_text_frame.text)
    return "\n".join(out)


def said(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return str(value.date())
    return str(value)


def read_xlsx(file):
    import openpyxl
    b = openpyxl.load_workbook(file, data_only=True)
    return "\n".join(said(cell.value) for s in b.worksheets if s.sheet_state == "visible"
                     for cell in s._cells.values())


def read_xls(file):
    import xlrd
    b = xlrd.open_workbook(file_contents=file.read())
    out = []
    for s in b.sheets():
        if s.visibility:
            continue
        for row in range(s.nrows):
            for cell in s.row(row):
                if cell.ctype == 3:
                    out.append(said(xlrd.xldate_as_datetime(cell.value, b.datemode).replace(microsecond=0).date()))
                elif cell.ctype == 4:
                    out.append(said(bool(cell.value)))
                elif cell.ctype == 2 and cell.value == int(cell.value):
                    out.append(str(int(cell.value)))
                else:
                    out.append(str(cell.value))
    return "\n".join(out)


READERS = {"docx": read_docx, "pptx": read_pptx, "xlsx": read_xlsx, "xls": read_xls}

# --- the corpus --------------------------------------------------------------


def valid():
    made = {}
    for kind, make, count in (("docx", a_docx, 24), ("pptx", a_pptx, 16), ("xlsx", an_xlsx, 16),
                              ("xls", an_xls, 6)):
        for number in range(count):
            data = make(number)
            opened(kind, data)
            made.setdefault(kind, []).append(data)
            keep(f"valid_{kind}_{number:02}.{kind}", data, "valid", kind)
    for number in range(6):
        data = another_xlsx(number)
        opened("xlsx", data)
        keep(f"valid_xlsxwriter_{number}.xlsx", data, "valid", "xlsx")
    return made


def shapes(made):
    """Archives of unusual shape that readers open all the same."""
    for kind in ("docx", "pptx", "xlsx"):
        data = made[kind][1]
        parts = parts_of(data)
        shuffled = parts[:]
        R.shuffle(shuffled)
        keep(f"shape_shuffled.{kind}", packed(shuffled), "valid", kind)
        keep(f"shape_stored.{kind}", packed(parts, zipfile.ZIP_STORED), "valid", kind)
        keep(f"shape_comment.{kind}", packed(parts, comment=b"made by hand"), "valid", kind)
        keep(f"shape_trash_first.{kind}", packed([("[trash]/0000.dat", b"x" * 20_000)] + parts), "valid", kind)
        keep(f"shape_trailing.{kind}", data + b"\0" * 70_000, "valid", kind, "zeros behind the end")
        keep(f"mislabelled_{kind}.{ {'docx': 'xlsx', 'pptx': 'docx', 'xlsx': 'pptx'}[kind] }", data, "valid", kind)
        keep(f"shape_streamed.{kind}", streamed(parts), "valid", kind, "lengths behind the data")
    wide = changed(made["docx"][1], "word/document.xml", lambda c: c.decode().replace("UTF-8", "UTF-16").encode("utf-16"))
    keep("shape_utf16.docx", wide, "valid", "docx")
    far = changed(made["xlsx"][1], "xl/worksheets/sheet1.xml", lambda _: (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
        b"</sheetData></worksheet>"))
    keep("shape_two_cells.xlsx", far, "valid", "xlsx", "two cells a sheet apart")
    keep("zip_plain.zip", packed([("a.txt", b"a"), ("A.txt", b"b"), ("folder/", b"")]), "unsupported", "zip")
    keep("zip_folder_word.zip", packed([("word/list.txt", b"x")]), "unsupported", "zip")
    keep("zip_odt.odt", packed([("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<a/>")]),
         "unsupported", "zip")


def streamed(parts):
    """Packed into what cannot seek, so lengths follow the data."""
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return bytes(pipe.data)


def damaged(made):
    for kind, files in made.items():
        for number, data in enumerate(files[:4]):
            for share in (1, 5, 25, 50, 75, 90, 95, 99):
                cut = data[:max(1, len(data) * share // 100)]
                keep(f"cut_{kind}_{number}_{share:02}.{kind}", cut, "corrupt", kind)
            keep(f"cut_{kind}_{number}_last.{kind}", data[:-1], "corrupt", kind)
            if kind == "xls":
                continue  # nothing in it would tell
            kept = 0
            while kept < 8:
                flipped = bytearray(data)
                at = R.randrange(len(data))
                flipped[at] ^= 1 << R.randrange(8)
                try:
                    opened(kind, bytes(flipped))
                except Exception as fault:
                    keep(f"flip_{kind}_{number}_{at}.{kind}", bytes(flipped), "corrupt", kind, repr(fault)[:60])
                    kept += 1
        main = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}.get(kind)
        if main:
            half = changed(files[0], main, lambda c: c[:len(c) // 2])
            keep(f"half_main.{kind}", half, "corrupt", kind, "a main part that ends early")
            gone = packed([p for p in parts_of(files[0]) if p[0] != main])
            keep(f"no_main.{kind}", gone, "corrupt", kind)


def hostile(made):
    docx = made["docx"][0]
    extra = lambda name, content: packed(parts_of(docx) + [(name, content)])
    bad = lambda name, data, note: keep(name, data, "mustreject", "docx", note)
    bad("bomb_part.docx", extra("word/media/a.bin", b"\0" * (101 << 20)), "a part of 101 MiB")
    bad("bomb_all.docx", packed(parts_of(docx) + [(f"word/{n}.bin", b"\0" * (60 << 20)) for n in range(4)]), "240 MiB")
    bad("bomb_entries.docx", packed(parts_of(docx) + [(f"word/{n}.xml", b"<a/>") for n in range(2001)]), "entries")
    entities = b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'
    bad("bomb_entities.docx", changed(docx, "word/document.xml", lambda _: entities), "entities")
    for name in ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"):
        bomb = changed(another_xlsx(1), name, lambda _: entities)
        keep(f"bomb_entities_{name[3:9]}.xlsx", bomb, "mustreject", "xlsx", "entities")
    bad("bomb_entities_styles.docx", changed(docx, "word/styles.xml", lambda _: entities), "entities")
    bad("bomb_depth.docx", changed(docx, "word/document.xml", lambda _: b"<a>" * 300 + b"</a>" * 300), "depth")
    bad("path.docx", extra("../../etc/passwd", b"x"), "a name that leads out")
    bad("path_windows.docx", extra("word\\..\\..\\a", b"x"), "a name that leads out")
    bad("twice.docx", extra("WORD/document.xml", b"<a/>"), "a part twice")
    data = bytearray(docx)
    directory = docx.rindex(b"PK\1\2")
    data[directory + 8] |= 1
    bad("encrypted_entry.docx", bytes(data), "a flag")
    bad("overlap.docx", overlapping(), "entries over the same bytes")
    bad("prefix_gif.docx", b"GIF89a" + b"\0" * 100 + docx, "a polyglot")
    bad("prefix_pdf.docx", b"%PDF-1.7\n" + docx, "a polyglot")
    bad("prefix_zip.docx", packed([("a.txt", b"a")]) + docx, "two archives")
    bad("prefix_zip_pk.docx", docx + packed([("a.txt", b"a")]), "two archives")
    bad("local_name.docx", docx.replace(b"word/document.xml", b"word/documenu.xml", 1), "two names")
    for kind, main, wanted in (
            ("docx", "word/document.xml", "application/vnd.ms-word.document.macroEnabled.main+xml"),
            ("xlsx", "xl/workbook.xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
            ("pptx", "ppt/presentation.xml", "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml"),
            ("xlsx", "xl/workbook.xml", "application/vnd.ms-excel.sheet.binary.macroEnabled.main")):
        macro = changed(made[kind][0], "[Content_Types].xml", lambda c: re.sub(
            rb'(PartName="/' + main.encode() + rb'" ContentType=")[^"]*', rb"\g<1>" + wanted.encode(), c))
        keep(f"macro_{wanted.split('.')[-3] if 'main+' in wanted else 'binary'}_{kind}.{kind[:3]}m", macro, "mustreject", kind)
    bad("macro_smuggled.docx", extra("word/vbaProject.bin", b"x"), "macros in a plain document")


def overlapping():
    """Entries that all unpack the same kernel."""
    kernel = zlib.compress(b"\0" * 1_000_000, 9)[2:-4]
    crc = zlib.crc32(b"\0" * 1_000_000)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(kernel), 1_000_000, 1, 0) + b"a"
    central = b"".join(struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, len(kernel), 1_000_000,
                                   1, 0, 0, 0, 0, 0, 0) + b"a" for _ in range(100))
    body = local + kernel
    return body + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 100, 100, len(central), len(body), 0)


def texts():
    thai = "สวัสดีครับ ขอใบเสนอราคาสินค้ารุ่นใหม่ จำนวน 120 ชิ้น ขอบคุณครับ"
    japanese = "お世話になっております。見積書を添付いたします。ご確認をお願いいたします。"
    chinese, korean = "您好，请查收附件中的报价单，谢谢合作。", "안녕하세요, 첨부된 견적서를 확인해 주시기 바랍니다."
    french = "Référence demandée, à préciser : prix 1 250 €, délai été."
    for codec, language, text in (
            ("cp874", "th", thai), ("cp932", "ja", japanese), ("euc_jp", "ja", japanese), ("iso2022_jp", "ja", japanese),
            ("gbk", "zh", chinese), ("euc_kr", "ko", korean), ("cp1252", "fr", french), ("utf-8", "th", thai),
            ("utf-8-sig", "ja", japanese), ("utf-16", "th", thai), ("big5", "zh", "您好，請查收附件中的報價單，謝謝合作。")):
        word = re.split("[ 。，,]", text)[0]
        for size, name, content in (("long", "txt", (text + "\r\n") * 300), ("short", "txt", text),
                                    ("table", "csv", f"id,name,n\r\n1,{word},5\r\n2,{text[:6]},7\r\n")):
            keep(f"text_{codec}_{language}_{size}.{name}", content.encode(codec), "valid", name)
    keep("log.log", b"\x1b[32mINFO\x1b[0m started\x07 5\x08\x0b\x0c\n\x1a", "valid", "txt")
    keep("late_nul.txt", b"A fine line.\n" * 900 + b"\0and on", "corrupt", "txt")
    keep("page.html", "<!DOCTYPE html><meta charset=shift_jis><p>見積".encode("cp932"), "valid", "html")
    for number in range(20):
        keep(f"noise_{number:02}.txt", R.randbytes(100 + 50 * number), "corrupt", "txt")
    keep("elf.txt", b"\x7fELF\2\1\1" + b"\0" * 9 + b"a" * 100, "corrupt", "txt")


def tokens(text):
    return Counter(re.findall(r"\w+", text))


def recall():
    rows = [row.rstrip("\n").split("\t") for row in open(os.path.join(OUT, "manifest.tsv"), encoding="utf-8")]
    sums = {}
    for name, label, kind, _ in rows:
        if label != "valid" or kind not in READERS:
            continue
        with open(os.path.join(OUT, name), "rb") as file:
            try:
                want = tokens(opened(kind, file.read()))
            except Exception as fault:
                print(f"{name}: not compared, its reader says {fault}")
                continue
        with open(os.path.join(OUT, "text", name + ".txt"), encoding="utf-8") as file:
            got = tokens(file.read())
        found, total = sum((want & got).values()), sum(want.values())
        share = found / total if total else 1.0
        if share < 0.98:
            print(f"{name}: {share:.4f} missing {list((want - got).items())[:8]}")
        sums.setdefault(kind, []).append((found, total, share))
    for kind, shares in sums.items():
        good = sum(share >= 0.98 for _, _, share in shares)
        micro = sum(f for f, _, _ in shares) / sum(t for _, t, _ in shares)
        print(f"{kind}: {len(shares)} files, mean {sum(s for _, _, s in shares) / len(shares):.4f}, "
              f"micro {micro:.4f}, {good} at 0.98 or more")


if __name__ == "__main__":
    if "--recall" in sys.argv:
        recall()
        sys.exit()
    os.makedirs(OUT, exist_ok=True)
    made = valid()
    shapes(made)
    damaged(made)
    hostile(made)
    texts()
    with open(os.path.join(OUT, "manifest.tsv"), "w", encoding="utf-8") as file:
        file.writelines("\t".join(row) + "\n" for row in ROWS)
    print(len(ROWS), Counter(row[1] for row in ROWS))
