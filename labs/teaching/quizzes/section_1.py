"""Section 1, introduction: what is multimodal, what it took, the core challenges."""

from labs.teaching.quiz import Question

QUESTIONS = (
    Question(
        "A chain of specialists, each without a fault, answers questions about a printer from their reports. One model "
        "looks for itself. Why does the chain lose?",
        "What the reports do not mention is gone before the question comes.",
        "No report can answer a question it did not foresee: {specialists/printer}, and 50 % is chance.",
        {
            "Its specialists are trained on less data.": "They are perfect here, by construction; what is lost is lost "
            "between them.",
            "It has fewer parameters.": "Size does not matter to what was never written down.",
        },
        1,
    ),
    Question(
        "Senses are trained together, and one is by far the easiest. What happens to the others' branches?",
        "They learn less than each would alone.",
        "Modality competition: the loss is low already. The picture's branch alone, and in the joint training: "
        "{fusion/competition}.",
        {
            "They learn more, from each other.": "Together they answer better, but each branch by itself has learned "
            "less.",
            "They learn the same.": "The easy sense explains the answers early; little gradient is left for others.",
        },
        0,
    ),
    Question(
        "A sense will sometimes be missing when the model is used. What helps most at no extra cost?",
        "Leave senses out at random in training.",
        "Modality dropout, with senses missing in the test: {fusion/missing senses}. With everything there it costs "
        "nothing.",
        {
            "Put the training mean in its place at the test.": "A model that never saw a hole does not know what to do "
            "with a mean.",
            "Slow the strong sense down in training (modulation).": "In our measurement it changed nothing.",
        },
        2,
    ),
    Question(
        "Accuracy is 30 % with other scenes' pictures and 96 % with the right ones. What is the picture worth?",
        "66 points: what the questions alone give away does not count.",
        "The control with another picture is the floor; the gap to it is what seeing adds.",
        {
            "96 points.": "A part of the answers can be guessed from the words of the question.",
            "30 points.": "That is what is right without having seen the picture.",
        },
        1,
    ),
    Question(
        "It is said that a contrastive model gets better with more pairs, steps or width. What must a measurement have "
        "to be allowed to agree?",
        "The same held-out names in all arms, three seeds, and an interval of the difference.",
        "More pairs: {scaling/more pairs}; more width: {scaling/more width}; each with one thing changed.",
        {
            "One run that is better than another.": "Near a jump in learning, one seed proves nothing.",
            "A lower training loss.": "What counts are names nobody trained on.",
        },
        2,
    ),
)
