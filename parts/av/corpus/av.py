#!/usr/bin/env python3
"""Makes the corpus of films and recordings, with a label for each file.

    av.py OUT            needs ffmpeg; some 250 files, below 30 MB
    av.py OUT --against COMMAND
                         judges them too: COMMAND FILE... prints, for each file,
                         its path, a tab, microseconds, a tab, a JSON judgement

`labels.tsv` has a line for each file: name, `valid` or `corrupt` or `foreign`,
the type it is, and its length in seconds by ffprobe where it is valid.
"""
import json, os, random, struct, subprocess, sys

OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)
LABELS = []
PICTURE = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration={s}"]
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate={rate}:duration={s}"]


def path(name):
    return os.path.join(OUT, name)


def run(args, **kw):
    return subprocess.run(args, check=True, capture_output=True, **kw).stdout


def seconds(name):
    told = json.loads(run(["ffprobe", "-v", "error", "-of", "json", "-show_format", path(name)]))
    duration = told["format"].get("duration")
    return None if duration in (None, "N/A") else float(duration)


def label(name, kind, media_type, duration=None):
    LABELS.append((name, kind, media_type, duration))


def made(name, media_type, inputs, codec, s=3, rate=44100, pipe=False, probe=True):
    args = ["ffmpeg", "-v", "error", "-y"]
    for part in inputs:
        args += [word.format(s=s, rate=rate) for word in part]
    if pipe:
        with open(path(name), "wb") as out:
            out.write(run(args + codec + ["pipe:1"]))
    else:
        run(args + codec + [path(name)])
    label(name, "valid", media_type, seconds(name) if probe else None)
    return read(name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def write(name, data, kind, media_type, duration=None):
    with open(path(name), "wb") as file:
        file.write(data)
    label(name, kind, media_type, duration)


X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
FILM = [PICTURE, SOUND]
film = X264 + ["-c:a", "aac", "-b:a", "64k"]
AVC = {
    "plain.mp4": film,
    "faststart.mp4": film + ["-movflags", "+faststart"],
    "fragmented.mp4": film + ["-movflags", "+frag_keyframe+empty_moov"],
    "fragments.mp4": film + ["-movflags", "+frag_every_frame+empty_moov+default_base_moof"],
    "dash.mp4": film + ["-movflags", "+dash", "-frag_duration", "500000"],
    "silent.mp4": X264 + ["-an"],
    "mpeg4.mp4": ["-c:v", "mpeg4", "-c:a", "aac"],
    "hevc.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "aac"],
    "av1.mp4": ["-c:v", "libaom-av1", "-cpu-used", "8", "-t", "0.4", "-c:a", "libopus"],
    "mp3inside.mp4": X264 + ["-c:a", "libmp3lame"],
    "brand-iso8.mp4": film + ["-brand", "iso8"],
    "brand-M4V.m4v": film + ["-f", "mp4", "-brand", "M4V "],
    "phone.3gp": ["-c:v", "mpeg4", "-s", "352x288", "-c:a", "aac", "-ar", "16000"],
}
SOURCES = {}
for name, codec in AVC.items():
    SOURCES[name] = ("video/mp4", made(name, "video/mp4", FILM, codec))
for turn in (90, 180, 270):
    name = f"turned-{turn}.mp4"
    run(["ffmpeg", "-v", "error", "-y", "-i", path("plain.mp4"), "-c", "copy", "-metadata:s:v:0", f"rotate={turn}", path(name)])
    label(name, "valid", "video/mp4", seconds(name))

for name, codec in {
    "voice.m4a": ["-c:a", "aac"],
    "voice-front.m4a": ["-c:a", "aac", "-movflags", "+faststart"],
    "voice-isom.m4a": ["-c:a", "aac", "-f", "mp4", "-brand", "isom"],
    "voice-3gp4.m4a": ["-c:a", "aac", "-f", "mp4", "-brand", "3gp4"],
    "voice-fragments.m4a": ["-c:a", "aac", "-f", "mp4", "-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "300000"],
    "lossless.m4a": ["-c:a", "alac"],
}.items():
    SOURCES[name] = ("audio/mp4", made(name, "audio/mp4", [SOUND], codec))
run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=100x100:rate=1:duration=1", "-frames:v", "1", path("cover.jpg")])
run(["ffmpeg", "-v", "error", "-y", "-i", path("voice.m4a"), "-i", path("cover.jpg"), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", path("voice-cover.m4a")])
label("voice-cover.m4a", "valid", "audio/mp4", seconds("voice-cover.m4a"))
os.remove(path("cover.jpg"))

for name, codec in {
    "film.mov": film,
    "prores.mov": ["-c:v", "prores_ks", "-s", "64x48", "-c:a", "pcm_s16le"],
    "sound.mov": ["-vn", "-c:a", "pcm_s16le"],
}.items():
    SOURCES[name] = ("video/quicktime", made(name, "video/quicktime", FILM, codec, s=1 if "pror" in name else 3))

for rate in (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000):
    name = f"cbr-{rate}.mp3"
    SOURCES[name] = ("audio/mpeg", made(name, "audio/mpeg", [SOUND], ["-c:a", "libmp3lame", "-b:a", "32k"], rate=rate))
for name, codec in {
    "vbr.mp3": ["-c:a", "libmp3lame", "-q:a", "4"],
    "tagged.mp3": ["-c:a", "libmp3lame", "-metadata", "title=A", "-write_id3v1", "1"],
    "v23.mp3": ["-c:a", "libmp3lame", "-id3v2_version", "3", "-metadata", "title=A"],
    "stereo.mp3": ["-c:a", "libmp3lame", "-ac", "2", "-joint_stereo", "1"],
}.items():
    SOURCES[name] = ("audio/mpeg", made(name, "audio/mpeg", [SOUND], codec))
bare = made("bare.mp3", "audio/mpeg", [SOUND], ["-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"])
made("shine.mp3", "audio/mpeg", [SOUND], ["-c:a", "libshine", "-write_xing", "0"])
made("piped.mp3", "audio/mpeg", [SOUND], ["-c:a", "libmp3lame", "-f", "mp3"], pipe=True)
write("zeros-first.mp3", b"\0" * 3000 + bare, "valid", "audio/mpeg")
write("zeros-last.mp3", bare + b"\0" * 3000, "valid", "audio/mpeg")
write("id3-twice.mp3", b"ID3\4\0\x10\0\0\0\5aaaaa3DI\4\0\x10\0\0\0\5" + b"ID3\3\0\0\0\0\0\3abc" + bare, "valid", "audio/mpeg")
write("begins-within.mp3", bare[100:], "valid", "audio/mpeg")
write("twice.mp3", bare + b"ID3\3\0\0\0\0\0\3abc" + bare, "valid", "audio/mpeg")

for name, codec, rate in [
    ("voice.aac", ["-c:a", "aac"], 44100), ("voice16.aac", ["-c:a", "aac"], 16000), ("voice48.aac", ["-c:a", "aac", "-ac", "2"], 48000),
]:
    SOURCES[name] = ("audio/aac", made(name, "audio/aac", [SOUND], codec + ["-f", "adts"], rate=rate))
write("tagged.aac", b"ID3\4\0\0\0\0\0\3abc" + read("voice.aac"), "valid", "audio/aac")

for name, codec in {
    "pcm.wav": ["-c:a", "pcm_s16le"], "deep.wav": ["-c:a", "pcm_s24le"], "float.wav": ["-c:a", "pcm_f32le"],
    "adpcm.wav": ["-c:a", "adpcm_ms"], "long.wav": ["-c:a", "pcm_s16le", "-rf64", "always"], "ulaw.wav": ["-c:a", "pcm_mulaw", "-metadata", "title=A"],
}.items():
    SOURCES[name] = ("audio/wav", made(name, "audio/wav", [SOUND], codec))
made("piped.wav", "audio/wav", [SOUND], ["-c:a", "pcm_s16le", "-f", "wav"], pipe=True)

for name, media_type, codec in [
    ("voice.opus", "audio/opus", ["-c:a", "libopus"]), ("voice.ogg", "audio/opus", ["-c:a", "libopus", "-b:a", "16k"]),
    ("vorbis.ogg", "audio/ogg", ["-c:a", "libvorbis"]), ("flac.oga", "audio/ogg", ["-c:a", "flac"]),
    ("vorbis48.ogg", "audio/ogg", ["-c:a", "libvorbis", "-ac", "2", "-ar", "48000"]),
]:
    SOURCES[name] = (media_type, made(name, media_type, [SOUND], codec, rate=48000))

vp8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]
vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]
for name, inputs, codec in [
    ("vp8.webm", FILM, vp8 + ["-c:a", "libvorbis"]), ("vp9.webm", FILM, vp9 + ["-c:a", "libopus"]),
    ("sound.webm", [SOUND], ["-c:a", "libopus"]), ("cues-first.webm", FILM, vp8 + ["-c:a", "libopus", "-cues_to_front", "1"]),
]:
    SOURCES[name] = ("video/webm", made(name, "video/webm", inputs, codec, rate=48000))
made("live.webm", "video/webm", FILM, vp8 + ["-c:a", "libopus", "-f", "webm"], rate=48000, pipe=True)
made("live-sound.webm", "video/webm", [SOUND], ["-c:a", "libopus", "-f", "webm", "-live", "1"], rate=48000, pipe=True)
try:
    run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=1:duration=1", "-frames:v", "1", "-c:v", "libaom-av1", "-still-picture", "1", path("still.avif")])
    label("still.avif", "valid", "image/heic")
    SOURCES["still.avif"] = ("image/heic", read("still.avif"))
except subprocess.CalledProcessError:
    pass

# Not taken, and known.
for name, codec in {"film.mkv": film, "film.avi": ["-c:v", "mpeg4", "-c:a", "libmp3lame"], "film.flv": ["-c:v", "flv1", "-c:a", "libmp3lame"],
                    "film.ts": film, "film.mpg": ["-c:v", "mpeg2video", "-c:a", "mp2"], "film.wmv": ["-c:v", "wmv2", "-c:a", "wmav2"]}.items():
    made(name, "", FILM, codec, probe=False)
    LABELS[-1] = (name, "foreign", "", None)
for name, codec in {"sound.flac": ["-c:a", "flac"], "sound.mp2": ["-c:a", "mp2"], "sound.aiff": [], "sound.mka": ["-c:a", "aac"], "sound.au": []}.items():
    made(name, "", [SOUND], codec, probe=False)
    LABELS[-1] = (name, "foreign", "", None)
try:
    made("theora.ogv", "", FILM, ["-c:v", "libtheora", "-c:a", "libvorbis"], probe=False)
    LABELS[-1] = ("theora.ogv", "foreign", "", None)
except subprocess.CalledProcessError:
    pass


def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        size = size or len(data) - at
        yield name, data[at:at + size]
        at += size


# Made of the plain film: what other writers do with the same boxes.
plain = list(boxes(read("faststart.mp4")))
mdat = next(box for name, box in plain if name == b"mdat")
back = list(boxes(read("plain.mp4")))
whole = b"".join(box for _, box in back)
length = seconds("plain.mp4")
write("open-mdat.mp4", b"".join(box if name != b"mdat" else b"\0\0\0\0" + box[4:] for name, box in plain), "valid", "video/mp4", length)
write("appended-zeros.mp4", whole + b"\0" * 5000, "valid", "video/mp4", length)
write("appended-junk.mp4", whole + b"\xff" * 100, "valid", "video/mp4", length)
write("appended-trailer.mp4", whole + b"<trailer>of a camera</trailer>", "valid", "video/mp4", length)
write("appended-free.mp4", whole + struct.pack(">I4s", 16, b"free") + b"x" * 8, "valid", "video/mp4", length)
# A long size of mdat in the place of `free` before it.
long_sized = b"".join(b"" if name == b"free" else box if name != b"mdat" else struct.pack(">I4sQ", 1, b"mdat", len(box) + 8) + box[8:] for name, box in back)
write("long-mdat.mp4", long_sized, "valid", "video/mp4", length)
write("open-mdat-cut.mp4", read("open-mdat.mp4")[:-5000], "corrupt", "video/mp4")
write("no-moov.mp4", b"".join(box for name, box in plain if name != b"moov"), "corrupt", "video/mp4")
write("no-mdat.mp4", b"".join(box for name, box in plain if name != b"mdat"), "corrupt", "video/mp4")
write("empty-moov.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + struct.pack(">I4s", 8, b"moov") + mdat, "corrupt", "video/mp4")
write("zeroed.mp4", whole[:40] + b"\0" * (len(whole) - 40), "corrupt", "video/mp4")
write("id3-only.mp3", b"ID3\3\0\0\0\0\0\0", "corrupt", "audio/mpeg")
write("id3-cut.mp3", b"ID3\3\0\0\0\0\x7f\x7f" + b"a" * 100, "corrupt", "audio/mpeg")
write("noise.mp3", b"ID3\3\0\0\0\0\0\0" + random.Random(1).randbytes(50_000), "corrupt", "audio/mpeg")
write("no-data.wav", read("pcm.wav")[:36], "corrupt", "audio/wav")
write("no-fmt.wav", b"RIFF\x0c\0\0\0WAVEdata\0\0\0\0", "corrupt", "audio/wav")

# Cuts: everything that says how long it is must be refused at any of them. A
# stream of frames says so only where its first frame does, and a film in
# fragments not between two of them.
for name, (media_type, data) in SOURCES.items():
    for share in (1, 25, 50, 75, 99):
        cut = data[:len(data) * share // 100]
        stem, end = name.rsplit(".", 1)
        write(f"{stem}-cut{share}.{end}", cut, "corrupt", media_type)

# Flips where the structure stands, in what is checked.
rng = random.Random(7)
for name in ("vorbis.ogg", "voice.opus", "flac.oga"):
    media_type, data = SOURCES[name]
    for n in range(5):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        stem, end = name.rsplit(".", 1)
        write(f"{stem}-flip{n}.{end}", bytes(flipped), "corrupt", media_type)
for n, (name, replaced) in enumerate([(b"moov", b"mo\0v"), (b"trak", b"tra\xff"), (b"stco", b"st\0o"), (b"mdia", b"mdi\1"), (b"mdat", b"md\0t")]):
    write(f"name-flip{n}.mp4", read("silent.mp4").replace(name, replaced), "corrupt", "video/mp4")

with open(path("labels.tsv"), "w") as file:
    for row in LABELS:
        file.write("\t".join("" if cell is None else str(cell) for cell in row) + "\n")
print(f"{len(LABELS)} files: " + ", ".join(f"{sum(1 for row in LABELS if row[1] == kind)} {kind}" for kind in ("valid", "corrupt", "foreign")))

if "--against" in sys.argv:
    command = sys.argv[sys.argv.index("--against") + 1]
    told = run([command] + [path(row[0]) for row in LABELS], text=True)
    judged = {}
    for line in told.splitlines():
        file, micros, judgement = line.split("\t", 2)
        judged[os.path.basename(file)] = (int(micros), json.loads(judgement))
    names = {"Mp4": "video/mp4", "M4a": "audio/mp4", "Mov": "video/quicktime", "Mp3": "audio/mpeg", "Aac": "audio/aac", "Wav": "audio/wav",
             "Ogg": "audio/ogg", "Opus": "audio/opus", "Webm": "video/webm", "Heic": "image/heic"}
    wrong, compared, worst = 0, 0, 0.0
    for name, kind, media_type, duration in LABELS:
        micros, judgement = judged[name]
        found = judgement.get("Found")
        if kind != "valid":
            if found:
                wrong += 1
                print(f"WRONG {name}: {kind}, found {found}")
            continue
        if not found or names.get(found["media_type"]) != media_type:
            wrong += 1
            print(f"WRONG {name}: valid {media_type}, judged {judgement}")
            continue
        if duration is not None:
            ours = found["facts"]["Av"]["duration"]
            ours = ours["secs"] + ours["nanos"] / 1e9 if ours else float("nan")
            compared += 1
            off = abs(ours - duration)
            worst = max(worst, off)
            if not off <= 0.1:
                print(f"LENGTH {name}: ours {ours:.3f}, ffprobe {duration:.3f}")
    print(f"{wrong} wrong of {len(LABELS)}; {compared} lengths compared, worst {worst * 1000:.0f} ms off; slowest {max(micros for micros, _ in judged.values())} us")
