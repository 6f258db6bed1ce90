"""Painting one person on a canvas, from the shoulders to the hair."""

import cv2
import numpy as np

from facexpr.sample import head
from facexpr.sample.canvas import ellipse, mapped, ribbon
from facexpr.sample.face import Pose
from facexpr.sample.parts import (
    draw_brows,
    draw_creases,
    draw_eye,
    draw_mouth,
    draw_nose,
    lowered,
)
from facexpr.sample.person import SIDES, Person, shining

BLUSH = np.array([1.03, 0.92, 0.90])


def draw_person(person: Person) -> None:
    """Paint a whole person and light it."""
    person.canvas.clear_coverage()
    if person.looks.hair_style == "long":
        person.place([head.back_hair(person.looks, person.actions)], person.looks.hair * 0.8, 0.03)
    draw_torso(person)
    draw_skull(person)
    draw_relief(person)
    draw_creases(person)
    draw_nose(person)
    draw_mouth(person)
    for side in SIDES:
        draw_eye(person, side)
    draw_hair(person)
    draw_brows(person)
    light_up(person)


def draw_torso(person: Person) -> None:
    """Paint neck and shoulders, which stay upright under a tilted head."""
    pose, looks, unit = person.pose, person.looks, person.pose.eye_distance
    base = pose.place(np.array([[0.0, 1.0]]))
    reach = 1.0 + person.canvas.height / unit
    for shape, colour, blur in (
        (head.neck(), looks.skin * 0.88, 0.01),
        (head.shoulders(reach), looks.clothes, 0.01),
    ):
        person.canvas.paint([base + shape * unit], colour, 1.0, blur * unit, covers=True)
    shade = head.head_outline(looks, person.actions) * (0.9, 1.0) + (0.0, 0.12)
    torso = [base + head.neck() * unit, base + head.shoulders(reach) * unit]
    person.canvas.paint([pose.place(shade)], looks.skin * 0.35, 0.6, 0.12 * unit, torso)


def draw_skull(person: Person) -> None:
    """Paint the ears and the plain head."""
    looks = person.looks
    if looks.ears:
        x = 1.10 * looks.head_width
        for scale, shade in ((1.0, 0.9), (0.55, 0.68)):
            ears = [ellipse(side * x, 0.22, 0.17 * scale, 0.34 * scale) for side in SIDES]
            person.place(ears, looks.skin * shade, 0.02)
    person.place([head.head_outline(looks, person.actions)], looks.skin)


def draw_relief(person: Person) -> None:
    """Paint the soft hollows and heights of a face: sockets, cheeks, forehead, chin, beard."""
    skin, actions = person.looks.skin, person.actions
    sockets = [ellipse(side * 0.47, -0.07, 0.33, 0.22) for side in SIDES]
    person.paint(sockets, skin * 0.62, 0.50, 0.09)
    lift = 0.12 * max(actions.cheek_raise, actions.lip_corner_pull)
    cheeks = [ellipse(side * 0.66, 0.56 - lift, 0.22, 0.17) for side in SIDES]
    bright = shining(skin, 1.12)
    person.paint(cheeks, bright * BLUSH, 0.30 + 0.30 * lift / 0.12, 0.10)
    person.paint([ellipse(0, -0.75, 0.5, 0.22)], bright, 0.35, 0.18)
    person.paint([ellipse(0, 1.62 + 0.2 * actions.jaw_drop, 0.2, 0.12)], bright, 0.35, 0.08)
    hollows = [ellipse(side * 0.88, 0.95, 0.16, 0.36) for side in SIDES]
    person.paint(hollows, skin * 0.6, 0.35, 0.13)
    if person.looks.beard > 0:
        outline = head.head_outline(person.looks, actions, -0.05)
        beard = outline[(outline[:, 1] > 0.7)]
        person.paint([beard], person.looks.hair * 0.9, person.looks.beard, 0.10)
        person.paint([ellipse(0, 0.93, 0.36, 0.07)], person.looks.hair, person.looks.beard, 0.05)


def draw_hair(person: Person) -> None:
    """Paint the hair above the face, with a shadow below and a shine on it."""
    looks = person.looks
    if looks.hair_style == "bald":
        return
    if looks.hair_style == "bun":
        person.place([ellipse(0, -1.55, 0.45, 0.32)], looks.hair * 0.85, 0.03)
    if looks.hair_style == "curly":
        person.place(head.curls(looks, person.actions), looks.hair * 0.92, 0.03)
    outline = head.front_hair(looks, person.actions)
    skull = [person.pose.place(head.head_outline(looks, person.actions))]
    shadow = [person.pose.place(lowered(outline, 0.05))]
    person.canvas.paint(shadow, looks.skin * 0.4, 0.4, 0.06 * person.pose.eye_distance, skull)
    person.place([outline], looks.hair, 0.018)
    draw_strands(person, person.pose.place(outline))


def draw_strands(person: Person, within: np.ndarray) -> None:
    """Paint dark and bright strands and a shine on hair that lies `within` (N, 2) pixels."""
    looks, place, unit = person.looks, person.pose.place, person.pose.eye_distance
    for shade, strands in zip((0.6, 1.3), head.strands(looks), strict=True):
        lines = mapped(place, [ribbon(strand, 0.045) for strand in strands])
        person.canvas.paint(lines, looks.hair * shade, 0.4, 0.02 * unit, [within])
    shine = np.minimum(looks.hair * 1.35 + 22, 255)
    spot = place(ellipse(0.5 * looks.light[0], -1.2, 0.5, 0.11))
    person.canvas.paint([spot], shine, 0.5, 0.09 * unit, [within])


def light_up(person: Person) -> None:
    """Darken the parts of a person that turn away from the light."""
    canvas = person.canvas
    y, x = np.mgrid[0 : canvas.height : 2, 0 : canvas.width : 2] + 0.5
    lit = np.maximum(np.tensordot(person.looks.light, normals(person.pose, x, y), 1), 0.0)
    size = canvas.coverage.shape[::-1]
    field = cv2.resize((0.5 + 0.58 * lit).astype(np.float32), size)
    canvas.planes[:-1] *= 1 + canvas.coverage * (field - 1)


def normals(pose: Pose, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the normals (3, ...) of an ellipsoid around the head, at pixels x and y.

    Light on it is Lambert's: as strong as the cosine of its angle to the normal.
    """
    right, down = (x - pose.x) / pose.eye_distance, (y - pose.y) / pose.eye_distance
    cosine, sine = np.cos(pose.roll), np.sin(pose.roll)
    # Undo the roll, and measure in half-axes of the ellipsoid.
    across = (right * cosine + down * sine) / 1.35
    along = (down * cosine - right * sine - 0.2) / 2.1
    radius = np.hypot(across, along)
    outside = np.maximum(radius, 1.0)
    return np.stack([across / outside, along / outside, np.sqrt(1 - np.minimum(radius, 1) ** 2)])
