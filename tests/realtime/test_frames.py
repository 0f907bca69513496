"""Frames of both versions of the protocol."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.realtime.frames import Broadcast, FrameError, Version, decode, dumps, encode, encode_broadcast
from tests.realtime.client import binary_broadcast


@pytest.mark.parametrize("version", list(Version))
def test_what_is_encoded_as_text_can_be_read_back(version: Version) -> None:
    frame = decode(version, encode(version, "realtime:ä", "e", '{"a":1}', "7", "3"))
    assert (frame.topic, frame.event, frame.payload, frame.ref) == ("realtime:ä", "e", {"a": 1}, "7")


def test_a_binary_broadcast_of_a_client_is_read() -> None:
    frame = decode(Version.V2, binary_broadcast("realtime:x", "e", b'{"a":1}', is_json=True, ref="4", join_ref="2"))
    assert (frame.topic, frame.event, frame.ref, frame.join_ref) == ("realtime:x", "broadcast", "4", "2")
    assert frame.broadcast == Broadcast("e", '{"a":1}')


def test_bytes_reach_only_the_version_that_can_carry_them() -> None:
    message = Broadcast("e", b"\xff\0")
    assert encode_broadcast(Version.V1, "realtime:x", message) is None
    frame = encode_broadcast(Version.V2, "realtime:x", message)
    assert isinstance(frame, bytes)
    assert frame.endswith(b"\xff\0")


def test_names_too_long_for_a_binary_frame_travel_as_text() -> None:
    frame = encode_broadcast(Version.V2, "realtime:x", Broadcast("e" * 300, '{"a":1}'))
    assert isinstance(frame, str)
    assert json.loads(frame)[4]["event"] == "e" * 300


def test_half_a_surrogate_pair_can_be_sent_on() -> None:
    assert json.loads(dumps({"a": "\ud800"}).encode()) == {"a": "\ud800"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "not JSON"),
        ('{"topic":"a"}', "expected"),
        ("[1,2]", "expected"),
        ('["1","1",5,"e",{}]', "must be strings"),
        ('["1","1","t","e",[]]', "must be an object"),
        ('["1","1","t","e",{"a":NaN}]', "not JSON"),
        (b"", "empty"),
        (b"\3\1", "truncated"),
        (b"\1abc", "kind 1"),
        (binary_broadcast("realtime:x", "e", b"{", is_json=True), "unreadable"),
    ],
)
def test_a_frame_of_another_form_is_an_error_that_says_so(data: str | bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        decode(Version.V2, data)


@given(st.one_of(st.text(), st.binary()), st.sampled_from(list(Version)))
def test_no_frame_brings_the_reader_down(data: str | bytes, version: Version) -> None:
    try:
        decode(version, data)
    except FrameError:
        return
