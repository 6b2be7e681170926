"""What learners write in worksheet 2: usual wrong answers with the sentence they must be told, and right answers."""

import torch


def lora_forgets_scale(x, weight, A, B, alpha):
    return torch.nn.functional.linear(x, weight) + torch.nn.functional.linear(torch.nn.functional.linear(x, A), B)


def lora_alpha_alone(x, weight, A, B, alpha):
    return torch.nn.functional.linear(x, weight + alpha * B @ A)


def lora_update_alone(x, weight, A, B, alpha):
    r = A.shape[0]
    return (alpha / r) * torch.nn.functional.linear(x, B @ A)


def lora_merged(x, weight, A, B, alpha):
    return torch.nn.functional.linear(x, weight + alpha / A.shape[0] * B @ A)


def lora_by_sums(x, weight, A, B, alpha):
    down = torch.einsum("bi,ri->br", x, A)
    return torch.einsum("bi,oi->bo", x, weight) + torch.einsum("br,or->bo", down, B) * alpha / B.shape[1]


WRONG = {
    "lora_forward": {
        lora_forgets_scale: "not scaled by alpha / r",
        lora_alpha_alone: "divide by the rank",
        lora_update_alone: "x W^T is missing",
    },
}
RIGHT = {"lora_forward": (lora_merged, lora_by_sums)}
