"""The chain of stages, run once on 28 drawn faces that hold a little of what real data hold."""

import shutil

import pandas as pd
import pytest
from program import CHAIN, make_project, run_well, set_params


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """A project after `mean`, for reading only: rows 0 to 13 are train, to 20 val, to 27 test."""
    project = make_project(tmp_path_factory.mktemp("stages") / "project")
    set_params(project, {"align": {"no_face": "drop"}})
    run_well(project, "sample")
    edit_source(project / "data/sample/fer2013.csv")
    for stage in CHAIN:
        run_well(project, stage)
        if stage == "detect":
            shutil.copy(project / "data/faces.csv", project / "detected.csv")
            edit_faces(project / "data/faces.csv", project / "data/sample/landmarks.csv")
    return project


def edit_source(path):
    """Row 10 shows the picture of row 4, row 27 that of row 5, and row 3 nothing but grey."""
    table = pd.read_csv(path)
    table.loc[10, "pixels"] = table["pixels"][4]
    table.loc[27, "pixels"] = table["pixels"][5]
    table.loc[3, "pixels"] = " ".join(["77"] * 2304)
    table.to_csv(path, index=False)


def edit_faces(path, true_landmarks):
    """The true landmarks, except for a face of only a box and for images without a face."""
    faces, points = pd.read_csv(path), pd.read_csv(true_landmarks)
    assert len(faces) == len(points) == 28
    faces[[name for name in faces if name.endswith(("_x", "_y"))]] = points.iloc[:, 1:].to_numpy()
    faces.loc[2, "eye_left_x":"mouth_right_y"] = None
    for row in (0, 1, 14, 21, 22):
        faces.loc[row, "status"] = "no_face"
        faces.loc[row, "x1":"mouth_right_y"] = None
        faces.loc[row, "faces"] = 0
    faces.to_csv(path, index=False)


@pytest.fixture
def project(chain, tmp_path):
    """A copy of the chain's project, to be changed."""
    return shutil.copytree(
        chain, tmp_path / "project", symlinks=True, ignore=shutil.ignore_patterns("logs")
    )


@pytest.fixture(scope="session")
def trained(chain, tmp_path_factory):
    """A project after `evaluate`, for reading only."""
    project = tmp_path_factory.mktemp("trained") / "project"
    shutil.copytree(chain, project, symlinks=True, ignore=shutil.ignore_patterns("logs"))
    run_well(project, "train")
    run_well(project, "evaluate")
    return project
