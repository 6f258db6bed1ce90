from facexpr.errors import unknown_name


def test_unknown_name_lists_what_there_is_and_suggests_the_nearest():
    error = unknown_name("train.network", "vgg_bm", ["vgg_bn", "fourconv"])
    assert str(error) == (
        "train.network: unknown 'vgg_bm'; available: fourconv, vgg_bn; did you mean 'vgg_bn'?"
    )


def test_unknown_name_suggests_nothing_when_nothing_is_near():
    assert str(unknown_name("recipe", "zzz", ["sample"])) == (
        "recipe: unknown 'zzz'; available: sample"
    )


def test_unknown_name_takes_what_is_no_text():
    assert "unknown '7'" in str(unknown_name("recipe", 7, ["sample"]))
