"""Images are resized as imgproxy resizes them; broken and oversized ones are refused before they are unpacked."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import httpx
import pytest
from PIL import Image
from storage3 import SyncStorageClient

from infra.local.storage.images import SVG, Transformation
from tests.storage.conftest import Running


def picture(width: int = 200, height: int = 100, kind: str = "PNG", **options: object) -> bytes:
    """Red on the left half, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def stored(admin: SyncStorageClient) -> None:
    for bucket in ("public", "private"):
        admin.from_(bucket).upload("a.png", picture(), {"content-type": "image/png"})


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(BytesIO(answer.content))


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({}, (200, 100)),
        ({"width": 100}, (100, 50)),
        ({"height": 25}, (50, 25)),
        ({"width": 50, "height": 50}, (50, 50)),
        ({"width": 50, "height": 50, "resize": "contain"}, (50, 25)),
        ({"width": 50, "height": 50, "resize": "fill"}, (50, 50)),
        ({"width": 400}, (200, 100)),
        ({"width": 400, "height": 400}, (200, 100)),
        ({"width": 50, "height": 200}, (50, 100)),
        ({"width": 400, "height": 400, "resize": "fill"}, (100, 100)),
        ({"width": 99999}, (200, 100)),
        ({"width": 1, "height": 1}, (1, 1)),
    ],
)
@pytest.mark.usefixtures("stored")
def test_an_image_has_the_size_that_was_asked_for(
    storage: Running, asked: dict[str, str | int], size: tuple[int, int]
) -> None:
    answer = storage.request("GET", "/render/image/public/public/a.png", params=asked)
    assert opened(answer).size == size
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(("gravity", "color"), [("we", (255, 0, 0)), ("ea", (0, 0, 255))])
@pytest.mark.usefixtures("stored")
def test_what_is_cut_off_can_be_chosen(storage: Running, gravity: str, color: tuple[int, int, int]) -> None:
    asked: dict[str, str | int] = {"width": 50, "height": 100, "gravity": gravity}
    cut = opened(storage.request("GET", "/render/image/public/public/a.png", params=asked)).convert("RGB")
    assert {cut.getpixel((0, 0)), cut.getpixel((49, 99))} == {color}
    focus = asked | {"gravity": "fp", "x_offset": int(gravity == "ea"), "y_offset": "0.5"}
    cut = opened(storage.request("GET", "/render/image/public/public/a.png", params=focus)).convert("RGB")
    assert cut.getpixel((25, 50)) == color


@pytest.mark.usefixtures("stored")
def test_browsers_that_take_webp_get_it_unless_told_otherwise(storage: Running) -> None:
    path, accept = "/render/image/public/public/a.png", {"Accept": "image/avif,image/webp,*/*"}
    assert storage.request("GET", path, headers=accept).headers["content-type"] == "image/webp"
    origin = storage.request("GET", path, headers=accept, params={"format": "origin"})
    assert origin.headers["content-type"] == "image/png"
    avif = storage.request("GET", path, params={"format": "avif", "width": 20, "quality": 50})
    assert avif.headers["content-type"] == "image/avif"
    assert avif.headers["x-transformations"] == "width:20,resizing_type:fill,quality:50,format:avif"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_formats_stay_what_they_are(storage: Running, admin: SyncStorageClient, kind: str) -> None:
    admin.from_("public").upload("x", picture(kind=kind))
    made = opened(storage.request("GET", "/render/image/public/public/x", params={"width": 64}))
    assert (made.format, made.size) == (kind, (64, 32))


