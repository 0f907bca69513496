"""QR codes (ISO/IEC 18004) in byte mode at error correction level M, as SVG: what authenticator apps scan."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby, pairwise

# Per version 1..40 at level M: error correction bytes in a block, and blocks (ISO/IEC 18004 table 9).
_ECC = (
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
    26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
)  # fmt: skip
_BLOCKS = (
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
    17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
)  # fmt: skip
_LEVEL_M = 0b00
_QUIET = 4  # modules of white around the code
_FINDER_LIKE = re.compile("(?=10111010000|00001011101)")

Grid = list[list[bool]]


def svg(text: str, scale: int = 3) -> str:
    """The code of `text` as an SVG picture of `scale` pixels a module. Raises ValueError above 2,331 bytes."""
    modules = encode(text.encode())
    size = len(modules) + 2 * _QUIET
    dark = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(modules)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size * scale}" height="{size * scale}" '
        f'viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path d="{dark}"/></svg>'
    )


def encode(data: bytes, mask: int | None = None) -> Grid:
    """Rows of modules, True for dark, in the smallest version that fits. `mask` forces one of the eight patterns."""
    version = _smallest_version(len(data))
    codewords = _with_error_correction(_data_codewords(data, version), version)
    modules, is_function = _function_patterns(version)
    _place(modules, is_function, codewords)
    candidates = [_masked(modules, is_function, one) for one in (range(8) if mask is None else [mask])]
    return min(candidates, key=_penalty)


def _smallest_version(length: int) -> int:
    for version in range(1, 41):
        if length <= _capacity(version) - (2 if version < 10 else 3):
            return version
    raise ValueError(f"{length} bytes do not fit into a QR code")


def _total_codewords(version: int) -> int:
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        aligned = version // 7 + 2
        modules -= (25 * aligned - 10) * aligned - 55
    return (modules - (36 if version >= 7 else 0)) // 8


def _capacity(version: int) -> int:
    return _total_codewords(version) - _ECC[version - 1] * _BLOCKS[version - 1]


def _data_codewords(data: bytes, version: int) -> bytes:
    """Mode and length, the data, the terminator, and padding up to the capacity."""
    capacity = _capacity(version)
    length_bits = 8 if version < 10 else 16
    bits = f"0100{len(data):0{length_bits}b}" + "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, capacity * 8 - len(bits))
    bits += "0" * (-len(bits) % 8)
    filled = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return filled + (b"\xec\x11" * capacity)[: capacity - len(filled)]


def _with_error_correction(data: bytes, version: int) -> bytes:
    """Split into blocks, the longer ones last, and interleave their data, then their error correction."""
    count, ecc_length = _BLOCKS[version - 1], _ECC[version - 1]
    short, longer = divmod(len(data), count)
    blocks, start = [], 0
    for index in range(count):
        end = start + short + (index >= count - longer)
        blocks.append(data[start:end])
        start = end
    generator = _generator(ecc_length)
    checks = [_remainder(block, generator) for block in blocks]
    mixed = [block[at] for at in range(short + 1) for block in blocks if at < len(block)]
    return bytes(mixed + [check[at] for at in range(ecc_length) for check in checks])


@lru_cache(maxsize=1 << 16)
def _times(x: int, y: int) -> int:
    """The product in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ ((product >> 7) * 0x11D)
        product ^= ((y >> bit) & 1) * x
    return product


def _generator(degree: int) -> list[int]:
    """The Reed-Solomon generator polynomial without its leading 1."""
    polynomial, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        for at in range(degree):
            polynomial[at] = _times(polynomial[at], root) ^ (polynomial[at + 1] if at + 1 < degree else 0)
        root = _times(root, 2)
    return polynomial


def _remainder(block: bytes, generator: list[int]) -> list[int]:
    rest = [0] * len(generator)
    for byte in block:
        factor = byte ^ rest.pop(0)
        rest.append(0)
        rest = [kept ^ _times(coefficient, factor) for kept, coefficient in zip(rest, generator, strict=True)]
    return rest


def _alignment_centres(version: int) -> list[int]:
    if version == 1:
        return []
    count, last = version // 7 + 2, version * 4 + 10
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *sorted(last - step * index for index in range(count - 1))]


