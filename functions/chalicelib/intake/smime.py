"""The mail inside an opaque S/MIME signature (RFC 8551 §3.5.2): found, not verified.

Just enough BER (X.690) to walk to the content of a CMS SignedData (RFC 5652 §5.1), bounded in depth and number.
"""

from __future__ import annotations

from collections.abc import Iterator

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_SEQUENCE, _OID, _OCTETS, _OCTETS_IN_PIECES, _EXPLICIT_0 = 0x30, 0x06, 0x04, 0x24, 0xA0
_MAX_DEPTH = 30
_MAX_ELEMENTS = 50_000


class _MalformedError(Exception):
    pass


class _Ber:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._read = 0

    def element(self, at: int, end: int, depth: int = 0) -> tuple[int, int, int, int]:
        """Tag, start and stop of the content, and where the next element begins."""
        self._read += 1
        if at + 2 > end or depth > _MAX_DEPTH or self._read > _MAX_ELEMENTS:
            raise _MalformedError
        tag, first = self._data[at], self._data[at + 1]
        start = at + 2
        if first == 0x80:  # indefinite: up to the end-of-contents octets
            stop = start
            while self._data[stop : stop + 2] != b"\0\0":
                stop = self.element(stop, end, depth + 1)[3]
            return tag, start, stop, stop + 2
        if first > 0x80:
            size = first & 0x7F
            first = int.from_bytes(self._data[start : start + size], "big")
            start += size
        if start + first > end:
            raise _MalformedError
        return tag, start, start + first, start + first

    def children(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        while start < stop:
            tag, inner, end, start = self.element(start, stop)
            yield tag, inner, end

    def child(self, within: tuple[int, int], number: int, tag: int) -> tuple[int, int]:
        """Content of the `number`th child, which must have `tag`."""
        for index, (found, start, stop) in enumerate(self.children(*within)):
            if index == number:
                if found != tag:
                    break
                return start, stop
        raise _MalformedError


def signed_content(data: bytes) -> bytes | None:
    """The MIME entity that was signed, or None where `data` is no SignedData with content."""
    ber = _Ber(data)
    try:
        info = ber.child((0, len(data)), 0, _SEQUENCE)
        kind = ber.child(info, 0, _OID)
        if data[kind[0] : kind[1]] != _SIGNED_DATA:
            return None
        signed = ber.child(ber.child(info, 1, _EXPLICIT_0), 0, _SEQUENCE)
        content = ber.child(ber.child(signed, 2, _SEQUENCE), 1, _EXPLICIT_0)
        tag, start, stop, _ = ber.element(*content)
        if tag == _OCTETS:
            return data[start:stop]
        if tag == _OCTETS_IN_PIECES:
            return b"".join(data[inner:end] for _, inner, end in ber.children(start, stop))
    except _MalformedError:
        pass
    return None
