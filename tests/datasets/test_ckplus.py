import numpy as np
import pytest

from facexpr.datasets import ckplus
from facexpr.errors import UserError
from facexpr.images import encode_png

IMAGES, EMOTIONS = "cohn-kanade-images", "Emotion"
LAYOUT = (
    "expected CK+ (cohn-kanade-images/S005/001/S005_001_00000011.png and "
    "Emotion/S005/001/S005_001_00000011_emotion.txt) or CK+48 (<label>/S010_004_00000017.png)"
)
CODES = (
    "expected one of 0 neutral, 1 angry, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sad, 7 surprise"
)


def picture(value, height=49, width=64):
    """Grey, wider than high as CK+'s frames are, told from others by its value."""
    return np.full((height, width), value, np.uint8)


def add(source, name, image):
    path = source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(image))
    return path


def add_sequence(source, name, frames, code=None):
    """A sequence such as S005_001 with frames 1, 2, …, of values 1, 2, …, labelled if given."""
    person, number = name.split("_")
    for frame in range(1, frames + 1):
        add(source, f"{IMAGES}/{person}/{number}/{name}_{frame:08}.png", picture(frame))
    emotions = source / EMOTIONS / person / number
    emotions.mkdir(parents=True)
    if code is None:
        return None
    file = emotions / f"{name}_{frames:08}_emotion.txt"
    file.write_text(f"   {code}.0000000e+00\n")
    return file


def read(source, *frames):
    frames = frames or ("first", "middle", "last")
    return list(ckplus.read(source, ckplus_frames=frames, rafdb_images="aligned"))


def shown(samples):
    return [(s.row, s.split, s.label, s.subject, s.origin.rsplit("/", 1)[1]) for s in samples]


def error_of(source, *frames):
    with pytest.raises(UserError) as caught:
        read(source, *frames)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -------------------------------------------------------------------------------- sequences


def test_first_middle_and_last_frame_of_labelled_sequences(tmp_path):
    add_sequence(tmp_path, "S010_002", 6, code=7)
    add_sequence(tmp_path, "S005_001", 11, code=3)
    add_sequence(tmp_path, "S005_002", 4)
    samples = read(tmp_path)
    assert shown(samples) == [
        (0, "train", "neutral", "S005", "S005_001_00000001.png"),
        (1, "train", "disgust", "S005", "S005_001_00000006.png"),
        (2, "train", "disgust", "S005", "S005_001_00000011.png"),
        (3, "train", "neutral", "S010", "S010_002_00000001.png"),
        (4, "train", "surprise", "S010", "S010_002_00000004.png"),
        (5, "train", "surprise", "S010", "S010_002_00000006.png"),
    ]
    assert samples[1].origin == "cohn-kanade-images/S005/001/S005_001_00000006.png"
    np.testing.assert_array_equal(samples[1].image, picture(6))
    assert samples[1].image.dtype == np.uint8


def test_frames_that_read_takes_by_default(tmp_path):
    add_sequence(tmp_path, "S005_001", 9, code=1)
    assert shown(ckplus.read(tmp_path)) == shown(read(tmp_path, "first", "middle", "last"))


@pytest.mark.parametrize(
    ("frames", "choices", "expected"),
    [
        (5, ("last_three",), {3: "happy", 4: "happy", 5: "happy"}),
        (5, ("first", "last_three"), {1: "neutral", 3: "happy", 4: "happy", 5: "happy"}),
        (5, ("last", "first"), {1: "neutral", 5: "happy"}),
        (5, ("middle", "last_three", "last"), {3: "happy", 4: "happy", 5: "happy"}),
        (3, ("first", "last_three"), {1: "neutral", 2: "happy", 3: "happy"}),
        (2, ("first", "middle", "last"), {1: "neutral", 2: "happy"}),
        (2, ("last_three",), {1: "happy", 2: "happy"}),
        (1, ("first", "middle", "last", "last_three"), {1: "happy"}),
    ],
)
def test_a_frame_chosen_twice_comes_once(tmp_path, frames, choices, expected):
    add_sequence(tmp_path, "S005_001", frames, code=5)
    samples = read(tmp_path, *choices)
    assert {int(s.image[0, 0]): s.label for s in samples} == expected
    assert [int(s.image[0, 0]) for s in samples] == sorted(expected)


def test_frames_are_ordered_by_number_where_some_are_missing(tmp_path):
    add_sequence(tmp_path, "S005_001", 12, code=6)
    sequence = tmp_path / IMAGES / "S005/001"
    for frame in (1, 2, 5):
        (sequence / f"S005_001_{frame:08}.png").unlink()
    add(sequence, "S005_001_4.png", picture(99))  # a name without its zeros
    (sequence / "S005_001_00000004.png").unlink()
    assert [int(s.image[0, 0]) for s in read(tmp_path)] == [3, 8, 12]
    assert [int(s.image[0, 0]) for s in read(tmp_path, "first")] == [3]
    (sequence / "S005_001_00000003.png").unlink()
    assert [int(s.image[0, 0]) for s in read(tmp_path, "first")] == [99]


