"""The words of the micro-world, in English and Spanish, and what they look like.

One table per attribute. A scene stores the English word; the other language is looked up when text is written.
"""

from typing import NamedTuple

LANGUAGES = ("en", "es")


class Noun(NamedTuple):
    """A Spanish noun with its plural and gender ("m" or "f")."""

    one: str
    many: str
    gender: str


class Adjective(NamedTuple):
    """The four forms of a Spanish adjective: masculine and feminine, one and many."""

    m: str
    f: str
    many_m: str
    many_f: str


# Eight hues far enough apart to be told from one another at ten pixels.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 36, 40),
    "orange": (246, 130, 28),
    "yellow": (250, 216, 44),
    "green": (44, 156, 66),
    "turquoise": (70, 208, 206),
    "blue": (38, 76, 204),
    "purple": (126, 48, 164),
    "pink": (246, 132, 192),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart", "ring", "moon")
SIZES = {"small": 0.085, "big": 0.150}  # radius, in picture widths
PLACES = (
    "top left", "top", "top right",
    "left", "centre", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip
DEPTHS = {"near": 0.2, "middle": 0.5, "far": 0.8}  # 0 is the camera, 1 the wall behind
TEMPERATURES = {"cold": 5.0, "warm": 30.0, "hot": 70.0}  # degrees Celsius; the air is at 18
MOTIONS = {"still": (0, 0), "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
SIGNS = ("bus", "exit", "open", "shop", "stop", "taxi", "tea", "zoo")
NUMBERS = ("zero", "one", "two", "three", "four", "five")

ES_SHAPES = {
    "circle": Noun("círculo", "círculos", "m"),
    "square": Noun("cuadrado", "cuadrados", "m"),
    "triangle": Noun("triángulo", "triángulos", "m"),
    "star": Noun("estrella", "estrellas", "f"),
    "cross": Noun("cruz", "cruces", "f"),
    "heart": Noun("corazón", "corazones", "m"),
    "ring": Noun("anillo", "anillos", "m"),
    "moon": Noun("luna", "lunas", "f"),
    "thing": Noun("cosa", "cosas", "f"),
}
ES_COLOURS = {
    "red": Adjective("rojo", "roja", "rojos", "rojas"),
    "orange": Adjective("naranja", "naranja", "naranjas", "naranjas"),
    "yellow": Adjective("amarillo", "amarilla", "amarillos", "amarillas"),
    "green": Adjective("verde", "verde", "verdes", "verdes"),
    "turquoise": Adjective("turquesa", "turquesa", "turquesas", "turquesas"),
    "blue": Adjective("azul", "azul", "azules", "azules"),
    "purple": Adjective("morado", "morada", "morados", "moradas"),
    "pink": Adjective("rosa", "rosa", "rosas", "rosas"),
}
ES_SIZES = {
    "small": Adjective("pequeño", "pequeña", "pequeños", "pequeñas"),
    "big": Adjective("grande", "grande", "grandes", "grandes"),
}
ES_PLACES = dict(
    zip(
        PLACES,
        (
            "arriba a la izquierda", "arriba", "arriba a la derecha",
            "a la izquierda", "en el centro", "a la derecha",
            "abajo a la izquierda", "abajo", "abajo a la derecha",
        ),
        strict=True,
    )
)  # fmt: skip
ES_WORDS = {
    "yes": "sí", "no": "no", "neither": "ninguno",
    "left": "izquierda", "right": "derecha", "above": "encima", "below": "debajo",
    "zero": "cero", "one": "uno", "two": "dos", "three": "tres", "four": "cuatro", "five": "cinco",
}  # fmt: skip
