from dataclasses import astuple

import numpy as np

from facexpr.labels import FER2013
from facexpr.sample.actions import PROTOTYPES, VARIANTS, Actions, random_actions


def test_every_class_has_a_prototype():
    assert tuple(PROTOTYPES) == tuple(VARIANTS) == FER2013
    assert PROTOTYPES["neutral"] == Actions()


def test_intensities_stay_between_rest_and_strongest():
    for label in FER2013:
        for seed in range(30):
            values = astuple(random_actions(label, np.random.default_rng(seed)))
            assert min(values) >= 0
            assert max(values) <= 1


def test_a_smile_pulls_the_corners_of_the_mouth_and_sadness_depresses_them():
    happy, sad = (random_actions(label, np.random.default_rng(1)) for label in ("happy", "sad"))
    assert happy.lip_corner_pull > 0.4 > sad.lip_corner_pull
    assert sad.lip_corner_depress > 0.4 > happy.lip_corner_depress
