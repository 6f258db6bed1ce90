import pickle

import cv2
import numpy as np
import pytest

from facexpr.datasets import affectnet
from facexpr.errors import UserError

LAYOUT = (
    "expected train_set/ and val_set/, or training.csv and validation.csv "
    "beside or above Manually_Annotated_Images/"
)
CODES = "expected 0 to 7, or 8 none, 9 uncertain, 10 no face"
HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,"
    "facial_landmarks,expression,valence,arousal"
)
TRAIN = {"1/a.jpg": 0, "1/b.png": 6, "2/c.JPG": 1}
VALIDATION = {"3/d.jpg": 7, "3/e.jpg": 2}


def add_picture(path, value=100, height=40, width=60):
    """An RGB picture, wider than high, one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), (30, 60, value), np.uint8))
    return path


def add(source, name, code, suffix=".jpg"):
    """A picture and its annotation, such as train_set and 12."""
    folder, number = name.split("/")
    annotations = source / folder / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    np.save(annotations / f"{number}_exp.npy", code)
    for other in ("val", "aro", "lnd"):
        np.save(annotations / f"{number}_{other}.npy", np.zeros(3))
    return add_picture(source / folder / "images" / f"{number}{suffix}", value=int(float(code)))


def row_of(name, code):
    return f"{name},5,6,50,51,10.5;20.5;30,{code},0.1,-0.2"


def add_table(source, name, rows, header=HEADER, images="Manually_Annotated_Images"):
    """A table, and the pictures that it names."""
    for picture in rows:
        add_picture(source / images / picture)
    path = source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header] * bool(header) + [row_of(*row) for row in rows.items()]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def build_tables(source, folder=".", **settings):
    train = add_table(source, f"{folder}/training.csv", TRAIN, **settings)
    return train, add_table(source, f"{folder}/validation.csv", VALIDATION, **settings)


def read(source):
    return list(affectnet.read(source, rafdb_images="aligned"))


def shown(samples):
    return [(s.row, s.split, s.label, s.origin) for s in samples]


def error_of(source):
    with pytest.raises(UserError) as caught:
        read(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------ form of 2021


def test_sets_by_number_and_the_validation_set_as_test(tmp_path):
    for number, code in (("10", "3"), ("9", "0"), ("2", "7"), ("extra", "1"), ("100", "5")):
        add(tmp_path, f"train_set/{number}", code)
    add(tmp_path, "val_set/0", "6")
    samples = read(tmp_path)
    assert shown(samples) == [
        (0, "train", "contempt", "train_set/images/2.jpg"),
        (1, "train", "neutral", "train_set/images/9.jpg"),
        (2, "train", "surprise", "train_set/images/10.jpg"),
        (3, "train", "disgust", "train_set/images/100.jpg"),
        (4, "train", "happy", "train_set/images/extra.jpg"),
        (5, "test", "angry", "val_set/images/0.jpg"),
    ]
    assert samples[0].image.shape == (40, 60, 3)
    assert samples[0].image.dtype == np.uint8
    assert {(sample.subject, sample.part) for sample in samples} == {("", "")}


def test_codes_of_all_labels_and_those_that_are_left_out(tmp_path):
    for code in range(11):
        add(tmp_path, f"train_set/{code}", str(code))
        add(tmp_path, f"val_set/{code}", str(10 - code))
    samples = read(tmp_path)
    assert [s.label for s in samples if s.split == "train"] == list(affectnet.LABELS)
    assert [s.label for s in samples if s.split == "test"] == list(affectnet.LABELS[::-1])
    assert [s.row for s in samples] == list(range(16))
    assert samples[8].origin == "val_set/images/3.jpg"


@pytest.mark.parametrize(
    "value",
    ["3", b"3", 3, 3.0, np.int64(3), np.array(["3"]), np.array([[3]]), np.float32(3), "3.0", " 3 "],
)
def test_kinds_of_annotations(tmp_path, value):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    np.save(tmp_path / "train_set/annotations/1_exp.npy", value)
    assert [sample.label for sample in read(tmp_path)] == ["surprise", "surprise"]


def test_pictures_of_other_kinds_and_files_that_are_none(tmp_path):
    add(tmp_path, "train_set/1", "3", suffix=".png")
    add(tmp_path, "val_set/1", "4", suffix=".JPG")
    for name in ("images/.DS_Store", "images/._1.jpg", "images/Thumbs.db", "annotations/readme"):
        (tmp_path / "val_set" / name).write_bytes(b"x")
    (tmp_path / "val_set/annotations/._1_exp.npy").write_bytes(b"x")
    origins = [sample.origin for sample in read(tmp_path)]
    assert origins == ["train_set/images/1.png", "val_set/images/1.JPG"]


def test_a_picture_and_its_annotation_are_read_only_when_asked_for(tmp_path):
    for number in ("1", "2", "3"):
        add(tmp_path, f"train_set/{number}", "3")
    add(tmp_path, "val_set/1", "3")
    broken = tmp_path / "train_set/images/2.jpg"
    broken.write_bytes(b"no picture")
    (tmp_path / "train_set/annotations/3_exp.npy").write_bytes(b"")
    samples = affectnet.read(tmp_path)
    assert next(samples).origin == "train_set/images/1.jpg"
    with pytest.raises(UserError) as caught:
        _ = next(samples).image
    assert str(caught.value).startswith(f"{broken}: not a readable picture")


def test_pictures_without_annotation(tmp_path):
    for number in ("2", "10", "9"):
        add(tmp_path, f"train_set/{number}", "3")
    add(tmp_path, "val_set/1", "3")
    (tmp_path / "train_set/annotations/10_exp.npy").unlink()
    path = tmp_path / "train_set/images/10.jpg"
    assert error_of(tmp_path) == f"{path}: no annotations/10_exp.npy; unpack it again"
    (tmp_path / "train_set/annotations/9_exp.npy").unlink()
    path = tmp_path / "train_set/images/9.jpg"
    assert error_of(tmp_path) == f"{path}: no annotations/9_exp.npy (and 1 more); unpack it again"


def test_annotations_without_picture(tmp_path):
    add(tmp_path, "train_set/1", "3")
    for number in ("2", "10", "9"):
        add(tmp_path, f"val_set/{number}", "3")
    (tmp_path / "val_set/images/9.jpg").unlink()
    path = tmp_path / "val_set/annotations/9_exp.npy"
    assert error_of(tmp_path) == f"{path}: no picture images/9.jpg; unpack it again"
    (tmp_path / "val_set/images/10.jpg").unlink()
    assert error_of(tmp_path) == f"{path}: no picture images/9.jpg (and 1 more); unpack it again"


def test_two_pictures_of_one_number(tmp_path):
    add(tmp_path, "train_set/1", "3")
    add_picture(tmp_path / "train_set/images/1.png")
    add(tmp_path, "val_set/1", "3")
    message = error_of(tmp_path)
    start, end = f"{tmp_path / 'train_set/images'}: holds ", ", expected one a number"
    assert message.startswith(start)
    assert message.endswith(end)
    assert {*message[len(start) : -len(end)].split(" and ")} == {"1.jpg", "1.png"}


@pytest.mark.parametrize("data", [b"", b"3", pickle.dumps(3), b"\x93NUMPY\x01\x00v\x00{'descr'"])
def test_a_broken_or_pickled_annotation(tmp_path, data):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    path = tmp_path / "train_set/annotations/1_exp.npy"
    path.write_bytes(data)
    assert error_of(tmp_path) == (
        f"{path}: broken, or no NumPy file of plain values; fetch it again"
    )


@pytest.mark.parametrize("byte", [0, 0x27, 0x28, 0x39, 0x4F, 0x7B, 0xFF])
def test_an_annotation_with_any_byte_broken_gives_a_label_or_a_clear_error(tmp_path, byte):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    path = tmp_path / "train_set/annotations/1_exp.npy"
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
        try:
            found = next(affectnet.read(tmp_path)).label
        except UserError as error:
            found = str(error)
        assert found in affectnet.LABELS or found.startswith(f"{path}: ")
        assert "\n" not in found


def test_an_annotation_of_objects_is_not_unpickled(tmp_path):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    path = tmp_path / "train_set/annotations/1_exp.npy"
    np.save(path, np.array([3], dtype=object), allow_pickle=True)
    assert error_of(tmp_path) == (
        f"{path}: broken, or no NumPy file of plain values; fetch it again"
    )


def test_an_annotation_cut_short(tmp_path):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    path = tmp_path / "train_set/annotations/1_exp.npy"
    path.write_bytes(path.read_bytes()[:-2])
    assert error_of(tmp_path).startswith(f"{path}: broken")


def test_an_annotation_of_more_values(tmp_path):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    path = tmp_path / "train_set/annotations/1_exp.npy"
    np.save(path, np.zeros(136))
    assert error_of(tmp_path) == f"{path}: 136 values, expected one, the expression"


@pytest.mark.parametrize("code", ["11", "-1", "2.5", "nan", "happy", "inf"])
def test_an_unknown_code_of_an_annotation(tmp_path, code):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    path = tmp_path / "val_set/annotations/1_exp.npy"
    np.save(path, code)
    assert error_of(tmp_path) == f"{path}: expression {code}, {CODES}"


@pytest.mark.parametrize(
    ("present", "absent"), [("train_set", "val_set"), ("val_set", "train_set")]
)
def test_a_missing_set(tmp_path, present, absent):
    add(tmp_path, f"{present}/1", "3")
    expected = "not found; expected train_set and val_set"
    assert error_of(tmp_path) == f"{tmp_path / absent}: {expected}"


@pytest.mark.parametrize("name", ["images", "annotations"])
def test_half_of_a_set(tmp_path, name):
    add(tmp_path, "train_set/1", "3")
    add(tmp_path, "val_set/1", "3")
    (tmp_path / "val_set" / name).rename(tmp_path / "elsewhere")
    expected = "not found; expected images and annotations in each set"
    assert error_of(tmp_path) == f"{tmp_path / 'val_set' / name}: {expected}"


def test_nothing_but_what_is_left_out(tmp_path):
    add(tmp_path, "train_set/1", "8")
    add(tmp_path, "val_set/1", "10")
    assert error_of(tmp_path) == f"{tmp_path}: no picture with an expression; {LAYOUT}"


# ---------------------------------------------------------------------------- form of tables

TABLES = [
    (0, "train", "neutral", "training.csv row 0"),
    (1, "train", "angry", "training.csv row 1"),
    (2, "train", "happy", "training.csv row 2"),
    (3, "test", "contempt", "validation.csv row 0"),
    (4, "test", "sad", "validation.csv row 1"),
]


@pytest.mark.parametrize("folder", [".", "Manually_Annotated_file_lists"])
@pytest.mark.parametrize(
    "images", ["Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images", "."]
)
def test_places_of_tables_and_pictures(tmp_path, folder, images):
    build_tables(tmp_path, folder, images=images)
    samples = read(tmp_path)
    assert shown(samples) == TABLES
    assert {sample.image.shape for sample in samples} == {(40, 60, 3)}


def test_tables_without_names_of_columns(tmp_path):
    _, validation = build_tables(tmp_path)
    validation.write_text("".join(f"{row_of(*row)}\n" for row in VALIDATION.items()))
    assert shown(read(tmp_path)) == TABLES


def other_order(text):
    rows = [line.split(",") for line in text.splitlines()]
    return "\n".join(",".join([str(number), *row[::-1]]) for number, row in enumerate(rows))


@pytest.mark.parametrize(
    "change",
    [
        other_order,
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace(",", ", "),
        lambda text: '"' + text.strip().replace(",", '","').replace("\n", '"\n"') + '"',
        lambda text: text.replace(",0.1,", ".0,0.1,"),
    ],
    ids=["order", "windows", "blank lines", "blanks", "quotes", "floats"],
)
def test_spellings_of_tables(tmp_path, change):
    for table in build_tables(tmp_path):
        table.write_text(change(table.read_text()), encoding="utf-8", newline="")
    assert shown(read(tmp_path)) == TABLES


def test_rows_that_are_left_out_need_no_picture(tmp_path):
    train, _ = build_tables(tmp_path)
    lines = [HEADER, row_of("9/x.jpg", 8), row_of("9/y.jpg", 9), row_of("9/z.jpg", 10)]
    train.write_text("\n".join([*lines, row_of("1/a.jpg", 4)]))
    assert shown(read(tmp_path))[0] == (0, "train", "fear", "training.csv row 3")


def test_a_row_and_its_picture_are_read_only_when_asked_for(tmp_path):
    train, _ = build_tables(tmp_path)
    (tmp_path / "Manually_Annotated_Images/1/b.png").write_bytes(b"")
    train.write_text(train.read_text() + "broken\n")
    samples = affectnet.read(tmp_path)
    assert next(samples).label == "neutral"
    with pytest.raises(UserError) as caught:
        _ = next(samples).image
    path = tmp_path / "Manually_Annotated_Images/1/b.png"
    assert str(caught.value) == f"{path}: empty file, expected a picture"


def test_a_row_whose_picture_is_absent(tmp_path):
    build_tables(tmp_path)
    path = tmp_path / "Manually_Annotated_Images/3/e.jpg"
    path.unlink()
    assert error_of(tmp_path) == (
        f"validation.csv row 1: {path} not found; unpack it, or take the row out"
    )


@pytest.mark.parametrize("code", ["11", "", "happy", "-2", "0.5"])
def test_an_unknown_code_of_a_row(tmp_path, code):
    train, _ = build_tables(tmp_path)
    train.write_text(f"{HEADER}\n{row_of('1/a.jpg', 1)}\n{row_of('1/b.png', code)}\n")
    found = code or "''"
    assert error_of(tmp_path) == f"training.csv row 1: expression {found}, {CODES}"


def test_a_row_of_another_length(tmp_path):
    train, _ = build_tables(tmp_path)
    train.write_text(f"{HEADER}\n1/a.jpg,1,2,3\n")
    assert error_of(tmp_path) == "training.csv row 0: 4 fields, expected 9"


@pytest.mark.parametrize("column", ["subDirectory_filePath", "expression"])
def test_a_missing_column(tmp_path, column):
    train, _ = build_tables(tmp_path)
    train.write_text(f"{HEADER.replace(column, 'other')}\n")
    expected = f"no column {column} in its first line; expected {HEADER}"
    assert error_of(tmp_path) == f"{train}: {expected}"


def test_a_table_of_other_columns_or_none(tmp_path):
    train, _ = build_tables(tmp_path)
    expected = f"no column subDirectory_filePath in its first line; expected {HEADER}"
    for text in ("", "path,label\n1/a.jpg,1\n"):
        train.write_text(text)
        assert error_of(tmp_path) == f"{train}: {expected}"


def test_a_table_that_is_no_text(tmp_path):
    train, _ = build_tables(tmp_path)
    train.write_bytes(b"\xff\xfe" + HEADER.encode("utf-16-le"))
    assert error_of(tmp_path).startswith(f"{train}: cannot be read: ")


@pytest.mark.parametrize("name", ["training.csv", "validation.csv"])
def test_a_missing_table(tmp_path, name):
    build_tables(tmp_path)
    (tmp_path / name).unlink()
    expected = "expected training.csv and validation.csv"
    assert error_of(tmp_path) == f"{tmp_path}: no {name}; {expected}"


# ------------------------------------------------------------------------------ which of both


def test_neither_form(tmp_path):
    assert error_of(tmp_path) == f"{tmp_path}: neither form of AffectNet; {LAYOUT}"
    path = tmp_path / "affectnet"
    assert error_of(path) == f"{path}: not found; {LAYOUT}"
    path.write_bytes(b"x")
    assert error_of(path) == f"{path}: not a folder; {LAYOUT}"
