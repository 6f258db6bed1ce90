"""Training is the same on every backend, and on several devices as on one.

Each run is a process of its own, tests/backend_run.py, since a process has one backend; the others
must do without TensorFlow. Of random numbers a backend has its own, so that random changes of faces
and dropout are off.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("backend_run.py")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backends")
    done = {}

    def run(backend, devices=1):
        if find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed here")
        if (backend, devices) not in done:
            settings = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
            settings["PYTHONPATH"] = str(PROGRAM.parents[1])
            command = [sys.executable, str(PROGRAM), backend, str(devices), str(folder)]
            output = subprocess.run(command, env=settings, capture_output=True, text=True)
            assert output.returncode == 0, output.stderr
            done[backend, devices] = json.loads(output.stdout.splitlines()[-1])
        return done[backend, devices]

    run("tensorflow")
    return run


def check_same(found, expected):
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(found["history"][name], expected["history"][name], rtol=1e-4)
    for name in ("accuracy", "val_accuracy"):
        assert found["history"][name] == pytest.approx(expected["history"][name], abs=1e-6)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_backend_gives_the_losses_that_tensorflow_gives(run, backend):
    check_same(run(backend), run("tensorflow"))


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_killed_run_resumes_to_the_same_history(run, backend):
    assert run(backend)["resumed"]


def test_two_devices_give_what_one_gives(run):
    two = run("jax", 2)
    check_same(two, run("jax"))
    assert two["resumed"]


def test_the_loss_falls(run):
    losses = run("tensorflow")["history"]["loss"]
    assert losses[-1] < losses[0]
