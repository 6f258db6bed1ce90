"""What a stage finds missing or broken among the outputs of those before it: one line, no trace."""

import io
import shutil
import tarfile

import pandas as pd
import pytest
from program import contents, failure, run_stage, run_well, set_params

INDEX, FACES, IMAGES = "data/index.csv", "data/faces.csv", "data/images"
SHARD = "data/images/train-00001.tar"


def remove(name):
    def change(project):
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def overwrite(name, data):
    return lambda project: (project / name).write_bytes(data)


def cut(name, part):
    def change(project):
        path = project / name
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * part)])

    return change


def edit(name, function):
    """Change a table with a function of it."""

    def change(project):
        table = pd.read_csv(project / name)
        function(table).to_csv(project / name, index=False)

    return change


def without_row(name, row):
    return edit(name, lambda table: table.drop(index=row))


def replace_picture(name, key):
    """A sound shard, in which one picture is none."""

    def change(project):
        path, stream = project / name, io.BytesIO()
        with tarfile.open(path) as old, tarfile.open(fileobj=stream, mode="w") as new:
            for member in old:
                data = old.extractfile(member).read()
                data = b"no picture" if member.name == f"{key}.png" else data
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
        path.write_bytes(stream.getvalue())

    return change


def parameter(section, key, value):
    return lambda project: set_params(project, {section: {key: value}})


AUDIT = {
    "no images": (remove(IMAGES), "data/images: no shards such as train-00000.tar; run the stage"),
    "no index": (remove(INDEX), "data/index.csv: not found; run 'dvc repro' or 'dvc checkout'"),
    "empty index": (overwrite(INDEX, b""), "data/index.csv: not readable as CSV: "),
    "index without a column": (
        edit(INDEX, lambda table: table.drop(columns="split")),
        "data/index.csv: columns missing: split",
    ),
    "index with a key twice": (
        edit(INDEX, lambda table: pd.concat([table, table[4:5]])),
        "data/index.csv: key train-0000004 stands twice",
    ),
    "index without a key": (
        without_row(INDEX, 25),
        "data/index.csv: lacks 1 keys of data/images, such as test-0000025",
    ),
    "images without a shard": (
        remove("data/images/test-00001.tar"),
        "data/images: lacks 2 keys of data/index.csv, such as test-0000026",
    ),
    "garbage for a shard": (overwrite(SHARD, b"x" * 5000), f"{SHARD}: broken shard: "),
    "empty shard": (overwrite(SHARD, b""), f"{SHARD}: broken shard: "),
    "shard cut short": (cut(SHARD, 0.5), f"{SHARD}: broken shard: "),
    "unreadable picture": (
        replace_picture(SHARD, "train-0000007"),
        "data/images: train-0000007: not a readable picture",
    ),
}
DETECT = {
    "no images": (remove(IMAGES), "data/images: no shards such as train-00000.tar; run the stage"),
    "shard cut short": (cut(SHARD, 0.5), f"{SHARD}: broken shard: "),
    "unreadable picture": (
        replace_picture(SHARD, "train-0000007"),
        "data/images: train-0000007: not a readable picture",
    ),
    "unknown detector": (
        parameter("detect", "detector", "mtcn"),
        "detect.detector: unknown 'mtcn'; available: haar, mtcnn, whole; did you mean 'mtcnn'?",
    ),
    "unknown cascade": (
        lambda project: set_params(
            project, {"detect": {"detector": "haar", "haar_cascade": "haarcascade_eyes.xml"}}
        ),
        "detect.haar_cascade: no cascade 'haarcascade_eyes.xml' in ",
    ),
}
ALIGN = {
    "no faces": (remove(FACES), "data/faces.csv: not found; run 'dvc repro'"),
    "faces without a key": (
        without_row(FACES, 25),
        "data/faces.csv: lacks test-0000025; run 'dvc repro detect'",
    ),
    "faces without landmarks": (
        edit(FACES, lambda table: table.drop(columns=["nose_x", "nose_y"])),
        "data/faces.csv: columns missing: nose_x, nose_y",
    ),
    "no images": (remove(IMAGES), "data/images: no shards such as train-00000.tar; run the stage"),
    "shard cut short": (cut(SHARD, 0.5), f"{SHARD}: broken shard: "),
}
PACK = {
    "no faces": (remove("data/aligned"), "data/aligned: no shards such as train-00000.tar"),
    "index without a key": (without_row(INDEX, 25), "lacks test-0000025"),
    "a label that is not in the parameters": (
        parameter("data", "labels", ["angry", "disgust", "fear", "happy", "sad", "surprise"]),
        "data/index.csv: label 'neutral' is not in data.labels; run 'dvc repro images'",
    ),
    "a shard of test missing": (
        remove("data/aligned/test-00001.tar"),
        "data/aligned: 5 images of test, expected 7 as in data/index.csv; run 'dvc repro align'",
    ),
    "shard cut short": (cut("data/aligned/val-00000.tar", 0.5), "data/aligned/val-00000.tar: b"),
}
STORE = "data/lmdb/train/data.mdb"
MEAN = {
    "no store": (remove("data/lmdb/train"), f"{STORE}: not found; run 'dvc repro pack'"),
    "empty store": (overwrite(STORE, b""), f"{STORE}: "),
    "garbage": (overwrite(STORE, b"garbage " * 2000), f"{STORE}: not an LMDB file: "),
    "store cut short": (cut(STORE, 0.6), f"{STORE}: cut short, expected "),
}
CASES = {
    f"{stage}: {name}": (stage, *case)
    for stage, cases in (
        ("audit", AUDIT),
        ("detect", DETECT),
        ("align", ALIGN),
        ("pack", PACK),
        ("mean", MEAN),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_touched(project, case):
    stage, change, words = CASES[case]
    change(project)
    assert words in failure(project, stage)


@pytest.mark.parametrize("stage", ["detect", "align"])
def test_a_key_that_no_shard_holds(project, stage):
    message = failure(project, stage, "--keys", "train-0000004,val-0000004")
    assert message == "data/images: no image with key val-0000004"


def test_wrong_parameters_are_told_all_at_once(project):
    set_params(project, {"detect": {"min_face": 20}, "align": {"px": "16"}})
    before = contents(project)
    done = run_stage(project, "detect")
    assert done.returncode == 1
    assert contents(project) == before
    assert done.stderr.splitlines() == [
        "detect: error: params.yaml: 2 problems",
        "  detect.min_face: unknown; did you mean 'detect.min_face_px'?",
        "  align.px: '16', expected a whole number; YAML reads it as text, write 16",
    ]


def test_outputs_that_were_not_there_are_not_there_after_a_failure(project):
    remove("data/aligned")(project)
    remove("metrics/align.json")(project)
    remove("data/views/align.png")(project)
    without_row(FACES, 25)(project)
    assert "lacks test-0000025" in failure(project, "align", "--out", "other/aligned")
    assert not (project / "other/aligned").exists()


def test_a_failure_heals_with_the_input(project):
    whole = (project / FACES).read_bytes()
    before = (project / "data/aligned/test-00000.tar").read_bytes()
    overwrite(FACES, b"")(project)
    failure(project, "align")
    overwrite(FACES, whole)(project)
    run_well(project, "align")
    assert (project / "data/aligned/test-00000.tar").read_bytes() == before
