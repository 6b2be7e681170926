"""Stand-ins for checkpoints that hear, or that read time series: CLAP, AST, Qwen2-Audio, PatchTST, TimesFM."""

import transformers as hf
from standins import Standin, byte_pairs, llama, made, tokenizer_of
from standins_language import CHATML_MARKS, qwen_tokenizer

CHANNELS, CONTEXT, HORIZON = 7, 64, 12  # PatchTST was trained on seven channels


def clap() -> Standin:
    """clap-htsat-fused: a Swin transformer on spectrograms, and RoBERTa; sounds longer than 10 s are fused."""
    first = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]  # positions are counted from the number of <pad> on
    pieces, merges = byte_pairs()
    vocab = {token: number for number, token in enumerate([*first, *sorted(pieces, key=pieces.get)])}
    tokenizer = tokenizer_of(hf.RobertaTokenizer, (vocab, merges))
    sound = hf.ClapFeatureExtractor(max_length_s=1, truncation="fusion")
    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "vocab_size": len(tokenizer), "max_position_embeddings": 128, "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}  # fmt: skip
    audio = {"spec_size": 128, "window_size": 4, "patch_embeds_hidden_size": 16, "hidden_size": 32, "depths": [1, 1],
             "num_attention_heads": [1, 2], "enable_fusion": True, "fusion_type": "aff_2d"}  # fmt: skip
    config = hf.ClapConfig(text_config=text, audio_config=audio, projection_dim=16)
    return made(hf.ClapModel, config, hf.ClapProcessor(sound, tokenizer))


LABELS = 527  # of AudioSet


def ast() -> Standin:
    """ast-finetuned-audioset: a vision transformer whose patches of a spectrogram overlap."""
    config = hf.ASTConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, max_length=64,
        num_mel_bins=32, num_labels=LABELS,
    )  # fmt: skip
    sound = hf.ASTFeatureExtractor(num_mel_bins=32, max_length=64)
    return made(hf.ASTForAudioClassification, config, sound)


def qwen_audio() -> Standin:
    """Qwen2-Audio-7B-Instruct: Whisper's encoder hears for Qwen; the processor brings its own template."""
    tokenizer = qwen_tokenizer(*CHATML_MARKS, "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
    sound = hf.WhisperFeatureExtractor(feature_size=16, chunk_length=2)
    heard = {"num_mel_bins": 16, "d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2,
             "encoder_ffn_dim": 64, "max_source_positions": 100}  # fmt: skip
    config = hf.Qwen2AudioConfig(
        audio_config=heard, text_config=llama(tokenizer, model_type="qwen2"),
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )  # fmt: skip
    return made(hf.Qwen2AudioForConditionalGeneration, config, hf.Qwen2AudioProcessor(sound, tokenizer))


def patchtst() -> Standin:
    """granite-timeseries-patchtst: every channel by itself through one transformer."""
    config = hf.PatchTSTConfig(
        num_input_channels=CHANNELS, context_length=CONTEXT, prediction_length=HORIZON, patch_length=8, patch_stride=8,
        d_model=16, ffn_dim=32, num_attention_heads=2, num_hidden_layers=2, pooling_type=None,
    )  # fmt: skip
    return made(hf.PatchTSTForPrediction, config, None)


def timesfm() -> Standin:
    """timesfm-2.0-500m: a decoder over patches, whose next patch is longer than those it reads."""
    config = hf.TimesFmConfig(
        patch_length=8, context_length=CONTEXT, horizon_length=16, hidden_size=32, intermediate_size=32, head_dim=16,
        num_attention_heads=2, num_hidden_layers=2,
    )  # fmt: skip
    return made(hf.TimesFmModelForPrediction, config, None)
