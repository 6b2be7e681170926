"""Diffusion in small modules, written to be read: denoiser, schedule, guidance, gated layers that let boxes in."""
