"""Section 4, instruction tuning: data, what it changes, domains, efficient tuning."""

from labs.teaching.quiz import Question

QUESTIONS = (
    Question(
        "A captioner knows that the star is red, and answers no question. What does instruction tuning add?",
        "The way to ask: what is asked for was mostly there.",
        "To complete a statement: {instruction_following/it knew before}; asked, after against before: "
        "{instruction_following/it follows}.",
        {
            "The facts.": "Completing statements, it told most of them before.",
            "Better eyes.": "They are frozen.",
        },
        2,
    ),
    Question(
        "All training questions of a kind are worded in one way. What does that cost?",
        "Little in that wording, much in all others.",
        "In its own wording: {instruction_following/one wording is enough for itself}; in unseen ones, many wordings "
        "against one: {instruction_following/many wordings}.",
        {
            "Nothing: a question is a question.": "Only as long as nobody asks otherwise.",
            "It is worse in every wording.": "In its own it is as good as the one with many.",
        },
        1,
    ),
    Question(
        "Descriptions invent objects. Preference tuning ranks pairs by facts, or by length. What happens?",
        "Facts lower inventions, length raises them.",
        "By facts, against a coin's ranking: {preference/facts lower it}; by length: {preference/length raises it}.",
        {
            "Both lower them: any preference helps.": "The ranker decides what is learned.",
            "Neither does: the pairs are its own.": "Its own pairs are the ones from which it can learn.",
        },
        0,
    ),
    Question(
        "An adapter is learned beside a 4-bit base. May it be merged, and the result be rounded to 4 bits again?",
        "Better not: rounding again moves the weights as far as tuning did.",
        "{qlora/not to be merged}. Keep it beside the base it was learned with, or merge into the unrounded one.",
        {
            "Yes: merged is unmerged.": "That identity holds in whole numbers, before rounding.",
            "Yes, with double quantisation.": "It saves bytes of the scales, and rounds no finer.",
        },
        1,
    ),
    Question(
        "Which part of a tuning step's memory does QLoRA leave nearly as it was?",
        "Activations.",
        "They grow with rows and tokens, and the gradient must pass through all layers.",
        {
            "The frozen weights.": "They go from 16 bits to about 4.",
            "The optimizer's states.": "AdamW keeps two numbers for each trained weight, and few are trained.",
        },
        2,
    ),
)
