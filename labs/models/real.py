"""The real checkpoints: one for each role in the profiles `colab` and `full`, and the systems that the tutorial names.

`colab` is one T4 with 16 GB, no account, nothing gated; `full` is 24 GB and more. Left out although well known, because
their weights were not stored as safetensors on the pages seen: openai/clip-vit-base-patch32 and -patch16,
microsoft/git-base-coco, Salesforce/blip-image-captioning-base and laion/clap-htsat-unfused; because it needs code of
its own: DAMO-NLP-SG/VideoLLaMA3; because its tokenizer needs sentencepiece and protobuf, which the labs do not:
google/siglip-base-patch16-224.

Two systems open through diffusers, the optional extra `editing`. Each brings a safety checker, 1.22 GB of its download,
which paints black what it takes for offensive. It stays, because a class types whatever it likes; who does not need it
calls load_from(..., safety_checker=None).
"""

from labs.models.entry import Entry

CAUSAL, CHAT = "AutoModelForCausalLM", "AutoModelForImageTextToText"
BRIEF, STORY = (
    "Answer with a single word or phrase.",
    "Tell the story of these pictures, one sentence for each picture.",
)

SIGLIP2 = Entry(
    "google/siglip2-base-patch16-224", "SiglipModel", licence="apache-2.0", millions=375, gigabytes=1.50,
    why="permissive, and its pairs are judged one by one; SigLIP trained further, in many languages",
    prompt="texts in lower case, padded to 64 tokens: its tokenizer does neither by itself",
    checked="id, class, licence, safetensors and size",
)  # fmt: skip
CLIP = Entry(
    "openai/clip-vit-large-patch14", "CLIPModel", licence="none stated", millions=428, gigabytes=1.71,
    why="the system itself; the smaller ones are not stored as safetensors", prompt="a photo of a ...",
    checked="id and size; safetensors on copies of it",
)  # fmt: skip
GIT = Entry(
    "microsoft/git-base-vqav2", "GitForCausalLM", licence="mit", millions=177, gigabytes=0.71,
    why="one network pretrained to write any text about a picture, tuned on VQA v2",
    prompt="the tokens of the question without the closing one; the answer follows",
)  # fmt: skip
GIT_CAPTIONS = Entry(
    "microsoft/git-large-coco", "GitForCausalLM", licence="mit", millions=394, gigabytes=1.58,
    why="the same design, tuned on COCO's captions; the base one is not stored as safetensors", prompt="none",
)  # fmt: skip
BLIP_VQA = Entry(
    "Salesforce/blip-vqa-base", "BlipForQuestionAnswering", licence="bsd-3-clause", millions=361, gigabytes=1.54,
    why="the pretrained generation's best-known answerer", prompt="the bare question",
    checked="id, licence, safetensors and their size; they hold a word list twice, in memory it is one",
)  # fmt: skip
BLIP2 = Entry(
    "Salesforce/blip2-opt-2.7b", "Blip2ForConditionalGeneration", licence="mit (OPT inside has terms of its own)",
    millions=3745, linear=2517, gigabytes=15.5, why="a frozen language model behind a Q-Former",
    prompt="Question: ... Answer:",
)  # fmt: skip
INSTRUCTBLIP = Entry(
    "Salesforce/instructblip-vicuna-7b", "InstructBlipForConditionalGeneration", licence="other (LLaMA's terms)",
    millions=7914, linear=6476, gigabytes=31.7, why="the Q-Former reads the instruction too",
    prompt="the bare instruction",
)  # fmt: skip
LLAVA = Entry(
    "llava-hf/llava-1.5-7b-hf", "LlavaForConditionalGeneration", licence="llama2", millions=7063, linear=6476,
    gigabytes=14.1, stored="float16", layers=32, width=4096, side=336, picture_tokens=576,
    why="the recipe that most others follow; in 4 bits it fits a T4",
    prompt="USER: <image>\\n... ASSISTANT:, and nothing closes an answer",
)  # fmt: skip
LLAVA_NEXT = Entry(
    "llava-hf/llava-v1.6-mistral-7b-hf", "LlavaNextForConditionalGeneration", licence="apache-2.0", millions=7567,
    linear=6979, gigabytes=15.1, stored="float16", layers=32, width=4096, side=336, picture_tokens=1728,
    brief=BRIEF, story=STORY, why="tiles of a picture at its own resolution; permissive",
    prompt="[INST] <image>\\n... [/INST]; up to five times the picture tokens",
)  # fmt: skip
IDEFICS = Entry(
    "HuggingFaceM4/idefics-9b-instruct", "IdeficsForVisionText2Text", licence="other (LLaMA's terms)",
    millions=8930, linear=7910, gigabytes=17.9, stored="bfloat16", why="Flamingo, rebuilt in the open",
    prompt="User: ...<end_of_utterance>\\nAssistant:, pictures where they belong",
)  # fmt: skip
IDEFICS2 = Entry(
    "HuggingFaceM4/idefics2-8b", "Idefics2ForConditionalGeneration", licence="apache-2.0", millions=8403, linear=6979,
    gigabytes=33.6, why="Flamingo's successor with permissive terms",
    prompt="64 tokens for the picture and for each of its quarters; do_image_splitting=False leaves those out",
)  # fmt: skip
SMOLVLM = Entry(
    "HuggingFaceTB/SmolVLM-500M-Instruct", CHAT, licence="apache-2.0", millions=507, linear=315, gigabytes=1.02,
    stored="bfloat16", layers=32, width=960, side=512, picture_tokens=64,
    brief=BRIEF, story=STORY, one_look=True, why="small, permissive, several pictures at once, no torchvision needed",
    prompt="64 tokens for each tile of 512 pixels; at one look there is one tile",
    checked="id and licence",
)  # fmt: skip
SMOLVLM_SMALL = Entry(
    "HuggingFaceTB/SmolVLM-256M-Instruct", CHAT, licence="apache-2.0", millions=256, linear=106, gigabytes=0.51,
    stored="bfloat16", layers=30, width=576, side=512, picture_tokens=64, brief=BRIEF, story=STORY, one_look=True,
    why="half of it, where memory is short", prompt=SMOLVLM.prompt,
    checked="id, licence and safetensors",
)  # fmt: skip
QWEN = Entry(
    "Qwen/Qwen2-VL-2B-Instruct", CHAT, licence="apache-2.0", millions=2209, linear=1310, gigabytes=4.42,
    stored="bfloat16", layers=28, width=1536, torchvision=True,
    why="pictures at their own size, numbered by rows and columns",
    prompt="ChatML; shortest_edge and longest_edge of `size`, numbers of pixels, bound the picture tokens",
)  # fmt: skip
SMOLVLM2 = Entry(
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct", CHAT, licence="apache-2.0", millions=507, linear=315, gigabytes=2.03,
    why="small, permissive, reads videos", torchvision=True,
    prompt="as SmolVLM, a frame for each picture; its processor needs num2words",
)  # fmt: skip
VIDEO_LLAVA = Entry(
    "LanguageBind/Video-LLaVA-7B-hf", "VideoLlavaForConditionalGeneration", licence="none stated", millions=7366,
    linear=6476, gigabytes=14.7, stored="float16", why="pictures and videos through one projector", torchvision=True,
    prompt="USER: <video>\\n... ASSISTANT:, eight frames",
)  # fmt: skip
VIDEOLLAMA3 = Entry(
    "lkhl/VideoLLaMA3-2B-Image-HF", "VideoLlama3ForConditionalGeneration", licence="none stated", millions=1960,
    linear=1310, gigabytes=3.92, stored="bfloat16", torchvision=True,
    why="the one of its family that stock classes open", prompt="ChatML",
)  # fmt: skip
CLAP = Entry(
    "laion/clap-htsat-fused", "ClapModel", licence="apache-2.0", millions=154, gigabytes=0.61,
    why="CLIP for sounds",
    prompt="This is a sound of ...; 48 kHz, one channel, one at a time: of several short ones, one counts as long",
)  # fmt: skip
AST = Entry(
    "MIT/ast-finetuned-audioset-10-10-0.4593", "ASTForAudioClassification", "AutoFeatureExtractor",
    licence="bsd-3-clause", millions=86.6, gigabytes=0.35, why="a vision transformer on spectrograms",
    prompt="16 kHz; 527 labels",
    checked="id, licence and safetensors",
)  # fmt: skip
QWEN_AUDIO = Entry(
    "Qwen/Qwen2-Audio-7B-Instruct", "Qwen2AudioForConditionalGeneration", licence="apache-2.0", millions=8397,
    linear=6476, gigabytes=16.8, stored="bfloat16", why="a language model that listens", prompt="ChatML with <|AUDIO|>",
)  # fmt: skip
XCLIP = Entry(
    "microsoft/xclip-base-patch32", "XCLIPModel", licence="mit", millions=197, gigabytes=0.79,
    why="CLIP for short videos", prompt="eight frames",
)  # fmt: skip
PATCHTST = Entry(
    "ibm-granite/granite-timeseries-patchtst", "PatchTSTForPrediction", "", licence="apache-2.0", millions=0.6,
    gigabytes=0.0025, why="patches of a time series as tokens", prompt="seven channels, 512 steps in, 96 out",
)  # fmt: skip
TIMESFM = Entry(
    "google/timesfm-2.0-500m-pytorch", "TimesFmModelForPrediction", "", licence="apache-2.0", millions=500,
    gigabytes=2.0, why="a decoder pretrained on many time series", prompt="a list of series and their frequency class",
)  # fmt: skip
SAM = Entry(
    "facebook/sam-vit-base", "SamModel", licence="apache-2.0", millions=93.7, gigabytes=0.38,
    why="a mask for a point or a box", prompt="points and boxes in the picture's own pixels",
)  # fmt: skip
CLIPSEG = Entry(
    "CIDAS/clipseg-rd64-refined", "CLIPSegForImageSegmentation", licence="apache-2.0", millions=150, gigabytes=0.60,
    why="a mask for a word", prompt="the picture once for each text; 352 pixels out",
)  # fmt: skip
SMOLLM = Entry(
    "HuggingFaceTB/SmolLM2-135M-Instruct", CAUSAL, "AutoTokenizer", licence="apache-2.0", millions=135, linear=106,
    gigabytes=0.27, stored="bfloat16", why="small and permissive", prompt="ChatML",
)  # fmt: skip
QWEN3 = Entry(
    "Qwen/Qwen3-0.6B", CAUSAL, "AutoTokenizer", licence="apache-2.0 (from memory)", millions=596, linear=440,
    gigabytes=1.50, stored="bfloat16", why="small and recent", prompt="ChatML; enable_thinking=False for short answers",
    checked="id, safetensors and size",
)  # fmt: skip
INSTRUCT_PIX2PIX = Entry(
    "timbrooks/instruct-pix2pix", "StableDiffusionInstructPix2PixPipeline", "", "diffusers",
    licence="mit (Stable Diffusion inside has CreativeML OpenRAIL-M)", millions=1370, gigabytes=5.48,
    why="instruction tuning whose answer is a picture: an edited one",
    prompt="what is to change, and the picture, 512 pixels; image_guidance_scale holds on to the picture",
    checked="id, class, licence, safetensors, no fp16 variant, the UNet's size; the rest from the shapes",
)  # fmt: skip
GLIGEN = Entry(
    "masterful/gligen-1-4-generation-text-box", "StableDiffusionGLIGENPipeline", "", "diffusers", "refs/pr/2",
    licence="creativeml-openrail-m", millions=1579, gigabytes=6.32,
    why="a frozen model learns to read boxes through gated layers, as Flamingo to see",
    prompt="a caption; gligen_phrases, and gligen_boxes as x, y, x, y from 0 to 1; variant='fp16' halves the download",
    checked="id, licence, safetensors in refs/pr/2 (main has deleted them), the UNet's size; the rest as pickled ones",
)  # fmt: skip

