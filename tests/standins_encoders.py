"""Stand-ins for checkpoints that compare or segment pictures and clips: CLIP, SigLIP 2, CLIPSeg, SAM, X-CLIP."""

import transformers as hf
from standins import PATCH, SIZE, Standin, made, sentence_pieces, tokenizer_of, vit
from tokenizers import pre_tokenizers

SQUARE = {"height": SIZE, "width": SIZE}
SAM_SIDE = 64  # pixels; SAM's windows need some patches
CLASSES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def clip_tokenizer() -> hf.CLIPTokenizer:
    """CLIP's: lower case, letters that are tokens, and the last one of a word marked."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return hf.CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])


def _text(tokenizer: hf.CLIPTokenizer) -> dict:
    """CLIP's reader of texts, which takes what the closing token says."""
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return CLASSES | ids | {"vocab_size": len(tokenizer), "max_position_embeddings": 77}


def clip() -> Standin:
    """clip-vit-large-patch14."""
    tokenizer = clip_tokenizer()
    pixels = hf.CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=SQUARE)
    config = hf.CLIPConfig(
        text_config=_text(tokenizer), vision_config=vit("clip_vision_model"), projection_dim=16
    )  # fmt: skip
    return made(hf.CLIPModel, config, hf.CLIPProcessor(pixels, tokenizer))


def siglip2() -> Standin:
    """siglip2-base-patch16-224: SigLIP's model and Gemma's tokenizer, which neither lowers case nor pads by itself."""
    tokenizer = tokenizer_of(
        hf.GemmaTokenizer, sentence_pieces("<pad>", "<eos>", "<bos>", "<unk>", "<mask>"), model_max_length=64
    )
    config = hf.SiglipConfig(
        text_config=CLASSES | {"vocab_size": len(tokenizer), "max_position_embeddings": 64, "bos_token_id": 2,
                               "eos_token_id": 1, "pad_token_id": 0},
        vision_config=vit("siglip_vision_model"),
    )  # fmt: skip
    return made(hf.SiglipModel, config, hf.SiglipProcessor(hf.SiglipImageProcessorPil(size=SQUARE), tokenizer))


def clipseg() -> Standin:
    """clipseg-rd64-refined: CLIP, and a small decoder that several of its layers feed."""
    tokenizer = clip_tokenizer()
    config = hf.CLIPSegConfig(
        vision_config=vit("clipseg_vision_model", image_size=32, patch_size=16),  # it makes masks of 16 pixels a patch
        text_config=_text(tokenizer), projection_dim=16, reduce_dim=16, extract_layers=[0, 1],
        decoder_num_attention_heads=2, decoder_intermediate_size=32, use_complex_transposed_convolution=True,
    )  # fmt: skip
    pixels = hf.ViTImageProcessorPil(size={"height": 32, "width": 32})
    return made(hf.CLIPSegForImageSegmentation, config, hf.CLIPSegProcessor(pixels, tokenizer))


def sam() -> Standin:
    """sam-vit-base: a heavy encoder, and a light decoder that reads points and boxes."""
    pixels = hf.SamImageProcessorPil(
        size={"longest_edge": SAM_SIDE}, pad_size={"height": SAM_SIDE, "width": SAM_SIDE},
        mask_size={"longest_edge": SAM_SIDE // 4}, mask_pad_size={"height": SAM_SIDE // 4, "width": SAM_SIDE // 4},
    )  # fmt: skip
    sides = {"image_size": SAM_SIDE, "patch_size": PATCH}
    config = hf.SamConfig(
        vision_config=sides | {"hidden_size": 32, "output_channels": 16, "num_hidden_layers": 2, "mlp_dim": 64,
                               "num_attention_heads": 2, "window_size": 4, "global_attn_indexes": [1],
                               "num_pos_feats": 8},
        prompt_encoder_config=sides | {"hidden_size": 16, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )  # fmt: skip
    return made(hf.SamModel, config, hf.SamProcessor(pixels))


def x_clip() -> Standin:
    """xclip-base-patch32: CLIP's eyes on eight frames that send each other messages."""
    tokenizer = clip_tokenizer()
    pixels = hf.VideoMAEImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=SQUARE)
    config = hf.XCLIPConfig(
        text_config=_text(tokenizer), projection_dim=32, prompt_num_attention_heads=2,
        vision_config=vit("xclip_vision_model", mit_hidden_size=32, mit_intermediate_size=64,
                          mit_num_attention_heads=2, num_frames=8),
    )  # fmt: skip
    return made(hf.XCLIPModel, config, hf.XCLIPProcessor(pixels, tokenizer))
