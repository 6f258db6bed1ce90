import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from facexpr.errors import UserError
from facexpr.images import encode_png, read_image
from facexpr.pictures import STDIN, find_pictures, printable, read_picture

IMAGE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ROOT = "root reads what it may not"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that relative paths start from."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def found(*paths: str | Path) -> list[str]:
    """What is found, errors as "error: …"."""
    entries = find_pictures(paths)
    return [f"error: {e}" if isinstance(e, UserError) else e.as_posix() for e in entries]


def test_a_folder_is_searched_sorted_by_suffix_in_any_case(folder):
    touch("in/b.JPG", "in/a.png", "in/deep/er/c.Tiff", "in/notes.txt", "in/jpg", "in/z.gif")
    Path("in/folder.jpg").mkdir()
    assert found("in") == ["in/a.png", "in/b.JPG", "in/deep/er/c.Tiff", "in/z.gif"]


def test_hidden_files_and_folders_are_passed_over_unless_named(folder):
    touch("in/a.png", "in/._a.png", "in/.thumbnails/a.png")
    assert found("in") == ["in/a.png"]
    assert found("in/._a.png", "in/.thumbnails") == ["in/._a.png", "in/.thumbnails/a.png"]


def test_what_the_user_names_comes_in_that_order_whatever_its_suffix(folder):
    touch("z.heic", "in/a.png", "b.jpg")
    assert found("z.heic", "in", Path("b.jpg")) == ["z.heic", "in/a.png", "b.jpg"]


def test_a_file_named_in_many_ways_comes_once_under_the_first_name(folder):
    touch("in/a.png", "in/b.png")
    Path("link").symlink_to("in")
    names = ["./in/b.png", "in", "in/../in/a.png", "*/?.png", folder / "in", "link"]
    assert found(*names) == ["in/b.png", "in/a.png"]


def test_a_bad_path_never_stops_the_rest(folder):
    touch("a.png", "text/notes.txt")
    missing, empty, last = found("none.png", "text", "a.png")
    assert missing == "error: none.png: not found; expected a picture or a folder of pictures"
    assert empty.startswith("error: text: no picture in this folder; expected files such as .bmp, ")
    assert last == "a.png"
    assert found("a.png/", "a.png/b.png")[1].startswith("error: a.png/b.png: not found")
    assert find_pictures([]) == []


def test_a_link_that_leads_nowhere_or_round_in_circles_is_an_error(folder):
    Path("gone.png").symlink_to("nowhere.png")
    Path("self.png").symlink_to("self.png")
    gone, own = found("gone.png", "self.png")
    assert gone.startswith("error: gone.png: not found")
    assert own.startswith("error: self.png: cannot be read: Too many levels of symbolic links")


def test_links_to_folders_are_not_followed_but_to_files_are(folder):
    touch("in/sub/a.png", "b.png")
    for name in ("in/up", "in/sub/up", "in/sub/on"):
        Path(name).symlink_to("..")
    Path("in/link.png").symlink_to("../b.png")
    wanted = ["in/link.png", "in/sub/a.png"]
    assert found("in") == wanted
    assert sorted(found("in/**/*.png")) == wanted


def test_patterns_are_expanded_as_a_shell_would(folder):
    touch("b.jpg", "a.jpg", ".c.jpg", "in/x1.png", "in/deep/x2.png", "in/.h/x3.png", "in/x10.png")
    assert found("*.jpg") == ["a.jpg", "b.jpg"]
    assert found("**/x?.png") == ["in/deep/x2.png", "in/x1.png"]
    assert found(f"{folder}/i[m-o]/**/x2.png") == [f"{folder.as_posix()}/in/deep/x2.png"]
    assert found("i*") == found("in/**") == found("in/**/") == found("in")
    assert found("**/**/x2*") == ["in/deep/x2.png"]
    assert found("*/**") == found("in")


