"""The real data sets: one for each role in the profiles `colab` and `full`, small, in parquet, opened without code.

Left out although well known: HuggingFaceM4/VQAv2 and nlphuji/flickr30k, which are scripts that today's `datasets` does
not run; the copies of VIST, whose pictures are 38 GB or in an archive.
"""

from dataclasses import dataclass

UNSTATED = "none stated"


@dataclass(frozen=True)
class DataEntry:
    """One data set of the Hub: which of its files, and which columns hold what; of several names the first that exists.

    Pictures, and a question or the fixed `asks`, and an answer; or a whole conversation in `talk`, which is used as it
    is where it has the `messages` of chat templates.
    """

    name: str
    files: str  # a pattern of parquet files
    megabytes: float | int  # of these files
    licence: str
    pictures: tuple[str, ...] = ("image",)
    question: tuple[str, ...] = ()
    asks: str = ""
    answer: tuple[str, ...] = ()
    talk: tuple[str, ...] = ()
    why: str = ""
    caution: str = ""
    # What was seen, on stored pages of the Hub from 2024 to 2026; the rest is from memory.
    checked: str = "id, files and size"


LITE = "lmms-lab/LMMs-Eval-Lite"
VQA = DataEntry(
    LITE, "vqav2_val/lite-*.parquet", 80, UNSTATED, question=("question",), answer=("answers",),
    why="500 questions of VQA v2 with the answers of ten people", caution="VQA v2 itself is CC BY 4.0; COCO's pictures",
)  # fmt: skip
VQA_LARGE = DataEntry(
    "merve/vqav2-small", "data/validation-00000-of-*.parquet", 484, UNSTATED, question=("question",),
    answer=("multiple_choice_answer",), why="about 3,000 questions of VQA v2, with the answer most people gave",
    caution="VQA v2 itself is CC BY 4.0; COCO's pictures", checked="id, files, size and columns",
)  # fmt: skip
STORY = DataEntry(
    "Mantis-VL/MIQA_sample", "visual_story_telling/train-*.parquet", 166, UNSTATED, pictures=("images",),
    talk=("conversation", "conversations"), why="stories over several photographs, from VIST, in one file",
    caution="photographs of Flickr's users", checked="id, files and size",
)  # fmt: skip
INSTRUCTIONS = DataEntry(
    "axolotl-ai-co/llava-instruct-mix-vsft-small", "data/test-*.parquet", 6, UNSTATED, pictures=("images",),
    talk=("messages",), why="136 conversations about a picture each, in `messages`",
    caution="COCO's pictures; written by GPT-4, whose upstream data are CC BY-NC 4.0",
    checked="id and columns; size worked out",
)  # fmt: skip
INSTRUCTIONS_LARGE = DataEntry(
    "axolotl-ai-co/llava-instruct-mix-vsft-small", "data/train-*.parquet", 109, UNSTATED, pictures=("images",),
    talk=("messages",), why="2,592 of them", caution=INSTRUCTIONS.caution, checked="id and columns; size worked out",
)  # fmt: skip
MEDICAL = DataEntry(
    "flaviagiammarino/vqa-rad", "data/test-*.parquet", 7, "cc0-1.0", question=("question",), answer=("answer",),
    why="451 questions of radiologists about their pictures", caution="nothing here is medical advice",
    checked="id, licence and columns; size worked out",
)  # fmt: skip
MEDICAL_TRAIN = DataEntry(
    "flaviagiammarino/vqa-rad", "data/train-*.parquet", 28, "cc0-1.0", question=("question",), answer=("answer",),
    why="1,793 of them, to tune on", caution=MEDICAL.caution, checked="id, licence and columns; size worked out",
)  # fmt: skip
WRITING = DataEntry(
    LITE, "nocaps_val/lite-*.parquet", 150, UNSTATED, asks="Write a poem of four lines about this picture.",
    answer=("annotations_captions", "captions", "caption", "answer"),
    why="pictures with ten captions: what a text about them should mention",
    caution="no poems to compare with: judged by what of the captions it mentions",
)  # fmt: skip
CODE = DataEntry(
    "unsloth/LaTeX_OCR", "data/test-*.parquet", 38, "apache-2.0", answer=("text",),
    asks="Write this formula in LaTeX.", why="pictures of formulas and the code that draws them",
    checked="id, files, licence and size",
)  # fmt: skip
SENTIMENT = DataEntry(
    "Ahren09/MMSoc_Memotion", "data/validation-*.parquet", 71, UNSTATED,
    asks="Is the sentiment of this meme positive, neutral or negative?",
    answer=("overall_sentiment", "sentiment", "label"), why="memes, and how people feel about them",
    caution="memes can offend: look at them before you show them to a room",
)  # fmt: skip
ARITHMETIC = DataEntry(
    "AI4Math/MathVista", "data/testmini-*.parquet", 142, "cc-by-sa-4.0", pictures=("decoded_image",),
    question=("query", "question"), answer=("answer",), why="1,000 problems with plots, tables and figures",
    checked="id, files, licence, size and columns",
)  # fmt: skip
RETRIEVAL = DataEntry(
    "royokong/flickr30k_test", "data/test-*.parquet", 141, UNSTATED, asks="Describe this picture in one sentence.",
    answer=("text", "caption", "captions"), why="Flickr30k's thousand test pictures with five captions each",
    caution="photographs of Flickr's users, for research",
)  # fmt: skip

COLAB = {"vqa": VQA, "story": STORY, "instructions": INSTRUCTIONS, "medical": MEDICAL, "writing": WRITING,
         "code": CODE, "sentiment": SENTIMENT, "arithmetic": ARITHMETIC, "retrieval": RETRIEVAL}  # fmt: skip
FULL = COLAB | {"vqa": VQA_LARGE, "instructions": INSTRUCTIONS_LARGE, "medical": MEDICAL_TRAIN}
