"""Random decimal texts and the bits of the nearest float32, by exact rational arithmetic.

Usage: nearest_float32.py SEED COUNT; prints "text bits" per line, bits "none" for what overflows.
"""
import random
import struct
import sys
from fractions import Fraction


def nearest(text):
    """Round half to even on the exact value; independent of every strtof."""
    negative, value = text.startswith("-"), abs(Fraction(text))
    sign = 1 << 31 if negative else 0
    if value == 0:
        return sign
    exponent = -126
    while value >= Fraction(2) ** (exponent + 1):
        exponent += 1
    units, rest = divmod(value / Fraction(2) ** (exponent - 23), 1)
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and units % 2):
        units += 1
    bits = units if exponent == -126 else ((exponent + 126) << 23) + units
    return None if bits >= 0x7F800000 else sign | bits


def texts(random, count):
    for _ in range(count):
        kind = random.randrange(6)
        if kind == 0:  # as sensors print
            yield f"{random.uniform(-9999, 9999):.{random.randrange(7)}f}"
        elif kind == 1:  # exactly between two floats, and one digit beside it
            word = random.randrange(1, 0x7F7FFFFF)
            low = Fraction(struct.unpack("<f", struct.pack("<I", word))[0])
            high = Fraction(struct.unpack("<f", struct.pack("<I", word + 1))[0])
            middle = (low + high) / 2
            if 1 <= middle < 10**30:
                text = f"{middle.numerator // middle.denominator}"
                if middle.denominator > 1:
                    digits = middle - middle.numerator // middle.denominator
                    text += "."
                    while digits and len(text) < 50:
                        digits *= 10
                        text += str(int(digits))
                        digits -= int(digits)
                yield text
                yield text + ("1" if "." in text else ".0000001")
        elif kind == 2:  # any magnitude, subnormal and overflow included
            yield f"{random.uniform(-10, 10):.{random.randrange(17)}f}e{random.randrange(-50, 45)}"
        elif kind == 3:  # many digits
            yield f"{random.randrange(10**random.randrange(1, 40))}"
        elif kind == 4:
            yield f"0.{'0' * random.randrange(20)}{random.randrange(10**random.randrange(1, 30))}"
        else:
            word = random.randrange(0x7F800000)
            yield repr(struct.unpack("<f", struct.pack("<I", word))[0])


random = random.Random(int(sys.argv[1]))
for text in texts(random, int(sys.argv[2])):
    if len(text) <= 64:
        bits = nearest(text)
        print(text, "none" if bits is None else bits)
