"""Writes pictures of known verdicts, the same ones each time it is run.

    images.py DIRECTORY [PROGRAM]

With a program it has the pictures judged too, by `PROGRAM FILE..`, which prints a
line a file that begins with its name, a tab, and OK or REFUSED; it tells each wrong
verdict, and ends with 1 where there is one. Beside the pictures it writes `manifest.tsv`: file, label, and how it was made.
Labels are

    valid        every decoder shows it; what stands behind its end is none of it
    corrupt      cut off, or changed where a decoder has to notice
    must-reject  sound or not, it claims more pixels than are taken

Each label but the last is confirmed by Pillow, which is none of the decoders that
the product uses: a valid one has to load with all its frames, a corrupt one has to
fail. What Pillow judges otherwise is left out, and counted at the end.
"""

import io
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib

from PIL import Image, ImageFile, PngImagePlugin

PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 98, 99)
SIZES = ((1, 1), (1, 57), (200, 1), (7, 9), (16, 16), (17, 33), (300, 200), (640, 480))
TYPES = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WEBP"}

warnings.simplefilter("ignore")
ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None


def picture(size, seed, mode="RGB"):
    """Gradients with noise in them, so that no format makes nothing of it."""
    width, height = size
    chance = random.Random(seed)
    noise = Image.frombytes("L", size, chance.randbytes(width * height))
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    rgb = Image.merge("RGB", (Image.blend(across, noise, 0.15), down, Image.blend(down, across, 0.5)))
    if mode in ("RGBA", "LA"):
        image = rgb.convert("RGBA" if mode == "RGBA" else "LA")
        image.putalpha(across)
        return image
    if mode == "I;16":
        return Image.frombytes("I;16", size, chance.randbytes(2 * width * height))
    return rgb.convert(mode)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, TYPES[kind], **options)
    return out.getvalue()