def test_codes_of_all_labels_and_the_texts_they_come_in(tmp_path):
    texts = ["0.0", "   1.0000000e+00\n", "2", "\t3.0\r\n", "4.0e0", "5", "6.", " 7 "]
    for number, text in enumerate(texts):
        add_sequence(tmp_path, f"S001_{number:03}", 2, code=0).write_text(text)
    assert [sample.label for sample in read(tmp_path, "last")] == list(ckplus.LABELS)


def test_colour_frames_stay_in_colour(tmp_path):
    add_sequence(tmp_path, "S005_001", 2, code=1)
    image = np.dstack([np.full((30, 50), value, np.uint8) for value in (200, 30, 90)])
    add(tmp_path, f"{IMAGES}/S005/001/S005_001_00000002.png", image)
    _, last = read(tmp_path)
    np.testing.assert_array_equal(last.image, image)


def test_other_files_are_passed_over(tmp_path):
    add_sequence(tmp_path, "S005_001", 3, code=4)
    for place in ("", IMAGES, f"{IMAGES}/S005", f"{IMAGES}/S005/001", f"{EMOTIONS}/S005/001"):
        for name in (".DS_Store", "Thumbs.db", "._S005_001_00000003.png", "._x_emotion.txt"):
            (tmp_path / place / name).write_bytes(b"x")
    (tmp_path / EMOTIONS / "S999").mkdir()
    (tmp_path / "Landmarks/S005").mkdir(parents=True)
    (tmp_path / "ReadMe.txt").write_text("x")
    assert len(read(tmp_path)) == 3


def test_a_frame_is_read_only_when_asked_for(tmp_path):
    add_sequence(tmp_path, "S005_001", 3, code=4)
    broken = tmp_path / IMAGES / "S005/001/S005_001_00000003.png"
    broken.write_bytes(b"no picture")
    samples = ckplus.read(tmp_path)
    assert next(samples).label == "neutral"
    with pytest.raises(UserError, match="not a readable picture") as caught:
        _ = [sample.image for sample in samples]
    assert str(caught.value).startswith(f"{broken}: ")


@pytest.mark.parametrize("text", ["", "  \n", "happy", "8", "-1", "2.5", "nan", "3.0 4.0"])
def test_an_emotion_that_is_none(tmp_path, text):
    file = add_sequence(tmp_path, "S005_001", 3, code=4)
    file.write_text(text)
    word = text.strip()
    quoted = word if word and " " not in word else repr(word)
    assert error_of(tmp_path) == f"{file}: emotion {quoted}, {CODES}"


def test_an_emotion_file_that_is_no_text(tmp_path):
    file = add_sequence(tmp_path, "S005_001", 3, code=4)
    file.write_bytes(b"\xff\xfe3")
    assert error_of(tmp_path).startswith(f"{file}: cannot be read: ")


@pytest.mark.parametrize(
    "name",
    ["emotion.txt", "S005_001_00000003.txt", "S005_001_emotion.txt", "S005_002_3_emotion.txt"],
)
def test_a_name_of_an_emotion_file_that_does_not_belong(tmp_path, name):
    file = add_sequence(tmp_path, "S005_001", 3, code=4)
    file = file.rename(file.with_name(name))
    expected = "expected a name such as S005_001_00000011_emotion.txt"
    assert error_of(tmp_path) == f"{file}: {expected}"


def test_two_emotion_files_of_a_sequence(tmp_path):
    file = add_sequence(tmp_path, "S005_001", 3, code=4)
    other = file.with_name("S005_001_00000002_emotion.txt")
    other.write_text("2")
    assert error_of(tmp_path) == (
        f"{file.parent}: holds {other.name} and {file.name}, expected one emotion file; "
        "keep one of them"
    )


def test_an_emotion_file_without_its_sequence(tmp_path):
    file = add_sequence(tmp_path, "S005_001", 1, code=4)
    sequence = tmp_path / IMAGES / "S005/001"
    (sequence / "S005_001_00000001.png").unlink()
    again = f"but {file} labels it; unpack cohn-kanade-images again"
    assert error_of(tmp_path) == f"{sequence}: no picture S005_001_00000001, {again}"
    sequence.rmdir()
    assert error_of(tmp_path) == f"{sequence}: not found, {again}"


def test_a_sequence_without_the_frame_that_is_labelled(tmp_path):
    file = add_sequence(tmp_path, "S005_001", 3, code=4)
    sequence = tmp_path / IMAGES / "S005/001"
    (sequence / "S005_001_00000003.png").unlink()
    assert error_of(tmp_path) == (
        f"{sequence}: no picture S005_001_00000003, but {file} labels it; "
        "unpack cohn-kanade-images again"
    )


