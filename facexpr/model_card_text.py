"""The words of a released model's card; `facexpr.model_card` fills in the figures.

What is said of FER2013 is in Goodfellow et al. 2013 (arXiv:1307.0414) or was measured on it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from facexpr.labels import SPLITS
from facexpr.results import RESTORED

CARD = """\
# {name}: expressions of faces

A grey face of {side}x{side} pixels in, the probability of each of {classes} expressions out.
Measured on {data}: {accuracy} of the {n} images of {test}, with one view (95 % interval
{interval}).

## Use

```console
$ facexpr predict picture.jpg{model}
```

```python
from facexpr import Predictor
Predictor("{name}").predict(image)  # uint8 grey (H, W) or RGB (H, W, 3)
```

Both find the faces of a picture, frame them as the data set frames its own, and classify them;
the detector, {detector}, and its settings ride in the files. Without facexpr, on faces that are
framed already:

```python
model = keras.saving.load_model("model.keras")  # stock layers, safe mode
probabilities = model.predict(faces)
session = onnxruntime.InferenceSession("model.onnx")
(probabilities,) = session.run(None, {{"faces": faces}})
```

`faces` are uint8 (N, {side}, {side}, 1), 0 to 255 as they come: mean, scaling and crop are
inside. `probabilities` are float32 (N, {classes}). {order}: {labels}.

## Intended use

Research, teaching and demonstrations: a small baseline that anyone can train again and measure.
A first guess where a person looks at the result and nothing hangs on it, such as sorting one's
own photographs, or an installation that visitors step up to by choice and that keeps nothing.

## What it must not be used for

A face shown is not a feeling, let alone an intention, a trait, or the truth of what is said.
The model names the class whose pictures a face resembles most, and is wrong about one in
{once}. It must not be used to judge what people feel, intend or are, and so not in hiring or at
work, in schools and examinations, by police or courts, at borders, in medicine, psychology or
care, in insurance or credit; nor on people who do not know of it or cannot refuse.

In the European Union, AI systems that infer the emotions of people at work and in education are
forbidden, but for medical or safety reasons: AI Act, Regulation (EU) 2024/1689, Article
5(1)(f).

## Data and licence

{notes}

The model was fitted on the {fitted} images of {fit}.{copies}

## How it was trained

{settings}. Seed {seed}, {params} trained parameters. {hardware}. Commit {commit}.

`make release NAME={name}` builds it again from the data set.

## How good it is

Of model.keras with one view: the face as it is, called once. {test} chose nothing;
{role}. The interval is a 95 % bootstrap one over images.

{accuracies}

On {test} macro F1 is {macro_f1}, balanced accuracy {balanced_accuracy}; the label is among the
two most probable classes for {top2}. By class:

{per_class}

The commonest confusions, as shares of the first's images: {confusions}.

Where faces must be found first, the images of {test} are pasted into empty grey pictures of
640x480. {detector} finds {found} of them; one that it misses counts as wrong.

{sides}

## Calibration

{temperature}

{calibration}

## Limits

{limits}

## Files

{files}

{params} trained parameters, float32. `metrics.json` holds the accuracy in the form of
`results/`. `drawn.png` shows drawn faces, one below the other, and `drawn.json` the
probabilities that both files give them, to check an installation by.
"""

LIMITS = (
    "Faces from the front, about {smallest} px and up. Turned, covered, dim or smaller ones were "
    "not measured apart, and may not be found.",
    "One grey frame: no colour, no movement, no voice, no situation, which people go by as well.",
    "{pictures}",
    "It always answers with one of its {classes} classes. What is none of them, or several, gets "
    "one all the same, and who smiles counts as happy, be the smile polite, scornful or forced.",
    "{rare}",
    "No breakdown by age, gender or skin tone was made, as {data} tells none of them. That errors "
    "fall on all people alike must not be supposed.",
)


class DataSet(NamedTuple):
    """What a card says of a data set: its name, its own names of the splits, and its nature."""

    name: str
    splits: Sequence[str]
    notes: str
    pictures: str = ""

    def called(self, *splits: str) -> str:
        """Splits by the data set's own names."""
        return " and ".join(self.splits[SPLITS.index(split)] for split in splits)


FER2013 = DataSet(
    "FER2013",
    ("Training", "PublicTest", "PrivateTest"),
    f"""\
FER2013 (Goodfellow et al. 2013, arXiv:1307.0414) holds 35,887 grey pictures of 48x48 pixels,
gathered by image search for words of emotion, cropped to the face and checked by people. Its parts
Training, PublicTest and PrivateTest are train, val and test here. The rights in the pictures remain
with their owners; the rules of the Kaggle competition that hands the data set out give it for
non-commercial research. It is not in this repository. The weights are given under this project's
licence, Apache-2.0, as far as its authors can give them.

Its labels are noisy. People reach 65 ± 5 % on it (the same paper); the majority of FER+'s ten
taggers (Barsoum et al. 2016, arXiv:1608.01041), among these seven classes, agrees with 64.1 % of
PrivateTest's labels. Many pictures stand in it more than once, also in several parts and under
different labels. {RESTORED} Their labels were filled in to match the published counts of the
classes, and among equal pictures with unequal labels it is a guess which row bears which.""",
    "Pictures of the web, many of them posed or acted. Faces of daily life, often fainter, were "
    "not measured.",
)
DATA = {"fer2013": FER2013}  # by data.format
OTHER_NOTES = """\
The rights in the pictures of {name}, and the terms on which they are given, are those of the data
set's owners; it is not in this repository. The weights are given under this project's licence,
Apache-2.0, as far as its authors can give them. How its labels were made, and how far they can be
trusted, is not told here."""
