"""Compares the probe's answers with the labels: judge.py LABELS OUTPUT"""
import sys, os, collections
labels = {n: (l, t) for n, l, t in (x.rstrip("\n").split("\t") for x in open(sys.argv[1]))}
WANT = {"text": ("Success",), "partial": ("Partial",), "scanned": ("Skipped(Scanned)",), "encrypted": ("Skipped(Encrypted)",),
        "complex": ("Failed(TooComplex)",), "hidden": ("Success",)}
count, wrong, worst = collections.Counter(), 0, 0
for line in open(sys.argv[2]):
    f = line.rstrip("\n").split("\t")
    name = os.path.basename(f[0]); label, text = labels[name]
    verdict = "valid" if f[2].startswith("Ok") else "corrupt"
    count[label, verdict] += 1; worst = max(worst, int(f[1]), int(f[3]) if len(f) > 3 else 0)
    if label in ("valid", "corrupt") and label != verdict: wrong += 1; print("WRONG", name, label, f[2])
    if verdict == "valid" and text in WANT and f[4] not in WANT[text]: print("TEXT", name, text, f[4:])
    if verdict == "valid" and text == "hidden" and "characters: 0" in f[6]: print("HIDDEN", name, f[6])
print(dict(count), "wrong", wrong, "worst ms", worst, "files", sum(count.values()), "of", len(labels))
