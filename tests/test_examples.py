import numpy as np

from facexpr.drawing import contact_sheet
from facexpr.examples import Examples
from facexpr.images import read_image


def test_the_first_of_every_kind_are_kept_and_grouped_by_kind(tmp_path):
    examples = Examples(each=2)
    tiles = [np.full((30, 50), 40 * number, np.uint8) for number in range(6)]
    for kind, tile in zip("ababaa", tiles, strict=True):
        examples.add(kind, tile)
    examples.save(tmp_path / "sheet.png", "title")
    kept = [tiles[0], tiles[2], tiles[1], tiles[3]]
    expected = contact_sheet(kept, ["a", "a", "b", "b"], title="title")
    np.testing.assert_array_equal(read_image(tmp_path / "sheet.png"), expected)


def test_a_sheet_of_nothing_can_be_saved(tmp_path):
    Examples().save(tmp_path / "sheet.png", "nothing")
    assert read_image(tmp_path / "sheet.png").size
