"""Reference values of the objectives of language-model training: tests/reference/data/objectives.h.

Written from the papers and from descriptions of the frameworks' conventions, with plain loops over sequences and
tokens in float64; derivatives by automatic differentiation (autograd 1.9.1, NumPy 2.4.6, Python 3.11).
    python objectives.py > data/objectives.h
"""
import autograd.numpy as np
import numpy
from autograd import grad

rng = numpy.random.default_rng(20261121)

# three groups and a lonely one; sequence 2 has no token that counts; group 2 has equal rewards
GROUP = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
LENGTH = [5, 3, 4, 6, 2, 4, 5, 3, 4, 3]
N, L = len(GROUP), max(LENGTH)
REWARD = numpy.round(rng.normal(size=N), 3)
REWARD[7] = REWARD[8] = 0.25
MASK = numpy.zeros((N, L), int)
for i in range(N):
    MASK[i, : LENGTH[i]] = 1
MASK[2, :] = 0
MASK[3, 1] = 0
LOGP = numpy.where(numpy.arange(L) < numpy.array(LENGTH)[:, None], -rng.exponential(size=(N, L)) - 0.05, 0.0)
OLD = numpy.where(LOGP < 0, LOGP + 0.35 * rng.normal(size=(N, L)), 0.0)
REF = numpy.where(LOGP < 0, LOGP + 0.5 * rng.normal(size=(N, L)), 0.0)
VALUE = rng.normal(size=(N, L))
ENTROPY = rng.uniform(0, 2, size=(N, L))
TEACHER = numpy.zeros((N, L), int)
TEACHER[4, :] = 1
TRUNCATED = numpy.array([0, 1, 0, 0, 0, 0, 1, 0, 0, 0])
TURN = numpy.minimum(numpy.arange(L) // 2, 1) * numpy.ones((N, 1), int)
TURN_REWARD = numpy.round(rng.normal(size=(N, 2)), 3)

DEFAULT = dict(objective="policy", ratio="token", ratio_norm="mean", advantage="standardize", std="sample", std_eps=1e-4,
               std_scope="group", denominator="sequence-mean", denominator_scope="batch", constant=None, clip_low=0.2,
               clip_high=0.2, dual_clip=None, kl="none", kl_place="loss", beta=0.0, gamma_shape=0.1, gamma=1.0, **{"lambda": 1.0},
               turn_weight=1.0, group_filter="none", drop_truncated=False, overlong_max=0, overlong_cache=0, top_entropy=1.0,
               teacher=False)


def members(i, keep):
    return [k for k in range(N) if GROUP[k] == GROUP[i] and keep[k]]


def std(c, v):
    n = len(v) - (1 if c["std"] == "sample" else 0)
    m = sum(v) / len(v)
    return (sum((x - m) ** 2 for x in v) / n) ** 0.5 if n > 0 else 0.0


def advantages(c, mask):
    """[N, L]; and whether they differ within a sequence"""
    tokens = [[t for t in range(L) if mask[i, t]] for i in range(N)]
    r = numpy.array(REWARD)
    for i in range(N):
        n = len(tokens[i])
        if c["overlong_max"] and n > c["overlong_max"] - c["overlong_cache"]:
            r[i] += (c["overlong_max"] - c["overlong_cache"] - n) / c["overlong_cache"] if n <= c["overlong_max"] else -1
    in_reward = c["kl"] != "none" and c["kl_place"] == "reward"
    rule = c["advantage"]
    per_token = rule in ("whiten", "gae", "turn")
    if in_reward and rule not in ("whiten", "gae"):
        for i in range(N):
            r[i] -= c["beta"] * sum(OLD[i, t] - REF[i, t] for t in tokens[i])
    everyone = [True] * N

    def scaled(v, i):
        g = [v[k] for k in members(i, everyone)]
        if len(g) < 2 or len(set(g)) == 1:
            return 0.0
        return (v[i] - sum(g) / len(g)) / (std(c, list(v) if c["std_scope"] == "batch" else g) + c["std_eps"])

    A = numpy.zeros((N, L))
    for i in range(N):
        g = [r[k] for k in members(i, everyone)]
        flat = len(g) < 2 or len(set(g)) == 1
        if rule == "none":
            a = r[i]
        elif rule in ("center", "center-whiten"):
            a = 0.0 if flat else r[i] - sum(g) / len(g)
        elif rule == "leave-one-out":
            a = 0.0 if flat else r[i] - (sum(g) - r[i]) / (len(g) - 1)
        elif rule == "relative":
            first = members(i, everyone)[0]
            a = 0.0 if flat or i == first else (1.0 if r[i] > r[first] else -1.0)
        elif rule in ("standardize", "turn"):
            a = scaled(r, i)
        else:
            a = 0.0
        if rule == "turn":
            together = scaled(r + TURN_REWARD.sum(axis=1), i)  # of a sequence that never came to a second turn
            for t in range(L):
                A[i, t] = a + c["turn_weight"] * scaled(TURN_REWARD[:, TURN[i, t]], i)
                if all(TURN[i, u] == 0 for u in tokens[i]):
                    A[i, t] = together
        elif rule in ("whiten", "gae"):
            carry, nextv, last = 0.0, 0.0, True
            for t in reversed(tokens[i]):
                x = (r[i] if last else 0.0) - (c["beta"] * (OLD[i, t] - REF[i, t]) if in_reward else 0.0)
                last = False
                if rule == "gae":
                    carry = x + c["gamma"] * nextv - VALUE[i, t] + c["gamma"] * c["lambda"] * carry
                    nextv = VALUE[i, t]
                else:
                    carry = x + c["gamma"] * carry
                A[i, t] = carry
        else:
            A[i, :] = a
    if rule in ("whiten", "gae", "center-whiten"):
        cells = [(i, t) for i in range(N) for t in tokens[i]]
        v = [A[x] for x in cells]
        m, s = sum(v) / len(v), std(c, v) + c["std_eps"]
        A = numpy.where(mask, (A - m) / s, 0.0)
    return A, per_token


def loss_of(c, logp, A, mask, alive):
    tokens = [[t for t in range(L) if mask[i, t]] for i in range(N)]
    live = [i for i in range(N) if alive[i] and tokens[i]]
    groups = sorted({GROUP[i] for i in live})
    cut = None
    if c["top_entropy"] < 1:
        pool = sorted((ENTROPY[i, t] for i in live for t in tokens[i]), reverse=True)
        cut = pool[int(c["top_entropy"] * len(pool) + 0.5) - 1]

    def token_losses(i):
        T = len(tokens[i])
        d = [logp[i, t] - OLD[i, t] for t in tokens[i]]
        if c["ratio"] == "sequence":
            whole = sum(d) / (T if c["ratio_norm"] == "mean" else 1)
            d = [whole] * T
        out = []
        for k, t in enumerate(tokens[i]):
            a = A[i, t]
            if c["objective"] == "sft":
                x = -logp[i, t]
            elif c["objective"] == "mirror":
                whole = sum(logp[i, u] - OLD[i, u] for u in tokens[i])
                x = -a * logp[i, t] + c["beta"] / 2 * whole**2 / T
            elif c["teacher"] and TEACHER[i, t]:
                p = np.exp(logp[i, t])
                x = -a * p / (p + c["gamma_shape"])
            elif c["ratio"] == "none":
                x = -a * logp[i, t]
            else:
                r = np.exp(d[k])
                lo = 0.0 if c["clip_low"] is None else 1 - c["clip_low"]
                if c["objective"] == "cispo":
                    w = min(max(float(getattr(r, "_value", r)), lo), 1 + c["clip_high"])
                    x = -w * a * logp[i, t]
                elif c["clip_high"] is None:
                    x = -a * r
                else:
                    x = -np.minimum(a * r, a * np.clip(r, lo, 1 + c["clip_high"]))
                    if c["dual_clip"] and a < 0:
                        x = np.minimum(x, -c["dual_clip"] * a)
            if cut is not None and ENTROPY[i, t] < cut:
                x = x * 0.0
            if c["kl"] != "none" and c["kl_place"] == "loss" and c["objective"] != "mirror":
                e = logp[i, t] - REF[i, t]
                x = x + c["beta"] * {"k1": e, "k2": e**2 / 2, "k3": np.exp(-e) + e - 1}[c["kl"]]
            out.append(x)
        return out

    def reduce(ids):
        per = {i: token_losses(i) for i in ids}
        total = sum(sum(x) for x in per.values())
        kind = c["denominator"]
        if kind == "sequence-mean":
            return sum(sum(x) / len(x) for x in per.values()) / len(ids)
        if kind == "token-mean":
            return total / sum(len(x) for x in per.values())
        if kind == "sequence-sum":
            return total / len(ids)
        if kind == "constant":
            return total / (len(ids) * c["constant"])
        return total / c["constant"]

    if c["denominator_scope"] == "group":
        return sum(reduce([i for i in live if GROUP[i] == g]) for g in groups) / len(groups)
    return reduce(live)


def sequences(name, fields, preset="", convention="", spelled=None):
    """fields: what the test sets on top of the preset; spelled: what that must amount to"""
    c = dict(DEFAULT, **(spelled or {}), **{k: v for k, v in fields.items()})
    mask = MASK.copy()
    if c["drop_truncated"]:
        mask[TRUNCATED == 1] = 0
    alive = [True] * N
    if c["group_filter"] == "mixed":
        for i in range(N):
            alive[i] = len({REWARD[k] for k in range(N) if GROUP[k] == GROUP[i]}) > 1
    A, per_token = advantages(c, mask)
    f = lambda x: loss_of(c, x, A, mask, alive)
    text = " ".join(f"{k}={-1 if v is None else str(v).lower() if isinstance(v, bool) else v}" for k, v in fields.items() if k != "teacher")
    return name, preset, convention, text, int(c["teacher"]), f(LOGP), A, grad(f)(LOGP)


S = dict
CASES = [
    sequences("defaults", {}),
    sequences("center", S(advantage="center", clip_high=0.28)),
    sequences("population", S(std="population", std_eps=1e-8)),
    sequences("batch_std", S(std_scope="batch")),
    sequences("loo", S(advantage="leave-one-out", ratio="none", denominator="sequence-sum")),
    sequences("raw", S(advantage="none", ratio="none")),
    sequences("token_mean", S(denominator="token-mean")),
    sequences("token_mean_group", S(denominator="token-mean", denominator_scope="group")),
    sequences("sequence_sum_group", S(denominator="sequence-sum", denominator_scope="group")),
    sequences("sequence_mean_group", S(denominator_scope="group")),
    sequences("constant", S(denominator="constant", constant=7)),
    sequences("total", S(denominator="total-constant", constant=7)),
    sequences("sequence_ratio", S(ratio="sequence", clip_low=0.03, clip_high=0.04)),
    sequences("sequence_ratio_sum", S(ratio="sequence", ratio_norm="sum")),
    sequences("no_clip", S(clip_high=None)),
    sequences("upper_clip_only", S(clip_low=None)),
    sequences("dual_clip", S(dual_clip=1.5, clip_high=0.5)),
    sequences("k1_loss", S(kl="k1", beta=0.3)),
    sequences("k2_loss", S(kl="k2", beta=0.3)),
    sequences("k3_loss", S(kl="k3", beta=0.3, denominator="token-mean")),
    sequences("k1_reward", S(kl="k1", kl_place="reward", beta=0.3)),
    sequences("filter", S(group_filter="mixed", denominator="token-mean")),
    sequences("truncated", S(drop_truncated=True)),
    sequences("overlong", S(overlong_max=5, overlong_cache=2)),
    sequences("top_entropy", S(top_entropy=0.3, kl="k3", beta=0.1)),
    sequences("teacher", S(teacher=True, clip_high=None, advantage="center")),
    sequences("cispo", S(objective="cispo", clip_low=0.1, clip_high=0.1)),
    sequences("mirror", S(objective="mirror", advantage="center", denominator="sequence-sum", beta=0.2)),
    sequences("sft", S(objective="sft", denominator="token-mean")),
    sequences("whiten", S(advantage="whiten", kl="k1", kl_place="reward", beta=0.2, denominator="token-mean")),
    sequences("center_whiten", S(advantage="center-whiten")),
    sequences("gae", S(advantage="gae", gamma=0.9, **{"lambda": 0.8}, denominator="token-mean")),
    sequences("turn", S(advantage="turn", turn_weight=0.5)),
    sequences("relative", S(advantage="relative")),
    # presets: the fields are those of the sources
    sequences("preset_grpo", {}, "grpo", "", S(kl="k3", beta=0.04)),
    sequences("preset_grpo_trl", {}, "grpo", "trl", {}),
    sequences("preset_grpo_oi", {}, "grpo", "open-instruct",
              S(std="population", std_eps=1e-8, denominator="token-mean", clip_high=0.272, kl="k3", beta=0.05)),
    sequences("preset_dr_grpo", S(constant=6), "dr_grpo", "", S(advantage="center", denominator="constant")),
    sequences("preset_dapo", {}, "dapo", "", S(denominator="token-mean", denominator_scope="group", clip_high=0.28, group_filter="mixed")),
    sequences("preset_dapo_verl", {}, "dapo", "verl", S(denominator="token-mean", clip_high=0.28, group_filter="mixed", std_eps=1e-6)),
    sequences("preset_gspo", {}, "gspo", "", S(ratio="sequence", clip_low=3e-4, clip_high=4e-4)),
    sequences("preset_rloo", {}, "rloo", "",
              S(ratio="none", advantage="leave-one-out", denominator="sequence-sum", kl="k1", kl_place="reward", beta=0.05)),
    sequences("preset_rloo_trl", {}, "rloo", "trl",
              S(ratio="sequence", ratio_norm="sum", advantage="leave-one-out", kl="k1", kl_place="reward", beta=0.05)),
    sequences("preset_mt_grpo", {}, "mt-grpo", "", S(advantage="turn")),
    sequences("preset_lite", {}, "lite-ppo", "", S(std_scope="batch", denominator="token-mean")),
]

# ---- pairs ----
P = 6
PAIR = dict(chosen=-rng.uniform(2, 30, P), rejected=-rng.uniform(2, 30, P), chosen_n=rng.integers(3, 20, P) * 1.0,
            rejected_n=rng.integers(3, 20, P) * 1.0)
PAIR["chosen_ref"] = PAIR["chosen"] + rng.normal(size=P)
PAIR["rejected_ref"] = PAIR["rejected"] + rng.normal(size=P)


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def pair_loss(kind, c, r):
    cr, rr, cn, rn = (PAIR[k] for k in ("chosen_ref", "rejected_ref", "chosen_n", "rejected_n"))
    d = (c - cr) - (r - rr)
    davg = (c - cr) / cn - (r - rr) / rn
    if kind == "dpo":
        x = -log_sigmoid(0.1 * d)
    elif kind == "dpo_smooth":
        x = -0.9 * log_sigmoid(0.1 * d) - 0.1 * log_sigmoid(-0.1 * d)
    elif kind == "dpo_norm":
        x = -log_sigmoid(5 * davg)
    elif kind == "ipo":
        x = (d - 1 / (2 * 0.1)) ** 2
    elif kind == "ipo_avg":
        x = (davg - 1 / (2 * 0.1)) ** 2
    elif kind == "simpo":
        x = -log_sigmoid(2 * (c / cn - r / rn) - 1)
    elif kind == "simpo_ratio":
        x = -log_sigmoid(2 * (c / cn - r / rn - 0.5))
    elif kind in ("orpo", "orpo_sum"):
        a, b = c / cn, r / rn
        odds = (a - b) - (np.log(1 - np.exp(a)) - np.log(1 - np.exp(b)))
        x = (-a if kind == "orpo" else -c) - 0.1 * log_sigmoid(odds)
    elif kind == "hinge":
        x = np.maximum(0, 1 - 0.1 * d)
    else:
        x = -log_sigmoid(c - r - 0.3) + 0.01 * (c + r) ** 2
    return np.mean(x)


PAIR_CASES = [("dpo", "dpo", "", ""), ("dpo_smooth", "dpo", "", "smoothing=0.1"), ("dpo_norm", "dpo", "open-instruct", ""), ("ipo", "ipo", "", ""),
              ("ipo_avg", "ipo", "trl", ""), ("simpo", "simpo", "", ""), ("simpo_ratio", "simpo", "", "margin=0.5 margin-times-beta=true"),
              ("orpo", "orpo", "", ""), ("orpo_sum", "orpo", "", "nll=sum"), ("hinge", "slic", "", ""), ("reward", "reward", "", "margin=0.3 center=0.01")]
DESIRABLE = numpy.array([1, 0, 1, 1, 0, 0])
Z0 = 0.4


def kto(x):
    d = x - PAIR["chosen_ref"]
    s = lambda v: 1 / (1 + np.exp(-v))
    return np.mean(np.where(DESIRABLE, 1 - s(0.1 * (d - Z0)), 1.5 * (1 - s(0.1 * (Z0 - d)))))


# ---- C ----
def table(name, x, kind="double"):
    v = numpy.asarray(x).reshape(-1)
    text = [repr(float(a)) if kind == "double" else str(int(a)) for a in v]
    body, line = [], "   "
    for t in text:
        if len(line) + len(t) > 115:
            body.append(line)
            line = "   "
        line += f" {t},"
    print(f"static const {kind} {name}[{len(text)}] = {{\n" + "\n".join(body + [line]) + "\n};")


print("/* made by tests/reference/objectives.py: do not edit */")
print(f"enum {{ OBJ_N = {N}, OBJ_L = {L}, OBJ_P = {P} }};")
for n, x, k in (("group", GROUP, "int"), ("reward", REWARD, "double"), ("mask", MASK, "uint8_t"), ("logp", LOGP, "double"), ("old", OLD, "double"),
                ("ref", REF, "double"), ("value", VALUE, "double"), ("entropy", ENTROPY, "double"), ("teacher", TEACHER, "uint8_t"),
                ("truncated", TRUNCATED, "uint8_t"), ("turn", TURN, "int"), ("turn_reward", TURN_REWARD, "double")):
    table("obj_" + n, x, k)
print("struct obj_case { const char *name, *preset, *convention, *fields; int teacher; double loss; const double *adv, *grad; };")
for name, *_, A, g in CASES:
    table(f"adv_{name}", A)
    table(f"grad_{name}", g)
print("static const struct obj_case obj_cases[] = {")
for name, preset, convention, text, teacher, loss, A, g in CASES:
    print(f'    {{ "{name}", "{preset}", "{convention}", "{text}", {teacher}, {float(loss)!r}, adv_{name}, grad_{name} }},')
print("};")
for k, v in PAIR.items():
    table("pair_" + k, v)
rows = []
for kind, preset, convention, text in PAIR_CASES:
    c, r = PAIR["chosen"], PAIR["rejected"]
    table(f"pair_dc_{kind}", grad(lambda x: pair_loss(kind, x, r))(c))
    table(f"pair_dr_{kind}", grad(lambda x: pair_loss(kind, c, x))(r))
    rows.append(f'    {{ "{kind}", "{preset}", "{convention}", "{text}", 0, {float(pair_loss(kind, c, r))!r}, pair_dc_{kind}, pair_dr_{kind} }},')
print("static const struct obj_case pair_cases[] = {\n" + "\n".join(rows) + "\n};")
table("kto_desirable", DESIRABLE, "double")
table("kto_grad", grad(kto)(PAIR["chosen"]))
print(f"static const double kto_z0 = {Z0}, kto_loss = {float(kto(PAIR['chosen']))!r};")
