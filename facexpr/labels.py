"""Names that every part of the project spells alike: splits, and the label sets of data sets."""

SPLITS = ("train", "val", "test")

# The class codes of FER2013 (Goodfellow et al. 2013, arXiv:1307.0414) are positions in this tuple.
FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
