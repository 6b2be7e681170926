"""How each type of question and instruction is worded. The last wording of each list is kept from training."""

WORDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "existence": ("is there {a}?", "do you see {a}?", "can you find {a} in the picture?"),
        "colour": ("what colour is {the}?", "which colour does {the} have?", "name the colour of {the}."),
        "shape": ("what shape is {the}?", "which shape does {the} have?", "name the shape of {the}."),
        "size": ("how big is {the}?", "is {the} big or small?", "what size is {the}?"),
        "place": ("where is {the}?", "in which place is {the}?", "tell me where {the} is."),
        "count": ("how many {many} are there?", "count the {many}.", "what is the number of {many}?"),
        "relation": (
            "on which side of {other} is {the}?",
            "seen from {other}, where is {the}?",
            "is {the} left, right, above or below of {other}?",
        ),
        "comparison": (
            "which is bigger, {the} or {other}?",
            "is {the} or {other} bigger?",
            "of {the} and {other}, which one is bigger?",
        ),
        "odd_colour": (
            "which colour is the odd one out?",
            "one thing has another colour than the rest. Which colour?",
            "name the colour that does not fit.",
        ),
        "odd_shape": (
            "which shape is the odd one out?",
            "one thing has another shape than the rest. Which shape?",
            "name the shape that does not fit.",
        ),
        "taking_away": (
            "if {the_many} go away, how many things are left?",
            "take away {the_many}. How many things are left?",
            "without {the_many}, how many things would there be?",
        ),
    },
    "es": {
        "existence": ("¿hay {a}?", "¿ves {a}?", "¿encuentras {a} en la imagen?"),
        "colour": ("¿de qué color es {the}?", "¿qué color tiene {the}?", "di el color de {the}."),
        "shape": ("¿qué forma tiene {the}?", "¿de qué forma es {the}?", "di la forma de {the}."),
        "size": ("¿qué tamaño tiene {the}?", "¿cómo es de grande {the}?", "di el tamaño de {the}."),
        "place": ("¿dónde está {the}?", "¿en qué lugar está {the}?", "dime dónde está {the}."),
        "count": ("número de {many}:", "cuenta: {many}.", "di el número de {many}."),
        "relation": (
            "¿a qué lado de {other} está {the}?",
            "desde {other}, ¿dónde está {the}?",
            "¿dónde queda {the} respecto a {other}?",
        ),
        "comparison": (
            "¿cuál es más grande, {the} o {other}?",
            "¿es más grande {the} o {other}?",
            "entre {the} y {other}, ¿cuál es más grande?",
        ),
        "odd_colour": (
            "¿qué color es el diferente?",
            "una cosa tiene otro color que las demás. ¿Qué color?",
            "di el color que no encaja.",
        ),
        "odd_shape": (
            "¿qué forma es la diferente?",
            "una cosa tiene otra forma que las demás. ¿Qué forma?",
            "di la forma que no encaja.",
        ),
        "taking_away": (
            "sin {the_many}, ¿cuántas cosas quedan?",
            "si se van {the_many}, ¿cuántas cosas quedan?",
            "¿cuántas cosas quedarían sin {the_many}?",
        ),
    },
}

# What one may ask for besides an answer; keys are caption styles, or "story".
INSTRUCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "tags": ("List the things.", "Give me tags for this picture.", "Write keywords."),
        "plain": ("Write a short caption.", "What is in the picture?", "Caption this."),
        "places": ("Say what is where.", "Write a caption with places.", "Where is everything?"),
        "prose": ("Describe the picture in detail.", "Tell me all about this picture.", "What do you see?"),
        "story": ("Tell the story.", "What happens in these pictures?", "Write a story about the pictures."),
    },
    "es": {
        "tags": ("Enumera las cosas.", "Dame etiquetas para esta imagen.", "Escribe palabras clave."),
        "plain": ("Escribe una leyenda breve.", "¿Qué hay en la imagen?", "Ponle una leyenda."),
        "places": ("Di qué hay y dónde.", "Escribe una leyenda con lugares.", "¿Dónde está cada cosa?"),
        "prose": ("Describe la imagen en detalle.", "Cuéntame todo sobre esta imagen.", "¿Qué ves?"),
        "story": ("Cuenta la historia.", "¿Qué pasa en estas imágenes?", "Escribe una historia sobre las imágenes."),
    },
}
