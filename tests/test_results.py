import json

import pytest
from closure import ROOT

from facexpr.errors import UserError
from facexpr.results import KEYS, read_results, render

RESULT = dict.fromkeys(KEYS, "x") | {
    "dataset": "fer2013",
    "views": 10,
    "n": 3589,
    "accuracy": 0.65,
    "std": None,
    "interval": [0.634, 0.666],
    "seeds": [0],
    "params": 1167015,
}


def test_results_page_is_what_its_files_say():
    assert (ROOT / "RESULTS.md").read_text() == render(read_results(ROOT))


def test_a_row_gives_n_views_interval_and_the_restored_rows_beside_the_accuracy():
    page = render([RESULT])
    assert "| 10 | 3,589 | 65.00% | 63.40% to 66.60% | - | 1 | 1,167,015 |" in page
    assert "177 rows" in page


def test_a_published_system_has_its_claim_beside_what_was_measured():
    page = render([RESULT | {"name": "kaist", "split": "test", "track": "F"}])
    assert "| `kaist` | isthatyoung/Face-emotion-recognition, after Jeon et al. 2016" in page
    assert "| 65.0% (63.4% to 66.6%), 10 views, n = 3,589 of fer2013's test, track F |" in page
    assert "gives 2269 of 3589, 63.2% | not yet |" in render([RESULT])
    assert "Claimed by isthatyoung/Face-emotion-recognition, after Jeon et al. 2016" in page
    assert "the best of 76 single batches of 100" in page


def put(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result))


def test_best_comes_first_and_released_models_are_told_apart(tmp_path):
    for name, accuracy in (("a", 0.6), ("b", 0.8)):
        put(tmp_path / f"results/{name}.json", RESULT | {"name": name, "accuracy": accuracy})
    put(tmp_path / "models/released/a/metrics.json", RESULT | {"name": "a", "accuracy": 0.7})
    assert [one["name"] for one in read_results(tmp_path)] == ["b", "a (released)", "a"]


def test_a_result_without_its_number_of_images_is_refused(tmp_path):
    put(tmp_path / "results/a.json", {key: RESULT[key] for key in RESULT if key != "n"})
    with pytest.raises(UserError, match=r"a\.json: keys missing or unknown: n"):
        read_results(tmp_path)
