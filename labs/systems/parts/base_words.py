"""The words of section 4's language model: whole words of both languages, lower case, as a stock tokenizer.

    </s> a small red star at the top , ... . the colour of the star is red </s>           a document
    <user> <image> what colour is the star ? <assistant> red </s>                         a turn of a talk
"""

import re
from collections.abc import Iterable
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from labs.models.tokens import ASSISTANT, CHAT_TEMPLATE, IMAGE, USER
from labs.models.tokens import END as END_WORD
from labs.models.tokens import PAD as PAD_WORD
from labs.models.words import known_words
from labs.systems.parts.statements import FACTS, STATEMENTS, facts

SPECIAL = (PAD_WORD, END_WORD, IMAGE, USER, ASSISTANT, "<unknown>")
PAD, END, PICTURE, SAYS_USER, SAYS_ASSISTANT, UNKNOWN = range(len(SPECIAL))
MARKS = ".,:;?!¿¡'()-"
# What instructions and talk need beyond the words of scenes, so that nothing tuned later on has to be spelled.
PLAIN = """
    a about all alone also an and another answer answers any anything are as assistant at away be because before behind
    below beside between both brief briefly but by can caption certainly close closer closest column common compare
    complete concise contains corner correct could count detail detailed different distance do does each edge either
    else empty every everything exactly example explain false far farther fewer first follows for from full given half
    have here higher how i if image in information instruction into is it its just kind know land larger last least
    less lies list long lower many may me meaning middle more most much name names near nearer nearest neither next
    none not nothing now of off on only opposite or other others out over part people person phrase picture please
    possible question questions reason reasons reply respond right river row same say says second see seen sentence
    sentences shape short should show side simply since single smaller smallest so some something step sure tell than
    that the their them then there therefore these they third this those three to together total touch true two under
    until up use used using very was we what when where whether which while who whole whose why with within without
    word words would write written wrong you your
    al breve capital ciudad color completa con corta cuál cuáles cuántas cuántos cómo de del describe detalle di dime
    dónde el ella en entre es esta este explica frase hay imagen la larga las lo los más menos nada o otra otro
    palabra palabras para pero por porque pregunta qué que quién responde respuesta respuestas río se sí sin sobre
    sola solo son su sus tiene tierra toda todas todo todos un una usa usando y
"""
SPLIT = r"\w+|[^\w\s]"


def split(text: str) -> list[str]:
    """ "The star is red." -> the, star, is, red, and the stop."""
    return re.findall(SPLIT, text.lower())


@cache
def words() -> dict[str, int]:
    """Every word and its number."""
    texts = [*known_words(), MARKS, PLAIN, *(name for pair in facts().items() for name in (*pair[0], pair[1]))]
    tables = (STATEMENTS, FACTS)
    texts += [re.sub(r"{\w*}", " ", text) for table in tables for kinds in table.values() for text in kinds.values()]
    return {word: number for number, word in enumerate((*SPECIAL, *sorted(_all(texts))))}


def write(text: str) -> list[int]:
    """Words -> numbers. Raises KeyError for a word that is none of them."""
    return [words()[word] for word in split(text)]


def tokenizer() -> PreTrainedTokenizerFast:
    """The same as a stock tokenizer with the chat template of the mini models."""
    whole = Tokenizer(models.WordLevel(words(), unk_token=SPECIAL[UNKNOWN]))
    whole.normalizer = normalizers.Lowercase()
    whole.pre_tokenizer = pre_tokenizers.Split(Regex(SPLIT), "removed", invert=True)
    whole.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    stock = PreTrainedTokenizerFast(
        tokenizer_object=whole, pad_token=PAD_WORD, eos_token=END_WORD, unk_token=SPECIAL[UNKNOWN],
        additional_special_tokens=[IMAGE, USER, ASSISTANT], clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    stock.chat_template = CHAT_TEMPLATE
    return stock


def _all(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in split(text)}
