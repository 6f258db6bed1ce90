import base64
from html.parser import HTMLParser

import numpy as np
import pytest

from facexpr.images import encode_png
from facexpr.report import (
    figures_table,
    folded,
    page,
    paragraph,
    picture,
    section,
    shown,
    table,
)


class Page(HTMLParser):
    """Collects tags, their addresses, and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], []
        self.open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(np.zeros((3, 5), np.uint8)))
    return path


def test_a_page_needs_nothing_but_itself(image):
    text = page("one & two", [paragraph("a < b", "headline"), picture(image, "dark")])
    found = Page(text)
    assert found.open == []
    assert {"html", "head", "body", "style", "h1", "img"} <= set(found.tags)
    assert not {"script", "link"} & set(found.tags)
    (address,) = found.addresses
    assert base64.b64decode(address.removeprefix("data:image/png;base64,")) == image.read_bytes()
    assert "a < b" in found.text
    assert "one & two" in found.text


def test_names_from_outside_stay_text():
    wicked = "<script>alert(1)</script>"
    parts = [
        paragraph(wicked),
        table(wicked, [wicked], [[wicked]]),
        figures_table(wicked, {wicked: {wicked: 1}}),
        folded(wicked, wicked),
        section(wicked, ["x"]),
    ]
    found = Page(page(wicked, parts))
    assert "script" not in found.tags
    assert found.open == []


def test_figures_side_by_side():
    found = Page(figures_table("parts", {"all": {"n": 3, "ece": 0.5}, "some": {"n": 1}}))
    assert found.text[0] == "parts"
    assert [word for word in found.text if word.strip()] == [
        *("parts", "all", "some", "n", "3", "1", "ece", "0.5000"),
    ]


def test_what_is_not_there_leaves_no_trace(tmp_path):
    assert picture(tmp_path / "none.png", "none") == ""
    assert section("empty", ["", ""]) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(28709, "28,709"), (0.123456, "0.1235"), ("x", "x"), (True, "True")]
)
def test_how_cells_show_values(value, text):
    assert shown(value) == text
