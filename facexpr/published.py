"""The published systems that recipes rebuild: where they are from, and what they claim."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class System:
    """A public system.

    claim: in its own numbers; how: how that number came about; unmeasured: what is said while
    there is no result.
    """

    source: str
    claim: str
    how: str
    unmeasured: str = "not yet"


GUDI = System(
    "ShawDa/facial-expression-recognition",
    "none",
    "it compares models by five pictures and reports no accuracy",
)
# By recipe.
SYSTEMS = {
    "kaist": System(
        "isthatyoung/Face-emotion-recognition, after Jeon et al. 2016 (IMCOM)",
        "78%",
        "the best of 76 single batches of 100; its own confusion matrix gives 2269 of 3589, 63.2%",
    ),
    "gudi": GUDI,
    "gudi-1.3": GUDI,
    "gudi-raf": replace(GUDI, unmeasured="not here: RAF-DB is given on request"),
    "fiveclass": System(
        "amirhossein-hkh/facial-expression-recognition",
        "75%",
        "of a random tenth of FER+ and AffectNet, five classes",
    ),
    "fourconv": System(
        "atulapra/Emotion-detection",
        "63.2%",
        "of PublicTest and PrivateTest together, which also chose the epoch",
    ),
    "shortcut": System(
        "kamal-rahimi/EmotionDetection",
        "85%",
        "with the same people and sequences in train and test",
        "not here: CK+ is given on request",
    ),
}