def judged(directory, program):
    """How many verdicts are wrong."""
    with open(os.path.join(directory, "manifest.tsv"), encoding="utf-8") as manifest:
        labels = dict(line.split("\t")[:2] for line in manifest)
    files = [os.path.join(directory, file) for file in labels]
    answers = subprocess.run([program, *files], stdout=subprocess.PIPE, text=True, check=True).stdout
    verdicts = {}
    for line in answers.splitlines():
        file, verdict, *rest = line.split("\t")
        verdicts[os.path.basename(file)] = (verdict, rest)
    wrong = 0
    for file, label in labels.items():
        verdict, rest = verdicts.get(file, ("NONE", []))
        if verdict != ("OK" if label == "valid" else "REFUSED"):
            wrong += 1
            print(f"wrong: {file} is {label}, judged {verdict} {rest}")
    for label in ("valid", "corrupt", "must-reject"):
        print(f"{label}: {sum(1 for of in labels.values() if of == label)}")
    print(f"wrong verdicts: {wrong} of {len(labels)}")
    return wrong


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_by_hand(width, height, depth, color, rows, interlaced=0, before=b"", pieces=1):
    """What Pillow does not write: 16 bits of colour, interlacing, data in pieces."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    data = zlib.compress(rows, 9)
    step = max(1, -(-len(data) // pieces))
    body = b"".join(chunk(b"IDAT", data[at:at + step]) for at in range(0, len(data), step))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + body + chunk(b"IEND", b"")


def adam7(width, height, pixel_bytes, pixel):
    """The seven passes of an interlaced picture."""
    rows = bytearray()
    for left, top, right, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        columns = range(left, width, right)
        if not columns:
            continue
        for y in range(top, height, down):
            rows.append(0)
            for x in columns:
                rows += pixel(x, y)[:pixel_bytes]
    return bytes(rows)


def chunks(png):
    at = 8
    while at < len(png):
        length = struct.unpack(">I", png[at:at + 4])[0]
        yield at, png[at + 4:at + 8], length
        at += 12 + length


def valid():
    """Name, type, bytes."""
    for number, size in enumerate(SIZES):
        image = picture(size, number)
        name = f"{size[0]}x{size[1]}"
        yield f"{name}", "png", encoded(image, "png")
        yield f"{name}", "jpg", encoded(image, "jpg", quality=85)
        yield f"{name}-progressive", "jpg", encoded(image, "jpg", quality=85, progressive=True)
        yield f"{name}", "gif", encoded(image, "gif")
        yield f"{name}", "webp", encoded(image, "webp", quality=80)
        yield f"{name}-lossless", "webp", encoded(image, "webp", lossless=True)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        name = "mode-" + mode.replace(";", "")
        yield name, "png", encoded(picture((90, 61), 20, mode), "png")
    palette = picture((90, 61), 21).quantize(16)
    yield "palette-of-16-see-through", "png", encoded(palette, "png", transparency=bytes(range(0, 256, 16)), bits=4)
    yield "colour-key", "png", encoded(picture((90, 61), 22), "png", transparency=(10, 20, 30))
    for mode in ("L", "CMYK"):
        for progressive in (False, True):
            name = f"mode-{mode}{'-progressive' if progressive else ''}"
            yield name, "jpg", encoded(picture((90, 61), 23, mode), "jpg", quality=85, progressive=progressive)
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            name = f"sampling-{subsampling}{'-progressive' if progressive else ''}"
            yield name, "jpg", encoded(picture((131, 77), 24), "jpg", quality=90, subsampling=subsampling, progressive=progressive)
    for blocks in (1, 5):
        yield f"restarts-{blocks}", "jpg", encoded(picture((131, 77), 25), "jpg", quality=90, restart_marker_blocks=blocks)
    yield "optimized", "jpg", encoded(picture((131, 77), 25), "jpg", quality=95, optimize=True)
    for mode in ("RGBA", "L"):
        yield f"mode-{mode}", "webp", encoded(picture((90, 61), 26, mode), "webp", quality=70)
        yield f"mode-{mode}-lossless", "webp", encoded(picture((90, 61), 26, mode), "webp", lossless=True)
    # Animations.
    steps = [picture((80, 60), 30 + number) for number in range(5)]
    for kind in ("gif", "webp", "png"):
        yield "animation", kind, encoded(steps[0], kind, save_all=True, append_images=steps[1:], duration=100)
        small = [step.crop((0, 0, 40, 30)) for step in steps]
        yield "animation-small", kind, encoded(small[0], kind, save_all=True, append_images=small[1:], duration=40, loop=0)
    yield "animation-default-image", "png", encoded(steps[0], "png", save_all=True, append_images=steps[1:], default_image=True)
    yield "animation-see-through", "gif", encoded(
        steps[0].convert("RGBA"), "gif", save_all=True, append_images=[picture((80, 60), 40, "RGBA")], disposal=2)
    yield "animation-see-through", "webp", encoded(
        picture((80, 60), 41, "RGBA"), "webp", save_all=True, append_images=[picture((80, 60), 42, "RGBA")], lossless=True)
    yield "interlaced", "gif", encoded(picture((80, 61), 43), "gif", interlace=1)
    # By hand.
    chance = random.Random(50)
    deep = b"".join(b"\0" + chance.randbytes(40 * 6) for _ in range(30))
    yield "rgb-of-16-bits", "png", png_by_hand(40, 30, 16, 2, deep)
    deep = b"".join(b"\0" + chance.randbytes(40 * 8) for _ in range(30))
    yield "rgba-of-16-bits-in-pieces", "png", png_by_hand(40, 30, 16, 6, deep, pieces=9)
    pixel = lambda x, y: bytes((x * 5 & 255, y * 7 & 255, 90, x * y & 255))
    for channels, color in ((1, 0), (3, 2), (4, 6)):
        yield f"interlaced-{channels}", "png", png_by_hand(45, 31, 8, color, adam7(45, 31, channels, pixel), interlaced=1)
    yield "interlaced-1x1", "png", png_by_hand(1, 1, 8, 2, adam7(1, 1, 3, pixel), interlaced=1)
    # Metadata.
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a place" * 30
    for kind in ("jpg", "png", "webp"):
        yield "exif", kind, encoded(picture((90, 61), 60), kind, exif=exif)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "words " * 50)
    texts.add_itxt("XML:com.adobe.xmp", "<x/>", zip=True)
    yield "texts", "png", encoded(picture((90, 61), 61), "png", pnginfo=texts)
    yield "comment", "jpg", encoded(picture((90, 61), 62), "jpg", comment="words")
    thumbnail = encoded(picture((40, 30), 63), "jpg")
    exif_with_picture = b"Exif\0\0" + exif.tobytes()[6:] + thumbnail
    whole = encoded(picture((90, 61), 64), "jpg")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif_with_picture) + 2) + exif_with_picture
    yield "picture-within-exif", "jpg", whole[:2] + segment + whole[2:]
    bad_text = bytearray(encoded(picture((90, 61), 61), "png", pnginfo=texts))
    at = bad_text.index(b"tEXt")
    bad_text[at + 20] ^= 1
    yield "text-with-a-wrong-checksum", "png", bytes(bad_text)
    # Something behind the end.
    for kind in TYPES:
        base = encoded(picture((90, 61), 70), kind)
        for length in (1, 1100, 100_000):
            yield f"{length}-zeros-behind", kind, base + bytes(length)
        yield "another-behind", kind, base + encoded(picture((20, 20), 71), kind)
    yield "film-behind", "jpg", encoded(picture((90, 61), 72), "jpg") + struct.pack(">I", 24) + b"ftypmp42" + bytes(5000)
    # Large, and allowed.
    yield "16384x3", "png", encoded(picture((16384, 3), 80), "png")
    yield "3x16384", "webp", encoded(picture((3, 16383), 80), "webp")
    yield "16384x3", "jpg", encoded(picture((16384, 3), 80), "jpg")
    yield "50-megapixels", "png", encoded(Image.new("L", (10_000, 5_000), 7), "png")
    yield "50-megapixels", "jpg", encoded(Image.new("L", (10_000, 5_000), 7), "jpg")


def corrupt(wholes):
    for name, kind, whole in wholes:
        if "behind" in name or len(whole) < 200 or len(whole) > 200_000:
            continue
        percents = PERCENTS if name in ("300x200", "300x200-progressive", "300x200-lossless", "animation", "interlaced-3") else (10, 60, 97)
        for percent in percents:
            yield f"{name}-cut-at-{percent}", kind, whole[:len(whole) * percent // 100]
        if kind != "jpg":
            # A JPEG may lack its end marker.
            yield f"{name}-last-byte-cut", kind, whole[:-1]
        if kind == "jpg":
            yield f"{name}-cut-and-zeros", kind, whole[:len(whole) * 6 // 10] + bytes(len(whole))
        if kind == "png":
            for at, label, length in chunks(whole):
                if not label[0] & 0x20 and length:
                    chance = random.Random(at)
                    flipped = bytearray(whole)
                    flipped[at + 8 + chance.randrange(length)] ^= 1 << chance.randrange(8)
                    yield f"{name}-{label.decode()}-at-{at}-flipped", kind, bytes(flipped)
    png, jpg = encoded(picture((90, 61), 90), "png"), encoded(picture((90, 61), 90), "jpg")
    gif, webp = encoded(picture((90, 61), 90), "gif"), encoded(picture((90, 61), 90), "webp")
    header = png[:33]
    yield "no-data", "png", header + chunk(b"IEND", b"")
    yield "no-header", "png", png[:8] + png[33:]
    yield "data-too-short", "png", png_by_hand(90, 61, 8, 2, bytes(271 * 60))
    yield "no-colours", "png", png_by_hand(9, 6, 8, 3, bytes(60))
    broken = zlib.compress(bytes(271 * 61))
    broken = broken[:len(broken) // 2] + b"\xff" * 8 + broken[len(broken) // 2:]
    yield "not-inflated", "png", header + chunk(b"IDAT", broken) + chunk(b"IEND", b"")
    yield "start-and-end", "jpg", b"\xff\xd8\xff\xd9"
    yield "no-frame-header", "jpg", jpg[:jpg.index(b"\xff\xc0")] + jpg[jpg.index(b"\xff\xc4"):]
    yield "no-scan", "jpg", jpg[:jpg.index(b"\xff\xda")] + b"\xff\xd9"
    yield "no-data", "jpg", jpg[:jpg.index(b"\xff\xda") + 14] + b"\xff\xd9"
    yield "no-tables", "jpg", jpg[:jpg.index(b"\xff\xc4")] + jpg[jpg.index(b"\xff\xda"):]
    yield "no-frame", "gif", gif[:13] + gif[13:13 + 3 * (2 << (gif[10] & 7))] + b";"
    yield "no-data", "webp", webp[:12]
    shorter = bytearray(webp[:len(webp) // 2 & ~1])
    shorter[4:8] = struct.pack("<I", len(shorter) - 8)
    shorter[16:20] = struct.pack("<I", len(shorter) - 20)
    yield "data-too-short", "webp", bytes(shorter)


def must_reject():
    for width, height in ((2**31 - 1, 2**31 - 1), (16_385, 1), (1, 16_385), (7_072, 7_072)):
        yield f"{width}x{height}", "png", png_by_hand(width, height, 8, 0, bytes(1000))
    base = encoded(picture((90, 61), 95), "jpg")
    at = base.index(b"\xff\xc0")
    for width, height in ((65_500, 65_500), (16_385, 8), (8, 16_385), (7_072, 7_072)):
        yield f"{width}x{height}", "jpg", base[:at + 5] + struct.pack(">HH", height, width) + base[at + 9:]
    base = encoded(picture((90, 61), 95), "gif")
    for width, height in ((65_535, 65_535), (16_385, 8), (7_072, 7_072)):
        yield f"{width}x{height}", "gif", base[:6] + struct.pack("<HH", width, height) + base[10:]
    base = encoded(picture((90, 61), 95, "RGBA"), "webp")
    for width, height in ((16_777_216, 256), (16_385, 8), (7_072, 7_072)):
        size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        yield f"{width}x{height}", "webp", base[:24] + size + base[30:]
    base = encoded(picture((90, 61), 95), "webp", )
    yield "16383x16383", "webp", base[:26] + struct.pack("<HH", 16_383, 16_383) + base[30:]


def loads(data):
    """Whether Pillow shows all of it."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format == "PNG":
                image.verify()
        with Image.open(io.BytesIO(data)) as image:
            for frame in range(getattr(image, "n_frames", 1)):
                image.seek(frame)
                image.load()
        return image.format != "GIF" or ends(data)
    except Exception:
        return False


