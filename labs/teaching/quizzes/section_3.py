"""Section 3, multimodal large models: connectors, what is trained, senses beyond vision."""

from labs.teaching.quiz import Question

QUESTIONS = (
    Question(
        "A frozen language model gets eyes by one projection. What must be trained at the least?",
        "The projection alone.",
        "Right answers with its own pictures, and with others': {blip2/connectors see}.",
        {
            "The last layers of the language model.": "They may stay frozen; it reads projected features as words.",
            "The eyes.": "They are frozen too, in LLaVA's first stage as in BLIP-2.",
        },
        1,
    ),
    Question(
        "A Q-Former gives 16 tokens, an MLP one for each patch. Which did better here, with frozen eyes and language "
        "model?",
        "The Q-Former with fewer tokens.",
        "{blip2/fewer tokens}: its queries look up what is asked for. With one token only: {blip2/more queries}.",
        {
            "The MLP: it drops nothing.": "It has more tokens, and a frozen reader has to find its way among them.",
            "Neither: tokens do not matter.": "One token against sixteen is a large step.",
        },
        0,
    ),
    Question(
        "Flamingo's gates start at zero. What does that buy?",
        "At the first step the language model is what it was before.",
        "It holds by construction: {flamingo/gates at zero}, before and after they were put in.",
        {
            "Fewer operations.": "The new layers are computed all the same; only what they add is zero.",
            "Sparser attention.": "A gate scales a whole layer; it does not choose tokens.",
        },
        2,
    ),
    Question(
        "The language model is tuned whole, on pictures. What happens to what it knew of texts?",
        "Much is forgotten, unless texts are mixed in.",
        "Before and after: {experts/full tuning forgets}; with texts mixed in: {experts/texts mixed in}.",
        {
            "Nothing: pictures and texts do not meet.": "They share every weight of the language model.",
            "It gets better, by more data.": "More data of another kind pull the weights elsewhere.",
        },
        1,
    ),
    Question(
        "A clip's frames are fed in without positions. What breaks?",
        "Which of two things came first.",
        "{video_llama/order needs positions}, with and without positions.",
        {
            "What is in the clip.": "A bag of frames still shows all that is there.",
            "Nothing: frames come in order.": "Attention has no order but what positions give it.",
        },
        0,
    ),
)
