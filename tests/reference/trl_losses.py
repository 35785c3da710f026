"""Losses of the real TRL on a tiny random GPT-2, with their derivatives by the log-probabilities: tests/reference/data/trl.h.

trl 1.16.0, transformers 5.23.0, torch 2.15.0, Python 3.11.  The trainers' own loss functions run; what they would compute before (log-probabilities of the
model, of the sampler and of the reference) is given to them, so that derivatives by log-probabilities can be asked for.
    python trl_losses.py > data/trl.h
"""
from types import SimpleNamespace as Namespace
from collections import defaultdict

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from trl import DPOTrainer, GRPOTrainer

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
N, L, PROMPT, VOCAB = 6, 7, 3, 11
model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_positions=32, n_embd=16, n_layer=2, n_head=2)).double().eval()
tokens = torch.randint(0, VOCAB, (N, PROMPT + L))
length = torch.tensor([7, 3, 5, 1, 6, 4])
mask = (torch.arange(L)[None] < length[:, None]).long()


def logps(m):
    with torch.no_grad():
        lp = m(tokens).logits.log_softmax(-1)[:, :-1]
    return lp.gather(-1, tokens[:, 1:, None])[..., 0][:, -L:]


def moved(scale):
    m = GPT2LMHeadModel(model.config).double().eval()
    m.load_state_dict(model.state_dict())
    with torch.no_grad():
        for p in m.parameters():
            p.add_(scale * torch.randn_like(p))
    return m


LOGP, OLD, REF = logps(model), logps(moved(0.03)), logps(moved(0.06))
GROUP, REWARD = [0, 0, 0, 1, 1, 1], torch.tensor([1.0, 0.0, 0.25, 0.0, 1.0, 0.0])
grouped = REWARD.view(2, 3)
centered = REWARD - grouped.mean(1).repeat_interleave(3)
ADV = {"group": centered / (grouped.std(1).repeat_interleave(3) + 1e-4), "none": centered}  # GRPOTrainer: scale_rewards


class Accelerator:
    num_processes, device = 1, torch.device("cpu")
    gather = gather_for_metrics = staticmethod(lambda x: x)
    unwrap_model = staticmethod(lambda m: m)
    reduce = staticmethod(lambda x, **k: x)


def grpo(scale="group", **settings):
    t = object.__new__(GRPOTrainer)
    d = dict(loss_type="dapo", beta=0.0, epsilon_low=0.2, epsilon_high=0.2, importance_sampling_level="token", top_entropy_quantile=1.0)
    d.update(settings)
    args = Namespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1, gradient_accumulation_steps=1, entropy_coef=0.0, use_adaptive_entropy=False)
    for k, v in dict(off_policy_mask_threshold=None, use_vllm=False, vllm_importance_sampling_correction=False, current_gradient_accumulation_steps=1,
                     max_completion_length=L, aux_loss_enabled=False, accelerator=Accelerator, args=args, model=Namespace(training=True),
                     _entropy_bonus_enabled=False, entropy_coef=0.0, _metrics={"train": defaultdict(list), "eval": defaultdict(list)}, **d).items():
        t.__dict__[k] = v
    x = LOGP.clone().requires_grad_()
    t._get_per_token_logps_and_entropies = lambda *a, **k: (x, torch.ones_like(x), None)
    inputs = dict(prompt_ids=tokens[:, :PROMPT], prompt_mask=torch.ones(N, PROMPT).long(), completion_ids=tokens[:, PROMPT:], completion_mask=mask,
                  advantages=ADV[scale], old_per_token_logps=OLD, ref_per_token_logps=REF, num_items_in_batch=mask.sum())
    loss = t._compute_loss(None, inputs)
    loss.backward()
    return loss.item(), x.grad