@pytest.mark.parametrize("name", ["peak.png", "S006_001_00000003.png", "S005_001_0003b.png"])
def test_a_name_of_a_frame_that_does_not_belong(tmp_path, name):
    add_sequence(tmp_path, "S005_001", 3, code=4)
    path = add(tmp_path, f"{IMAGES}/S005/001/{name}", picture(1))
    assert error_of(tmp_path) == f"{path}: expected a name such as S005_001_00000011.png"


def test_no_labelled_sequence(tmp_path):
    add_sequence(tmp_path, "S005_001", 3)
    assert error_of(tmp_path) == f"{tmp_path}: no sequence with an emotion file; {LAYOUT}"


def test_unknown_choice_of_frames(tmp_path):
    assert error_of(tmp_path, "first", "peak") == (
        "data.ckplus_frames: unknown 'peak'; available: first, last, last_three, middle"
    )


# ------------------------------------------------------------------------------------ CK+48


def test_label_folders_in_the_order_of_the_codes(tmp_path):
    for name in ("sadness/S014_002_00000015", "surprise/S010_002_00000014", "happy/S055_005_1"):
        add(tmp_path, f"{name}.png", picture(1))
    for name in (
        "anger/S999_001_00000018",
        "anger/S010_004_00000017",
        "contempt/S138_008_00000007",
    ):
        add(tmp_path, f"{name}.png", picture(1))
    (tmp_path / "anger/.DS_Store").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    samples = read(tmp_path, "first")
    assert shown(samples) == [
        (0, "train", "angry", "S010", "S010_004_00000017.png"),
        (1, "train", "angry", "S999", "S999_001_00000018.png"),
        (2, "train", "contempt", "S138", "S138_008_00000007.png"),
        (3, "train", "happy", "S055", "S055_005_1.png"),
        (4, "train", "sad", "S014", "S014_002_00000015.png"),
        (5, "train", "surprise", "S010", "S010_002_00000014.png"),
    ]
    assert samples[0].origin == "anger/S010_004_00000017.png"
    np.testing.assert_array_equal(samples[0].image, picture(1))


def test_label_folders_in_other_spellings(tmp_path):
    for number, name in enumerate(("Anger", "angry", "SAD")):
        add(tmp_path, f"{name}/S010_004_0000001{number}.png", picture(1))
    assert [sample.label for sample in read(tmp_path)] == ["angry", "angry", "sad"]


def test_a_picture_of_ck48_is_read_only_when_asked_for(tmp_path):
    add(tmp_path, "anger/S010_004_00000017.png", picture(1))
    broken = add(tmp_path, "fear/S011_003_00000014.png", picture(1))
    broken.write_bytes(b"")
    samples = ckplus.read(tmp_path)
    assert next(samples).label == "angry"
    with pytest.raises(UserError) as caught:
        _ = [sample.image for sample in samples]
    assert str(caught.value) == f"{broken}: empty file, expected a picture"


def test_an_unknown_label_folder(tmp_path):
    add(tmp_path, "anger/S010_004_00000017.png", picture(1))
    add(tmp_path, "suprise/S010_002_00000014.png", picture(1))
    assert error_of(tmp_path) == (
        f"{tmp_path / 'suprise'}: rename this folder: unknown 'suprise'; available: anger, angry, "
        "contempt, disgust, fear, happy, neutral, sad, sadness, surprise; did you mean 'surprise'?"
    )


@pytest.mark.parametrize("name", ["face.png", "010_004_00000017.png", "S010_004_00000017_1.png"])
def test_a_picture_of_ck48_without_its_subject(tmp_path, name):
    path = add(tmp_path, f"anger/{name}", picture(1))
    assert error_of(tmp_path) == f"{path}: expected a name such as S010_004_00000017.png"


def test_empty_label_folders(tmp_path):
    (tmp_path / "anger").mkdir()
    assert error_of(tmp_path) == f"{tmp_path}: no picture in a folder of a label; {LAYOUT}"


# ------------------------------------------------------------------------------ which of both


def test_neither_layout(tmp_path):
    assert error_of(tmp_path) == f"{tmp_path}: neither CK+ nor CK+48; {LAYOUT}"
    add(tmp_path, "train/anger/S010_004_00000017.png", picture(1))
    assert error_of(tmp_path) == f"{tmp_path}: neither CK+ nor CK+48; {LAYOUT}"


def test_source_missing_or_a_file(tmp_path):
    path = tmp_path / "ckplus"
    assert error_of(path) == f"{path}: not found; {LAYOUT}"
    path.write_bytes(b"x")
    assert error_of(path) == f"{path}: not a folder; {LAYOUT}"


@pytest.mark.parametrize(("present", "absent"), [(IMAGES, EMOTIONS), (EMOTIONS, IMAGES)])
def test_half_of_the_sequence_layout(tmp_path, present, absent):
    (tmp_path / present).mkdir()
    needs = "CK+ needs cohn-kanade-images/ and Emotion/"
    assert error_of(tmp_path) == f"{tmp_path / absent}: not found; {needs}"
