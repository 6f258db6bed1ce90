"""Drawn faces with known expressions and landmarks, for trying the pipeline without any data."""

from facexpr.sample.drawing import draw_face
from facexpr.sample.scenes import draw_scene, write_scenes
from facexpr.sample.table import write_csv

__all__ = ["draw_face", "draw_scene", "write_csv", "write_scenes"]