# pairs: texts 0-2 are chosen, 3-5 rejected; log-probabilities of whole texts are sums
def dpo(loss_type, beta, smoothing=0.0):
    t = object.__new__(DPOTrainer)
    for k, v in dict(accelerator=Accelerator, model=Namespace(training=True), aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True,
                     f_divergence_type="reverse_kl", beta=beta, label_smoothing=smoothing, loss_types=[loss_type], loss_weights=[1.0], use_weighting=False,
                     args=Namespace(), _metrics={"train": defaultdict(list), "eval": defaultdict(list)}, _total_train_tokens=0, _tp_size=1).items():
        t.__dict__[k] = v
    x = LOGP.clone().requires_grad_()
    full = torch.cat([torch.zeros(N, PROMPT).long(), mask], 1)
    shifted = torch.cat([torch.zeros(N, PROMPT - 1), x * mask], 1)
    inputs = dict(input_ids=tokens, attention_mask=torch.ones_like(tokens), completion_mask=full,
                  ref_chosen_logps=(REF * mask).sum(1)[:3], ref_rejected_logps=(REF * mask).sum(1)[3:])
    zeros = torch.zeros(N, PROMPT + L - 1)
    fake = lambda **k: Namespace(log_probs=shifted, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool(), mean_entropy=torch.tensor(0.0), aux_loss=None)
    loss = t._compute_loss(fake, inputs, False)
    loss.backward()
    return loss.item(), x.grad[:, 0]  # d / d sum: the same for every token


CASES = [
    ("grpo", "denominator=sequence-mean", grpo(loss_type="grpo")),
    ("grpo", "denominator=sequence-mean kl=k3 beta=0.04", grpo(loss_type="grpo", beta=0.04)),
    ("bnpo", "", grpo(loss_type="bnpo")),
    ("dr-grpo", "constant=7", grpo("none", loss_type="dr_grpo")),
    ("dapo", "", grpo(loss_type="dapo", epsilon_high=0.28)),
    ("gspo", "", grpo(loss_type="grpo", importance_sampling_level="sequence", epsilon_low=3e-4, epsilon_high=4e-4)),
    ("cispo", "", grpo(loss_type="cispo", epsilon_high=5.0)),
    ("cispo", "clip-high=0.05", grpo(loss_type="cispo", epsilon_high=1.05)),
    ("grpo", "clip-low=0.02 clip-high=0.03", grpo(loss_type="grpo", epsilon_low=0.02, epsilon_high=0.03)),
]
PAIRS = [("dpo", "", dpo("sigmoid", 0.1)), ("dpo", "beta=0.5", dpo("sigmoid", 0.5)), ("ipo", "", dpo("ipo", 0.1)), ("slic", "beta=0.3", dpo("hinge", 0.3))]


def put(name, v, kind="double"):
    print(f"static const {kind} {name}[{len(v)}] = {{ {', '.join(repr(x) for x in v)} }};")


print("/* made by tests/reference/trl_losses.py: do not edit */")
print(f"enum {{ TRL_N = {N}, TRL_L = {L} }};")
for name, v in (("trl_logp", LOGP * mask), ("trl_old", OLD * mask), ("trl_ref", REF * mask)):
    put(name, v.flatten().tolist())
put("trl_mask", mask.flatten().tolist(), "unsigned char"), put("trl_reward", REWARD.tolist()), put("trl_group", GROUP, "int")
print("static const struct { const char *preset, *fields; double loss, grad[TRL_N * TRL_L]; } trl_cases[] = {")
for preset, fields, (loss, g) in CASES:
    print(f'    {{ "{preset}", "{fields}", {loss!r}, {{ {", ".join(repr(x) for x in g.flatten().tolist())} }} }},')
print("};\nstatic const struct { const char *preset, *fields; double loss, grad[TRL_N]; } trl_pairs[] = {")
for preset, fields, (loss, g) in PAIRS:
    print(f'    {{ "{preset}", "{fields}", {loss!r}, {{ {", ".join(repr(x) for x in g.tolist())} }} }},')
print("};")