def test_a_pattern_that_fits_nothing_is_an_error(folder):
    touch("a.png")
    Path("empty").mkdir()
    nothing, no_folder, empty = found("*.jpg", "no/**/*.png", "em*")
    assert nothing == "error: *.jpg: nothing has this name or fits this pattern"
    assert no_folder == "error: no/**/*.png: nothing has this name or fits this pattern"
    assert empty.startswith("error: empty: no picture in this folder")


def test_a_file_that_is_named_like_a_pattern_is_that_file(folder):
    touch("a[1].png", "a1.png", "*.gif", "x.gif")
    assert found("a[1].png") == ["a[1].png"]
    assert found("*.gif") == ["*.gif"]
    touch("in[2]/b.png")
    assert found("in[[]2]/**/*.png") == ["in[2]/b.png"]
    Path("?.png").symlink_to("nowhere")
    assert found("?.png")[0].startswith("error: ?.png: not found")


def test_standard_input_is_a_minus_and_comes_once(folder):
    touch("a.png", "-")
    assert find_pictures(["-", "a.png", Path("-")]) == [STDIN, Path("a.png")]
    for name in ("./-", "?"):
        assert find_pictures([name]) == [folder / "-"]


@pytest.mark.skipif(os.geteuid() == 0, reason=ROOT)
def test_what_may_not_be_read_is_named_beside_what_may(folder):
    touch("in/closed/a.png", "in/open/b.png")
    Path("in/closed").chmod(0)
    denied = "error: in/closed: cannot be read: Permission denied"
    try:
        assert found("in", "in/closed") == ["in/open/b.png", denied]
        assert found("in/closed/a.png")[0].endswith("a.png: cannot be read: Permission denied")
    finally:
        Path("in/closed").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_named_beside_what_can(folder, monkeypatch):
    touch("in/closed/a.png", "in/open/b.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    denied = "error: in/closed: cannot be read: Permission denied"
    assert found("in", "in/closed") == ["in/open/b.png", denied]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names other than UTF-8")
def test_names_of_any_bytes_are_found(folder):
    names = ["a\nb.png", os.fsdecode(b"\xff.png"), "ü é.png"]
    touch(*names)
    assert find_pictures(["."]) == find_pictures(["*.png"]) == sorted(map(Path, names))
    Path(os.fsdecode(b"\xfe")).mkdir()
    assert found(os.fsdecode(b"\xfe"))[0].startswith("error: \\udcfe: no picture")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("in/ü 漢 😀\u200d\u202f.png", "in/ü 漢 😀\u200d\u202f.png"),
        ("C:\\new\\x.png", "C:\\new\\x.png"),
        ("a\nb\r\tc\x1b[2J\x7f\x9b.png", "a\\nb\\r\\tc\\x1b[2J\\x7f\\x9b.png"),
        ("a\u2028b\x85.png", "a\\u2028b\\x85.png"),
        (os.fsdecode(b"\xff.png"), "\\udcff.png"),
    ],
)
def test_printable_paths_are_one_line_of_utf8(path, text):
    assert printable(path) == printable(Path(path)) == text
    assert len(text.encode().decode().splitlines()) == 1


def test_pictures_are_read_from_files_and_standard_input(folder, monkeypatch):
    Path("a.png").write_bytes(encode_png(IMAGE))
    np.testing.assert_array_equal(read_picture(Path("a.png")), read_image(Path("a.png")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(encode_png(IMAGE))))
    np.testing.assert_array_equal(read_picture(STDIN), IMAGE)


def test_standard_input_that_is_empty_closed_or_no_picture_is_an_error(monkeypatch):
    for stdin, message in [
        (io.TextIOWrapper(io.BytesIO()), "empty file, expected a picture"),
        (None, "empty file, expected a picture"),
        (io.TextIOWrapper(io.BytesIO(b"text")), r"not a readable picture \(broken or not an"),
    ]:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(UserError, match=f"^standard input: {message}"):
            read_picture(STDIN)
