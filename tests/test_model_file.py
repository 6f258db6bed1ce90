import json
import re
import time
import zipfile

import keras
import numpy as np
import pytest

from facexpr import networks
from facexpr.errors import UserError
from facexpr.model_file import find_card, load_model, read_card, save_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CARD = {"labels": ["happy", "sad"], "align": {"px": 16, "template": [[16.46, 22.204]]}}


def make_model(seed=1):
    keras.backend.clear_session()  # or the names of layers would count on
    keras.utils.set_random_seed(seed)
    return networks.build("vgg_bn", (16, 16, 1), 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.keras"


def test_equal_models_give_equal_bytes_at_any_time(tmp_path):
    paths = [tmp_path / name for name in ("a.keras", "b.keras", "c.keras")]
    save_model(paths[0], make_model(), CARD)
    time.sleep(1.1)  # the dates in such files count seconds
    save_model(paths[1], make_model(), CARD)
    save_model(paths[2], make_model(seed=2), CARD)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


def test_keras_loads_it_in_safe_mode_and_so_do_we(path):
    model = make_model()
    save_model(path, model, CARD)
    faces = np.random.default_rng(0).normal(size=(3, 16, 16, 1)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(model(faces))
    for load in (lambda: keras.saving.load_model(path, safe_mode=True), lambda: load_model(path)):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(load()(faces)), expected)


def test_the_card_comes_back(path):
    save_model(path, make_model(), CARD)
    assert read_card(path) == CARD


def test_objects_that_layers_share_are_still_shared_after_loading(path):
    regularizer = keras.regularizers.L2(0.1)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2, kernel_regularizer=regularizer),
            keras.layers.Dense(2, kernel_regularizer=regularizer),
        ]
    )
    save_model(path, model, CARD)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    # Keras writes memory addresses here, which differ from one process to the next.
    assert re.findall(r'"shared_object_id": (\d+)', config) == ["0", "0", "1"]
    assert len(load_model(path).losses) == 2


def test_a_missing_model_says_how_to_train_one(path):
    for read in (read_card, load_model):
        with pytest.raises(UserError) as caught:
            read(path)
        assert str(caught.value) == f"{path}: no such model; train one with 'dvc repro'"


def test_a_file_that_is_no_archive(path):
    path.write_bytes(b"hello")
    with pytest.raises(UserError) as caught:
        read_card(path)
    assert str(caught.value) == f"{path}: not a Keras model file; run 'dvc checkout'"


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(UserError, match=": cannot be read: "):
        read_card(tmp_path)


def test_a_model_that_others_saved_has_no_card(path):
    make_model().save(path)
    assert find_card(path) is None
    with pytest.raises(UserError) as caught:
        read_card(path)
    assert str(caught.value) == (f"{path}: has no facexpr.json: not a model that facexpr saved")
    assert load_model(path).count_params() == make_model().count_params()


def test_an_archive_that_keras_cannot_load_is_told_in_one_line(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("facexpr.json", json.dumps(CARD))
    with pytest.raises(UserError, match="Keras cannot load it: ") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
