#!/usr/bin/env python3
"""Draws the pictures of share/models/pictures, for a first `cascadecl predict`: draw_pictures.py FOLDER

They show what CIFAR-10 has classes for, in plain shapes, and hold nothing of anybody's photos. Needs Pillow.
"""
import os
import random
import sys

from PIL import Image, ImageDraw, ImageFilter

SIZE = 256
METAL, SHADE, DARK, GLASS = (225, 228, 234), (168, 173, 182), (25, 25, 28), (55, 75, 95)


def gradient(top, bottom, height=SIZE):
    rows = Image.linear_gradient("L").resize((SIZE, height))
    return Image.composite(Image.new("RGB", rows.size, bottom), Image.new("RGB", rows.size, top), rows)


def finished(image, blur=1.0, noise=4):
    """As a camera would see it: not quite sharp, and with noise."""
    image = image.filter(ImageFilter.GaussianBlur(blur))
    pixels = image.load()
    for y in range(SIZE):
        for x in range(SIZE):
            shift = random.gauss(0, noise)
            pixels[x, y] = tuple(round(min(255, max(0, value + shift))) for value in pixels[x, y])
    return image


def airplane():
    image = gradient((80, 140, 215), (180, 212, 240))
    draw = ImageDraw.Draw(image)
    for x, y, r in [(50, 200, 30), (85, 205, 38), (130, 212, 28), (210, 60, 20), (232, 66, 24)]:
        draw.ellipse([x - 1.6 * r, y - 0.5 * r, x + 1.6 * r, y + 0.5 * r], fill=(238, 243, 248))
    image = image.filter(ImageFilter.GaussianBlur(8))
    draw = ImageDraw.Draw(image)
    draw.polygon([(24, 140), (60, 122), (190, 116), (232, 124), (238, 134), (226, 144), (70, 150)], fill=METAL)
    draw.polygon([(60, 150), (226, 144), (238, 134), (150, 140)], fill=SHADE)
    draw.polygon([(24, 140), (18, 92), (40, 92), (66, 124)], fill=(45, 75, 150))
    draw.polygon([(110, 138), (150, 136), (96, 200), (78, 200)], fill=SHADE)
    draw.polygon([(120, 120), (150, 118), (124, 80), (112, 80)], fill=METAL)
    draw.polygon([(30, 140), (56, 138), (30, 160), (18, 160)], fill=SHADE)
    for x in range(76, 205, 10):
        draw.rectangle([x, 126, x + 4, 130], fill=GLASS)
    draw.polygon([(214, 122), (228, 124), (232, 130), (216, 130)], fill=GLASS)
    draw.ellipse([104, 158, 134, 172], fill=SHADE)
    return finished(image)


def automobile():
    image = gradient((190, 205, 220), (225, 228, 230))
    draw = ImageDraw.Draw(image)
    for x in range(-10, 260, 24):
        top = 70 + random.randint(-14, 14)
        draw.ellipse([x, top, x + 50, 150], fill=(60 + random.randint(-20, 20), 95 + random.randint(-20, 20), 50))
    draw.rectangle([0, 140, SIZE, SIZE], fill=(120, 120, 122))
    draw.ellipse([24, 196, 236, 222], fill=(70, 70, 72))
    draw.polygon([(22, 190), (26, 150), (70, 138), (96, 100), (172, 98), (204, 136), (236, 148), (240, 190)],
                 fill=(190, 25, 30))
    draw.polygon([(82, 138), (102, 108), (130, 107), (130, 138)], fill=GLASS)
    draw.polygon([(138, 138), (138, 107), (168, 106), (190, 136)], fill=GLASS)
    draw.rectangle([22, 172, 240, 180], fill=(150, 18, 22))
    for x in (72, 194):
        draw.ellipse([x - 27, 165, x + 27, 219], fill=DARK)
        draw.ellipse([x - 14, 178, x + 14, 206], fill=SHADE)
    draw.ellipse([228, 150, 240, 164], fill=(250, 240, 180))
    draw.rectangle([22, 152, 30, 164], fill=(240, 110, 30))
    return finished(image)


def ship():
    image = gradient((120, 165, 215), (205, 220, 235))
    image.paste(gradient((40, 85, 125), (20, 50, 85), SIZE - 160), (0, 160))
    draw = ImageDraw.Draw(image)
    for _ in range(160):
        x, y, light = random.randint(-10, 250), random.randint(162, 254), random.randint(-15, 35)
        draw.line([(x, y), (x + random.randint(6, 30), y)], fill=(70 + light, 115 + light, 150 + light))
    draw.polygon([(20, 138), (236, 132), (216, 184), (48, 186)], fill=(150, 35, 35))
    draw.polygon([(20, 138), (236, 132), (231, 146), (25, 152)], fill=METAL)
    draw.rectangle([70, 100, 180, 138], fill=METAL)
    draw.rectangle([85, 72, 150, 100], fill=METAL)
    for x in range(76, 176, 14):
        draw.rectangle([x, 110, x + 7, 118], fill=GLASS)
    for x in range(90, 146, 12):
        draw.rectangle([x, 80, x + 6, 87], fill=GLASS)
    draw.rectangle([105, 38, 128, 72], fill=(215, 130, 40))
    draw.rectangle([105, 38, 128, 46], fill=DARK)
    draw.line([(190, 132), (190, 70)], fill=SHADE, width=3)
    draw.line([(52, 138), (52, 80)], fill=SHADE, width=3)
    return finished(image)


if __name__ == "__main__":
    for picture in (airplane, automobile, ship):
        random.seed(1)
        picture().save(os.path.join(sys.argv[1], picture.__name__ + ".jpg"), quality=85)
