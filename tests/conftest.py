"""What Keras reads from the environment when it is first imported: the CPU, and exact repeats.

And what lets two workers share the tests (see `make test`): names that both find, and an order.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["JAX_PLATFORMS"] = "cpu"

# In this order; of files this long, none may be left for when the other worker is done.
LONG = (
    "test_rebuild.py",
    "test_stages_model.py",
    "test_stages_datasets.py",
    "test_training.py",
    "test_release.py",
)


def pytest_collection_modifyitems(items):
    """Put the long files first where workers share the files among them."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        rank = {name: number for number, name in enumerate(LONG)}
        items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))


def pytest_make_parametrize_id(val, argname):
    """Name what is packed by its argument: the bytes may hold the second it was packed in."""
    return argname if isinstance(val, bytes) and len(val) > 20 else None
