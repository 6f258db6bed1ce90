import pytest

from facexpr import backend
from facexpr.errors import UserError


def test_a_backend_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(backend, "find_spec", lambda _name: None)
    with pytest.raises(UserError) as caught:
        backend.configure("torch")
    assert str(caught.value) == (
        "train.backend: torch is not installed here; install it, or set another"
    )


def test_a_gpu_that_is_asked_for_must_be_there():
    with pytest.raises(UserError) as caught:  # the tests hide every accelerator
        backend.configure("tensorflow", "gpu")
    assert str(caught.value) == (
        "train.device: gpu, but tensorflow sees none here; set it to auto or cpu"
    )