COLAB = {
    "dual_encoder": SIGLIP2, "language": SMOLLM, "generative": GIT, "vqa": BLIP_VQA, "multimodal": SMOLVLM,
    "video_language": SMOLVLM2, "audio_text": CLAP, "audio_encoder": AST, "video_encoder": XCLIP,
    "time_series": PATCHTST, "segmentation": CLIPSEG,
}  # fmt: skip
FULL = COLAB | {
    "language": QWEN3, "captions": GIT_CAPTIONS, "multimodal": LLAVA_NEXT,
    "video_language": VIDEOLLAMA3, "audio_language": QWEN_AUDIO, "time_series": TIMESFM, "segmentation": SAM,
}  # fmt: skip
SYSTEMS = {  # by the name that the tutorial has for them
    "clip": CLIP, "git": GIT, "blip": BLIP_VQA, "blip2": BLIP2, "instructblip": INSTRUCTBLIP, "llava": LLAVA,
    "llava_next": LLAVA_NEXT, "flamingo": IDEFICS, "idefics2": IDEFICS2, "qwen2_vl": QWEN,
    "smolvlm_256m": SMOLVLM_SMALL, "video_llava": VIDEO_LLAVA, "videollama3": VIDEOLLAMA3, "clap": CLAP, "ast": AST,
    "qwen_audio": QWEN_AUDIO, "x_clip": XCLIP, "patchtst": PATCHTST, "timesfm": TIMESFM, "sam": SAM,
    "clipseg": CLIPSEG, "instructpix2pix": INSTRUCT_PIX2PIX, "gligen": GLIGEN,
}  # fmt: skip
