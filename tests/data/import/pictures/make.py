#!/usr/bin/env python3
"""Makes the pictures of this folder, and expected.txt: what Pillow shows of each, or that it is refused.

Needs Pillow and NumPy, which the tests do not. Each line of expected.txt holds the name of a file, its width and
height upright, the means of red, green and blue, and checksums (see `checksum`) of its RGB and of its gray values.
"""
import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

SIZE = 32
ramp = np.tile((np.arange(SIZE) * 8).astype(np.uint8), (SIZE, 1))  # column x holds 8x
rgb = np.stack([ramp, ramp.T, 255 - ramp], -1)
colours = np.zeros((SIZE, SIZE, 3), np.uint8)
for i, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 64, 200)]):
    colours[:, i * 8:i * 8 + 8] = colour
picture = Image.fromarray(rgb)
tall = Image.fromarray(rgb[:, :12])  # for orientations: another width than height


def save(name, content):
    with open(name, "wb") as file:
        file.write(content)


def encoded(image, kind, **settings):
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def chunk(kind, content, damage=0):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content) ^ damage)


def png(width, height, depth, colour, rows, extra=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def wide(values):  # the same in 16 bits
    return (values.astype(np.uint16) * 257).astype(">u2")


def exif(orientation):
    block = Image.Exif()
    block[0x112] = orientation
    return block


def make_png():
    save("gray8.png", encoded(Image.fromarray(ramp), "PNG"))
    save("gray16.png", png(SIZE, SIZE, 16, 0, [row.tobytes() for row in wide(ramp)]))
    save("gray4.png", png(SIZE, SIZE, 4, 0, [np.packbits(np.unpackbits(ramp[0:1] >> 4, axis=0).reshape(8, SIZE)[4:].T)
                                             .tobytes()] * SIZE))
    save("la16.png", png(SIZE, SIZE, 16, 4, [np.stack([row, row], -1).tobytes() for row in wide(ramp)]))
    save("rgb16.png", png(SIZE, SIZE, 16, 2, [row.tobytes() for row in wide(rgb)]))
    save("rgb16_srgb.png", png(SIZE, SIZE, 16, 2, [row.tobytes() for row in wide(rgb)], chunk(b"sRGB", b"\0")))
    # Upper and lower bytes that differ: the upper ones count.
    save("rgb16_low.png", png(SIZE, SIZE, 16, 2, [(row | 0xFF).astype(">u2").tobytes() for row in wide(rgb)]))
    good = encoded(picture, "PNG")
    save("rgb8.png", good)
    save("colours.png", encoded(Image.fromarray(colours), "PNG"))
    for gamma in (45455, 100000):
        save(f"gamma{gamma}.png", good[:33] + chunk(b"gAMA", struct.pack(">I", gamma)) + good[33:])
    half = np.full((SIZE, SIZE, 4), 255, np.uint8)
    half[:, :16, 3] = 128
    save("rgba_half.png", encoded(Image.fromarray(half, "RGBA"), "PNG"))
    half[:, :16] = [10, 200, 30, 0]
    save("rgba_none.png", encoded(Image.fromarray(half, "RGBA"), "PNG"))
    save("palette.png", encoded(picture.quantize(16), "PNG", transparency=bytes([0, 128] + [255] * 14)))
    save("gray_transparent.png", encoded(Image.fromarray(ramp), "PNG", transparency=40))
    save("bilevel.png", encoded(Image.fromarray(ramp > 100), "PNG"))
    save("la.png", encoded(Image.fromarray(np.stack([ramp, ramp], -1), "LA"), "PNG"))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [row.tobytes() for x, y, dx, dy in passes for row in ramp[y::dy, x::dx]]
    save("adam7.png", png(SIZE, SIZE, 8, 0, rows, interlaced=1))
    save("exif6.png", encoded(tall, "PNG", exif=exif(6)))
    frames = [Image.fromarray(np.full((SIZE, SIZE, 3), v, np.uint8)) for v in (10, 200)]
    save("animated.png", encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    save("one.png", encoded(Image.fromarray(rgb[:1, :1]), "PNG"))
    save("thin.png", encoded(Image.new("RGB", (1, 5000), (200, 10, 10)), "PNG"))
    save("wide.png", encoded(Image.new("RGB", (5000, 1), (10, 200, 10)), "PNG"))
    save("png_named.jpg", good)
    save("no_iend.png", good[:-12])
    save("half_iend.png", good[:-5])
    save("trailing.png", good + b"junk" * 10)
    save("bad_crc_text.png", good[:33] + chunk(b"tEXt", b"Comment\0hello", damage=1) + good[33:])
    save("bad_iccp.png", good[:33] + chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")) + good[33:])
    damaged = bytearray(good)
    damaged[-20] ^= 0xFF
    save("bad_crc_pixels.png", damaged)
    save("truncated.png", good[:-40])
    save("no_rows.png", png(SIZE, SIZE, 8, 2, [b""]))
    save("empty.png", b"")
    save("no_width.png", png(0, SIZE, 8, 2, [b""]))
    save("huge.png", png(60000, 60000, 8, 0, [b"\0"]))


def make_jpeg():
    good = encoded(picture, "JPEG", quality=95)
    save("base.jpg", good)
    save("gray.jpg", encoded(picture.convert("L"), "JPEG", quality=95))
    save("colours.jpg", encoded(Image.fromarray(colours), "JPEG", quality=100, subsampling=0))
    progressive = encoded(picture, "JPEG", quality=95, progressive=True)
    save("progressive.jpg", progressive)
    cmyk = encoded(picture.convert("CMYK"), "JPEG", quality=95)
    save("cmyk.jpg", cmyk)
    # The same inks said to be YCCK: transform 2 in Adobe's marker.
    adobe = cmyk.index(b"Adobe") + 11
    save("ycck.jpg", cmyk[:adobe] + b"\2" + cmyk[adobe + 1:])
    for orientation in range(1, 9):
        save(f"exif{orientation}.jpg", encoded(tall, "JPEG", quality=95, exif=exif(orientation)))
    save("exif9.jpg", encoded(tall, "JPEG", quality=95, exif=exif(9)))
    save("jpg_named.png", good)
    save("trailing.jpg", good + b"\0" * 100 + b"hello")
    save("two_pictures.jpg", good + encoded(Image.fromarray(colours), "JPEG"))
    save("extraneous_eoi.jpg", good[:-2] + b"\x12\x34\x56\x78" + good[-2:])
    tables = good.index(b"\xff\xdb")
    save("extraneous_dqt.jpg", good[:tables] + b"\0\0" + good[tables:])
    version = good.index(b"JFIF\0") + 5
    save("jfif2.jpg", good[:version] + b"\2" + good[version + 1:])
    save("no_eoi.jpg", good[:-2])
    save("truncated.jpg", good[:-40])
    save("progressive_truncated.jpg", progressive[:progressive.rindex(b"\xff\xda")])
    save("empty.jpg", b"")


def bitmap(bits, pixels, table=b"", compression=0, height=SIZE):
    """Rows of a BMP file, from the last to the first."""
    header = struct.pack("<IiiHHIIIIII", 40, SIZE, height, 1, bits, compression, 0, 0, 0, 0, 0)
    rows = b"".join(row.tobytes() + b"\0" * (-row.nbytes % 4) for row in pixels[::-1] if row.size)
    start = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + table + rows


def make_others():
    save("rgb.bmp", encoded(picture, "BMP"))
    save("gray.bmp", encoded(Image.fromarray(ramp), "BMP"))
    save("bilevel.bmp", encoded(Image.fromarray(ramp > 100), "BMP"))
    save("palette.bmp", encoded(picture.quantize(16), "BMP"))
    table = b"".join(bytes([i * 17, 255 - i * 17, i, 0]) for i in range(16))
    save("palette4.bmp", bitmap(4, (ramp[:, ::2] >> 4 << 4 | ramp[:, 1::2] >> 4).astype(np.uint8), table))
    five = (rgb >> 3).astype("<u2")
    save("rgb555.bmp", bitmap(16, five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]))
    six = five[..., 0] << 11 | (rgb[..., 1] >> 2).astype("<u2") << 5 | five[..., 2]
    save("rgb565.bmp", bitmap(16, six, struct.pack("<III", 0xF800, 0x7E0, 0x1F), compression=3))
    four = np.concatenate([rgb[..., ::-1], np.zeros((SIZE, SIZE, 1), np.uint8)], -1)
    save("rgb32.bmp", bitmap(32, four))
    save("from_top.bmp", bitmap(24, rgb[::-1, :, ::-1], height=-SIZE))
    save("truncated.bmp", encoded(picture, "BMP")[:-50])
    save("compressed.bmp", bitmap(8, ramp, table * 16, compression=1))
    save("bmp_named.jpg", encoded(picture, "BMP"))
    save("palette.gif", encoded(picture.quantize(32), "GIF"))
    save("interlaced.gif", encoded(picture.quantize(32), "GIF", interlace=1))
    frames = [Image.new("RGB", (SIZE, SIZE), c) for c in ((10, 20, 30), (200, 100, 0))]
    save("animated.gif", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    small = bytearray(encoded(Image.fromarray(colours[:, 4:12]).quantize(4), "GIF"))
    small[6:10] = struct.pack("<HH", 20, 40)  # a screen larger than the picture on it
    save("small_on_screen.gif", small)
    save("gif_named.png", encoded(picture.quantize(32), "GIF"))
    save("truncated.gif", encoded(picture.quantize(32), "GIF")[:-300])
    save("lossy.webp", encoded(picture, "WEBP"))
    save("lossless.webp", encoded(picture, "WEBP", lossless=True))
    alpha = Image.fromarray(np.dstack([rgb, 255 - ramp]), "RGBA")
    save("alpha.webp", encoded(alpha, "WEBP", lossless=True, exact=True))
    save("exif8.webp", encoded(tall, "WEBP", lossless=True, exif=exif(8)))
    save("animated.webp", encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    save("webp_named.jpg", encoded(picture, "WEBP"))
    save("truncated.webp", encoded(picture, "WEBP")[:-30])


def tiff(bits, kind, rows, samples=1, more=()):
    """A TIFF file, big-endian and not compressed."""
    pixels = b"".join(row.tobytes() for row in rows)
    entries = [(256, 4, SIZE), (257, 4, SIZE), (258, 3, bits << 16), (259, 3, 1 << 16), (262, 3, kind << 16),
               (273, 4, 8), (277, 3, samples << 16), (278, 4, SIZE), (279, 4, len(pixels)), *more]
    header = b"MM\0*" + struct.pack(">I", 8 + len(pixels))
    if samples > 1:  # the bits of each
        entries[2] = (258, 3, 8 + len(pixels) + 6 + 12 * len(entries))
    fields = b"".join(struct.pack(">HHII", tag, kind_, samples if tag == 258 else 1, value)
                      for tag, kind_, value in entries)
    return (header + pixels + struct.pack(">H", len(entries)) + fields + struct.pack(">I", 0) +
            struct.pack(">H", bits) * samples)


def make_tiff():
    save("rgb.tif", encoded(picture, "TIFF"))
    save("lzw.tif", encoded(picture, "TIFF", compression="tiff_lzw"))
    save("deflate.tif", encoded(picture, "TIFF", compression="tiff_adobe_deflate"))
    save("jpeg.tif", encoded(picture, "TIFF", compression="jpeg", quality=95))
    save("gray.tif", encoded(Image.fromarray(ramp), "TIFF"))
    save("gray16.tif", tiff(16, 1, wide(ramp)))
    save("white_is_0.tif", tiff(8, 0, 255 - ramp))
    save("rgb16.tif", tiff(16, 2, wide(rgb), samples=3))
    save("bilevel.tif", encoded(Image.fromarray(ramp > 100), "TIFF", compression="group4"))
    save("palette.tif", encoded(picture.quantize(16), "TIFF"))
    half = np.dstack([rgb, 255 - ramp // 2])
    save("alpha.tif", encoded(Image.fromarray(half, "RGBA"), "TIFF"))
    save("premultiplied.tif", tiff(8, 2, np.dstack([rgb // 2, np.full_like(ramp, 128)]), 4, [(338, 3, 1 << 16)]))
    save("turned.tif", encoded(tall, "TIFF", tiffinfo={274: 6}))
    save("two_pages.tif", encoded(picture, "TIFF", save_all=True, append_images=[Image.fromarray(colours)]))
    save("truncated.tif", encoded(picture, "TIFF")[:-50])
    save("cmyk.tif", encoded(picture.convert("CMYK"), "TIFF"))
    save("tiff_named.png", encoded(picture, "TIFF", compression="tiff_lzw"))


def checksum(values):
    """The sum of all bytes, each times its place, counted from 1, in 32 bits."""
    flat = np.asarray(values, np.uint64).ravel()
    return int((flat * np.arange(1, flat.size + 1, dtype=np.uint64)).sum() % (1 << 32))


# What Pillow 9 clips or turns twice, or refuses though all its pixels are there, shows what another file does.
SAME_AS = {"gray16.png": "gray8.png", "bad_crc_text.png": "rgb8.png", "no_eoi.jpg": "base.jpg",
           "gray16.tif": "gray8.png", "rgb16.tif": "rgb8.png", "turned.tif": "exif6.png", "two_pages.tif": "rgb8.png"}
# What Pillow reads, and this project does not.
NOT_READ = {"compressed.bmp", "cmyk.tif"}


def expected(name):
    if name in NOT_READ:
        return f"{name} refused"
    try:
        image = Image.open(SAME_AS.get(name, name))
        image.load()
    except Exception:
        return f"{name} refused"
    image = ImageOps.exif_transpose(image)
    colour, gray = np.asarray(image.convert("RGB")), np.asarray(image.convert("L"))
    means = " ".join(f"{mean:.3f}" for mean in colour.reshape(-1, 3).mean(0))
    return f"{name} {image.width} {image.height} {means} {checksum(colour)} {checksum(gray)}"


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    make_png()
    make_jpeg()
    make_others()
    make_tiff()
    Image.MAX_IMAGE_PIXELS = 100_000_000 // 2  # beyond twice as many it refuses
    names = sorted(name for name in os.listdir(".") if name not in ("make.py", "expected.txt"))
    with open("expected.txt", "w") as file:
        for name in names:
            print(expected(name), file=file)
