"""Word recall of extracted text against pypdfium2.

    recall.py PATHS TEXTS

PATHS lists PDF files, one a line; TEXTS is the folder that the probe wrote. A
word is a run of letters and digits; Thai and Japanese, which are written without
spaces, count by their characters. Prints each file below 0.98 and the micro and
mean recall.
"""
import collections
import os
import re
import sys
import unicodedata

import pypdfium2

UNSPACED = r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]"


def words(text):
    text = unicodedata.normalize("NFKC", text.replace("\u00ad", "").replace("\ufffe", "").replace("\x02", ""))
    return collections.Counter(re.findall(UNSPACED + r"|[^\W_" + UNSPACED[1:-1] + "]+", text))


def main():
    found = total = 0
    each = []
    for line in open(sys.argv[1]):
        path = line.strip()
        ours = os.path.join(sys.argv[2], path.replace("/", "_") + ".txt")
        if not os.path.exists(ours):
            continue
        try:
            document = pypdfium2.PdfDocument(path)
            theirs = words("\n".join(page.get_textpage().get_text_range() for page in document))
        except pypdfium2.PdfiumError:
            continue
        if not theirs:
            continue
        got = words(open(ours, encoding="utf-8").read())
        common, all_of_it = sum((theirs & got).values()), sum(theirs.values())
        extra = sum((got - theirs).values())
        found, total = found + common, total + all_of_it
        each.append(common / all_of_it)
        if each[-1] < 0.98:
            missing = list((theirs - got).items())[:6]
            print(f"{each[-1]:.3f} {common}/{all_of_it} +{extra} {path} {missing}")
    print(f"{len(each)} files with text; micro {found / max(total, 1):.4f}; mean {sum(each) / max(len(each), 1):.4f}; "
          f"{sum(one >= 0.98 for one in each)} at 0.98 or more")


main()
