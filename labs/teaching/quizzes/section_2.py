"""Section 2, pretrained models: datasets, four families, senses beyond vision."""

from labs.teaching.quiz import Question

QUESTIONS = (
    Question(
        "You must find one of a million pictures for a sentence, in a tenth of a second. Which family?",
        "A dual encoder.",
        "Its pictures are encoded once, before anybody asks. Pairs for the same operations: "
        "{vlpm_families/operations in search}, dual encoder against single stream.",
        {
            "A single stream.": "It must read every picture together with the sentence: a million passes.",
            "An encoder-decoder.": "It writes answers; to rank, it too must look at each pair.",
        },
        0,
    ),
    Question(
        '"A red circle and a blue square" or "a blue circle and a red square": who tells these apart best?',
        "A model whose layers look at words and regions together.",
        "Binding needs fusion: {vlpm_families/swapped colours}, fusion against a dual encoder with twice the steps.",
        {
            "A dual encoder, if the batch is large.": "It compares two summaries; both sentences have the same words.",
            "Any of them: the words differ in order.": "Order must reach the summary; mostly it does not.",
        },
        2,
    ),
    Question(
        "Sounds were paired with pictures, pictures with words, sounds never with words. Does a word find its sound?",
        "Yes: pictures bind them.",
        "Emergent alignment, as in ImageBind: {imagebind/sound finds words}, with shuffled pairs as the control.",
        {
            "No: nothing in the loss asks for it.": "Both were pulled to the same pictures, so they came to lie "
            "near each other.",
            "Only if a few sounds have words.": "None had any; that is what *emergent* means here.",
        },
        1,
    ),
    Question(
        "Many captions of the web are wrong. CapFilt writes captions anew and drops those that do not fit. What bought "
        "most here?",
        "Dropping what does not fit.",
        "Both: {git_blip/CapFilt}. Against dropping alone, writing anew added little: {git_blip/rewriting adds to "
        "filtering}, not reproduced at this scale.",
        {
            "Writing anew.": "It helped less than the paper says, in our small world.",
            "Neither: large data forgive noise.": "They forgive some; a filter was worth several points.",
        },
        0,
    ),
    Question(
        "An encoder of sounds was trained without labels, by rebuilding what was hidden; a linear layer then learns "
        "from labels. Is that better than training all from scratch on the same labels?",
        "Not here: from scratch was better.",
        "{sense_encoders/sound}: the paper's direction, reversed in a simple world where few labels say enough.",
        {
            "Yes, always.": "It depends on how hard the sense is, and on how many labels there are.",
            "Yes, if it rebuilds well.": "What is needed to rebuild and what is asked later are not the same.",
        },
        2,
    ),
)