def _function_patterns(version: int) -> tuple[Grid, Grid]:
    """The modules that do not depend on the data, and which those are; room for the format is reserved."""
    size = version * 4 + 17
    modules = [[False] * size for _ in range(size)]
    is_function = [[False] * size for _ in range(size)]

    def draw(x: int, y: int, dark: bool) -> None:
        if 0 <= x < size and 0 <= y < size:
            modules[y][x], is_function[y][x] = dark, True

    for at in range(size):
        draw(6, at, at % 2 == 0)
        draw(at, 6, at % 2 == 0)
    for centre_x, centre_y in ((3, 3), (size - 4, 3), (3, size - 4)):
        for dy in range(-4, 5):
            for dx in range(-4, 5):
                draw(centre_x + dx, centre_y + dy, max(abs(dx), abs(dy)) not in {2, 4})
    centres = _alignment_centres(version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for centre_x, centre_y in ((x, y) for x in centres for y in centres if (x, y) not in corners):
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                draw(centre_x + dx, centre_y + dy, max(abs(dx), abs(dy)) != 1)
    for x, y in _format_places(size, first=True) + _format_places(size, first=False):
        draw(x, y, False)
    draw(8, size - 8, True)
    if version >= 7:
        bits = version << 12 | _bch(version, 12, 0x1F25)
        for bit in range(18):
            across, along = size - 11 + bit % 3, bit // 3
            draw(across, along, bits >> bit & 1 == 1)
            draw(along, across, bits >> bit & 1 == 1)
    return modules, is_function


def _format_places(size: int, first: bool) -> list[tuple[int, int]]:
    """Where the 15 format bits go, lowest first: around the upper left finder, or split over the two others."""
    if not first:
        return [(size - 1 - bit, 8) for bit in range(8)] + [(8, size - 15 + bit) for bit in range(8, 15)]
    down = [(8, bit) for bit in range(6)] + [(8, 7), (8, 8), (7, 8)]
    return down + [(14 - bit, 8) for bit in range(9, 15)]


def _bch(value: int, degree: int, polynomial: int) -> int:
    """The remainder of `value` shifted by `degree`, which detects and corrects errors in it."""
    rest = value
    for _ in range(degree):
        rest = rest << 1 ^ (rest >> (degree - 1)) * polynomial
    return rest & (1 << degree) - 1


def _place(modules: Grid, is_function: Grid, codewords: bytes) -> None:
    """Write the bits in two-module columns from the lower right, upward and downward in turn."""
    size, position = len(modules), 0
    for right in [*range(size - 1, 6, -2), 5, 3, 1]:
        upward = (right + 1 & 2) == 0
        for step in range(size):
            y = size - 1 - step if upward else step
            for x in (right, right - 1):
                if not is_function[y][x] and position < len(codewords) * 8:
                    modules[y][x] = codewords[position >> 3] >> (7 - position & 7) & 1 == 1
                    position += 1


# Where each mask turns a module over: where this is 0.
_MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda x, y: (x + y) % 2,
    lambda _, y: y % 2,
    lambda x, _: x % 3,
    lambda x, y: (x + y) % 3,
    lambda x, y: (x // 3 + y // 2) % 2,
    lambda x, y: x * y % 2 + x * y % 3,
    lambda x, y: (x * y % 2 + x * y % 3) % 2,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2,
)


def _masked(modules: Grid, is_function: Grid, mask: int) -> Grid:
    turn = _MASKS[mask]
    result = [
        [dark != (not fixed and turn(x, y) == 0) for x, (dark, fixed) in enumerate(zip(row, fixes, strict=True))]
        for y, (row, fixes) in enumerate(zip(modules, is_function, strict=True))
    ]
    value = _LEVEL_M << 3 | mask
    bits = (value << 10 | _bch(value, 10, 0x537)) ^ 0x5412
    for first in (True, False):
        for bit, (x, y) in enumerate(_format_places(len(modules), first)):
            result[y][x] = bits >> bit & 1 == 1
    return result


def _penalty(modules: Grid) -> int:
    """How hard the pattern is to scan: runs, 2x2 blocks, look-alikes of finders, imbalance (clause 7.8.3)."""
    size = len(modules)
    lines = ["".join("01"[dark] for dark in row) for row in modules]
    lines += ["".join(column) for column in zip(*lines, strict=True)]
    runs = [len(list(run)) for line in lines for _, run in groupby(line)]
    score = sum(length - 2 for length in runs if length >= 5)
    score += 40 * sum(len(_FINDER_LIKE.findall(line)) for line in lines)
    for above, below in pairwise(lines[:size]):
        pairs = zip(above, above[1:], below, below[1:], strict=False)
        score += 3 * sum(len(set(square)) == 1 for square in pairs)
    dark = sum(line.count("1") for line in lines[:size])
    return score + 10 * (abs(dark * 20 - size * size * 10) // (size * size))
