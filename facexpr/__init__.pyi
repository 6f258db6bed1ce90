from facexpr.annotation import annotate as annotate
from facexpr.errors import UserError as UserError
from facexpr.images import read_image as read_image
from facexpr.predictor import Prediction as Prediction
from facexpr.predictor import Predictor as Predictor

__version__: str