def test_a_vector_image_stays_as_it_is_and_runs_nothing(storage: Running, admin: SyncStorageClient) -> None:
    drawing = (
        b"<?xml version='1.0'?>\n<!-- x -->\n<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    )
    admin.from_("public").upload("x.png", drawing, {"content-type": "image/png"})
    answer = storage.request("GET", "/render/image/public/public/x.png", params={"width": 10})
    assert (answer.content, answer.headers["content-type"]) == (drawing, "image/svg+xml")
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    asked = {"format": "webp"}
    assert storage.request("GET", "/render/image/public/public/x.png", params=asked).status_code == 400


def test_no_text_takes_long_to_be_found_no_drawing() -> None:
    for text in (b"<!---->" * 140, b"<!-- " * 200, b" " * 1000, b"<?xml" + b" >" * 400, b"<!DOCTYPE>" * 100):
        assert SVG.match(text) is None
    assert SVG.match(b"<!-- a --><!DOCTYPE svg>\n<svg>")


def test_a_photograph_stands_upright(storage: Running, admin: SyncStorageClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90°
    admin.from_("public").upload("x.jpg", picture(1600, 800, "JPEG", exif=exif))
    made = opened(storage.request("GET", "/render/image/public/public/x.jpg", params={"height": 1500}))
    assert made.size == (750, 1500)
    assert 0x0112 not in made.getexif()


@pytest.mark.usefixtures("stored")
def test_policies_hold_for_images(storage: Running, ann: str, admin: SyncStorageClient) -> None:
    path = "/render/image/authenticated/private"
    assert storage.request("GET", f"{path}/a.png", storage.token(ann)).json()["code"] == "NoSuchKey"
    admin.from_("private").upload(f"{ann}/a.png", picture())
    assert opened(storage.request("GET", f"{path}/{ann}/a.png", storage.token(ann), params={"width": 10})).size == (
        10,
        5,
    )
    assert storage.request("GET", f"{path}/{ann}/a.png").json()["statusCode"] == "403"
    assert storage.request("GET", "/render/image/public/private/a.png").json()["code"] == "NoSuchBucket"


@pytest.mark.usefixtures("stored")
def test_a_signed_address_fixes_the_transformation(storage: Running, admin: SyncStorageClient) -> None:
    url = admin.from_("private").create_signed_url("a.png", 60, {"transform": {"width": 20, "format": "origin"}})
    address = str(url["signedURL"])
    assert "/render/image/sign/private/a.png?token=" in address
    assert opened(storage.session.get(address + "&width=100")).size == (20, 10)
    plain = address.replace("/render/image/", "/object/")
    assert storage.session.get(plain).content == picture()
    assert storage.session.get(address.replace("/a.png", "/b.png")).json()["code"] == "InvalidSignature"
    assert "must have required property 'token'" in storage.request("GET", "/render/image/sign/private/a.png").text


@pytest.mark.parametrize(
    "asked",
    [
        {"width": "x"}, {"width": "-1"}, {"width": "1.5"}, {"width": "1e999"}, {"width": "nan"}, {"resize": "bend"},
        {"format": "exe"}, {"quality": "10"}, {"quality": "101"}, {"gravity": "up"}, {"gravity": "fp", "x_offset": "2"},
        {"width": "9" * 40},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("stored")
def test_a_transformation_that_makes_no_sense_is_refused(storage: Running, asked: dict[str, str]) -> None:
    answer = storage.request("GET", "/render/image/public/public/a.png", params=asked)
    assert (answer.status_code, answer.json()["statusCode"]) == (400, "400")
    key = storage.settings.keys.service_role_key
    body = {"expiresIn": 60, "transform": asked}
    assert storage.request("POST", "/object/sign/public/a.png", key, json=body).status_code == 400


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", "The source image is invalid or unsupported for rendering"),
        (b"", "The source image is invalid or unsupported for rendering"),
        (picture()[:90], "The source image is invalid or unsupported for rendering"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "The source image is invalid or unsupported for rendering",
        ),
        (bomb(50_000, 50_000), "The source image resolution is too large to process"),
        (bomb(2**31 - 1, 2**31 - 1), "The source image resolution is too large to process"),
        (b"x" * (25 * 1024 * 1024 + 1), "The source image file is too large to process"),
    ],
)
def test_what_cannot_be_rendered_is_refused(
    storage: Running, admin: SyncStorageClient, content: bytes, message: str
) -> None:
    admin.from_("public").upload("x.png", content, {"content-type": "image/png"})
    answer = storage.request("GET", "/render/image/public/public/x.png", params={"width": 100})
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (400, "InvalidRequest", message)


def test_a_signed_transformation_is_read_as_it_was_written() -> None:
    asked = {"width": 10, "height": 20, "resize": "contain", "quality": 30, "gravity": "no", "x_offset": 0.5}
    wanted = Transformation.parse(asked, "body")
    again = Transformation.from_signed(",".join(wanted.steps(signed=True)))
    assert again.steps() == wanted.steps()
    assert wanted.steps() == ["height:20", "width:10", "resizing_type:fit", "quality:30", "gravity:no:0.5:0"]