def ends(gif):
    """Pillow shows a GIF without its end: walk its blocks up to that."""
    flags = gif[10]
    at = 13 + (3 * (2 << (flags & 7)) if flags & 0x80 else 0)
    while at < len(gif):
        if gif[at] == 0x3B:
            return True
        if gif[at] == 0x2C and at + 10 < len(gif):
            flags = gif[at + 9]
            at += 11 + (3 * (2 << (flags & 7)) if flags & 0x80 else 0)
        else:
            at += 2
        while at < len(gif) and gif[at]:
            at += 1 + gif[at]
        at += 1
    return False


def png_sound(data):
    """Pillow does not look behind the first frame's data: all chunks have to be there."""
    at = 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        end = at + 12 + length
        if end > len(data):
            return False
        kind = data[at + 4:at + 8]
        if not kind[0] & 0x20 and zlib.crc32(data[at + 4:end - 4]) != struct.unpack(">I", data[end - 4:end])[0]:
            return False
        if kind == b"IEND":
            return True
        at = end
    return False


def main(directory):
    os.makedirs(directory, exist_ok=True)
    written, left_out = 0, []
    wholes = list(valid())
    labelled = [("valid", whole) for whole in wholes]
    labelled += [("corrupt", broken) for broken in corrupt(wholes)]
    labelled += [("must-reject", large) for large in must_reject()]
    with open(os.path.join(directory, "manifest.tsv"), "w", encoding="utf-8") as manifest:
        for label, (name, kind, data) in labelled:
            shown = loads(data) and (kind != "png" or png_sound(data))
            # A checksum of a text that does not fit fails Pillow, and no browser.
            agrees = label == "must-reject" or shown == (label == "valid") or "wrong-checksum" in name
            if not agrees:
                left_out.append(f"{label} {name}.{kind}")
                continue
            file = f"{label}-{kind}-{name}.{kind}"
            with open(os.path.join(directory, file), "wb") as out:
                out.write(data)
            manifest.write(f"{file}\t{label}\t{name}\n")
            written += 1
    print(f"{written} files; left out, as Pillow judges otherwise: {len(left_out)}")
    for line in left_out:
        print(f"  {line}")


if __name__ == "__main__":
    main(sys.argv[1])
    if len(sys.argv) > 2:
        sys.exit(1 if judged(sys.argv[1], sys.argv[2]) else 0)
