"""What checkpoints are for that answer: one question about what is shown or heard, and what must hold of the answer."""

from typing import Any

import torch
from use_encoders import MOVING, PICTURES

from labs.models.chat import answer, message
from labs.models.conversation import write
from labs.models.entry import Loaded
from labs.world import clip, sound

QUESTION = "What colour is the star?"
GREEDY = {"do_sample": False, "min_new_tokens": 3, "max_new_tokens": 3}


def chat(loaded: Loaded, **template: bool) -> torch.Tensor:
    """A reply to a message, by the tokenizer's own template, ChatML."""
    tokenizer, told = loaded.processor, [{"role": "user", "content": QUESTION}]
    inputs = tokenizer.apply_chat_template(told, add_generation_prompt=True, return_tensors="pt", **template)
    text = tokenizer.decode(inputs["input_ids"][0])
    assert f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n" in text
    assert text.endswith("<think>\n\n</think>\n\n") == bool(template)
    return _go_on(loaded, inputs)


def chat_without_thinking(loaded: Loaded) -> torch.Tensor:
    """Qwen3 is given an empty thought."""
    return chat(loaded, enable_thinking=False)


def answer_question(loaded: Loaded) -> torch.Tensor:
    """The answer to a question about a picture, asked as the labs ask; another picture is told apart."""
    picture, other = (write(loaded.processor, [message(QUESTION)], [shown]) for shown in PICTURES)
    _tell_apart(loaded, picture, other)
    ids = _go_on(loaded, picture)
    said = loaded.processor.decode(ids[0, -3:], skip_special_tokens=True).strip()
    assert answer(loaded, PICTURES[:1], QUESTION, **GREEDY) == said
    return ids


def answer_with_two_readers(loaded: Loaded) -> torch.Tensor:
    """InstructBLIP's Q-Former reads the question too, with a tokenizer of another kind."""
    assert type(loaded.processor.qformer_tokenizer).__name__ == "BertTokenizer"
    return answer_question(loaded)


def answer_as_git(loaded: Loaded) -> torch.Tensor:
    """GIT goes on with the question, or for a caption with the token that opens every text."""
    assert answer(loaded, PICTURES[:1], QUESTION, **GREEDY)
    opening = torch.tensor([[loaded.processor.tokenizer.cls_token_id]])
    picture, other = (loaded.processor(images=shown, return_tensors="pt") for shown in PICTURES)
    _tell_apart(loaded, dict(picture, input_ids=opening), dict(other, input_ids=opening))
    caption = loaded.model.generate(**picture, **GREEDY)
    assert caption.shape == (1, 4) and caption[0, 0] == opening
    return caption


def answer_as_blip(loaded: Loaded) -> torch.Tensor:
    """BLIP's second reader writes the answer, from a token of its own on."""
    picture, other = (loaded.processor(images=shown, text=QUESTION, return_tensors="pt") for shown in PICTURES)
    ids = loaded.model.generate(**picture, **GREEDY)
    assert ids.shape == (1, 4) and ids[0, 0] == loaded.processor.tokenizer.convert_tokens_to_ids("[DEC]")
    assert loaded.model(**picture, labels=ids).loss != loaded.model(**other, labels=ids).loss
    return ids


def answer_as_idefics(loaded: Loaded) -> torch.Tensor:
    """Pictures stand where they belong in the text."""
    prompts = [["User:", shown, f"{QUESTION}<end_of_utterance>", "\nAssistant:"] for shown in PICTURES]
    picture, other = (loaded.processor(text=[prompt], return_tensors="pt") for prompt in prompts)
    assert picture["image_attention_mask"].shape == (*picture["input_ids"].shape, 1)
    _tell_apart(loaded, picture, other)
    return _go_on(loaded, picture)


def answer_sound(loaded: Loaded) -> torch.Tensor:
    """The answer to a question about spoken words; more of them take more tokens."""
    content = [{"type": "audio"}, {"type": "text", "text": QUESTION}]
    text = loaded.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)

    def heard(words):
        samples = sound.say(words).mean(axis=0)
        return loaded.processor(text=[text], audio=[samples], sampling_rate=sound.RATE, return_tensors="pt")

    red = heard("the red star")
    assert heard("star")["input_ids"].shape[1] < red["input_ids"].shape[1]
    _tell_apart(loaded, red, heard("the blue moon"))
    return _go_on(loaded, red)


def answer_clip(loaded: Loaded, text: str = "") -> torch.Tensor:
    """The answer to a question about a clip; backwards it is another clip."""
    told = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": QUESTION}]}]
    text = text or loaded.processor.apply_chat_template(told, add_generation_prompt=True)
    frames = clip.film(MOVING)
    timing = {"fps": clip.FRAMES_PER_SECOND, "total_num_frames": len(frames), "frames_indices": range(len(frames))}

    def seen(frames):
        options = {"video_metadata": [timing], "do_sample_frames": False, "return_tensors": "pt"}
        return loaded.processor(text=[text], videos=[[frames]], **options)

    _tell_apart(loaded, seen(frames), seen(frames[::-1].copy()))
    return _go_on(loaded, seen(frames))


def answer_clip_and_picture(loaded: Loaded) -> torch.Tensor:
    """Both, by the processor's own template."""
    return torch.cat([answer_question(loaded)[0], answer_clip(loaded)[0]])


def answer_as_video_llava(loaded: Loaded) -> torch.Tensor:
    """Both, by the prompt that the model card gives."""
    asked = f"{QUESTION} ASSISTANT:"
    pictures = [loaded.processor(images=shown, text=f"USER: <image>\n{asked}") for shown in PICTURES]
    _tell_apart(loaded, *pictures)
    return answer_clip(loaded, f"USER: <video>\n{asked}")


def _go_on(loaded: Loaded, inputs: Any) -> torch.Tensor:
    """The prompt, and three tokens more."""
    ids, tokens = loaded.model.generate(**inputs, **GREEDY), inputs["input_ids"].shape[1]
    assert ids.shape == (1, tokens + 3) and torch.equal(ids[:, :tokens], inputs["input_ids"])
    return ids


def _tell_apart(loaded: Loaded, inputs: Any, other: Any) -> None:
    """What is shown or heard reaches the word that comes next."""
    next_word, others = (loaded.model(**shown).logits[:, -1] for shown in (inputs, other))
    assert next_word.isfinite().all() and not torch.equal(next_word, others)
