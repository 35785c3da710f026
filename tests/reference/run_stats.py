"""Numbers for tests/run/stats.c: SciPy 1.17, rliable 1.2, statsmodels, scikit-learn.  Prints a C table.
Run in a scratch environment: pip install numpy scipy rliable statsmodels scikit-learn; versions are printed first."""
import warnings
warnings.filterwarnings("ignore")
import importlib.metadata as md
import numpy as np
from scipy import stats
from rliable import metrics
from rliable import library as rly
from statsmodels.stats.multitest import multipletests
from sklearn.metrics import cohen_kappa_score
from math import comb

print("/* Made by tests/reference/run_stats.py with " + ", ".join(
    f"{p} {md.version(p)}" for p in ("numpy", "scipy", "rliable", "statsmodels", "scikit-learn")) + ". */")
rng = np.random.default_rng(20)
def arr(name, a):
    a = np.asarray(a, float)
    print(f"static const double {name}[] = {{ " + ", ".join(repr(float(v)) for v in a.ravel()) + " };")
def num(name, v):
    print(f"static const double {name} = {float(v)!r};")

x = np.round(rng.normal(10, 3, (3, 11)), 3)   # [tasks][seeds]
y = np.round(rng.normal(9, 2, (3, 11)), 3)
y[0, 3] = x[0, 5]                             # a tie
arr("x", x); arr("y", y)
num("iqm_all", metrics.aggregate_iqm(x.T)); num("iqm_first", metrics.aggregate_iqm(x[:1].T))
num("mean_all", metrics.aggregate_mean(x.T)); num("median_first", np.median(x[0])); num("variance_first", np.var(x[0], ddof=1))
num("gap", metrics.aggregate_optimality_gap(x.T, gamma=10.0))
num("improvement", metrics.probability_of_improvement(x.T, y.T))
arr("quantiles", [np.quantile(x, q) for q in (0.0, 0.025, 0.3, 0.5, 0.99, 1.0)])
tau = np.array([4.0, 8.0, 10.0, 12.0, 20.0])
arr("profile", [np.mean(x > t) for t in tau])
prof, _ = rly.create_performance_profile({"x": x.T}, tau, reps=2)
assert np.allclose(prof["x"], [np.mean(x > t) for t in tau])
# stratified bootstrap: rliable, many repetitions
iv = rly.get_interval_estimates({"x": x.T}, lambda s: np.array([metrics.aggregate_iqm(s)]), reps=50000,
                                random_state=np.random.RandomState(1))[1]["x"]
arr("boot_iqm", iv)
b = stats.bootstrap((x[0],), np.mean, n_resamples=200000, method="percentile", rng=np.random.default_rng(1)).confidence_interval
arr("boot_mean", [b.low, b.high])
b = stats.bootstrap((x[0], y[0]), lambda a, c, axis=-1: np.mean(a, axis) - np.mean(c, axis), paired=True, vectorized=True,
                    n_resamples=200000, method="percentile", rng=np.random.default_rng(1)).confidence_interval
arr("boot_paired", [b.low, b.high])
# tests
d = (x - y)[0]
def perm(d, alt):
    return stats.permutation_test((d, np.zeros_like(d)), lambda a, c: np.mean(a - c), permutation_type="samples",
                                  n_resamples=np.inf, alternative=alt).pvalue
arr("perm", [perm(d, a) for a in ("two-sided", "greater", "less")])
dt = np.array([1.0, 1, 1, -1, 0, 2]); arr("dt", dt)                  # ties and a zero
arr("perm_ties", [perm(dt, a) for a in ("two-sided", "greater", "less")])
w = [stats.ttest_ind(x[0], y[1][:7], equal_var=False, alternative=a) for a in ("two-sided", "greater", "less")]
arr("welch", [w[0].statistic, w[0].df] + [v.pvalue for v in w])
p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03]; arr("holm_p", p); arr("holm", multipletests(p, method="holm")[1])
pts = [(0.0, 3), (1.3, 1), (-2.1, 2.5), (4.0, 10), (-8.0, 30), (1e-3, 5), (0.7, 1000), (50.0, 4), (-37.0, 8.3)]
arr("t_points", [v for q in pts for v in q]); arr("t_cdf", [stats.t.cdf(*q) for q in pts])
q = [(0.975, 1), (0.975, 9), (0.025, 4.4), (0.5, 3), (0.9999, 2), (0.6, 250)]
arr("t_q", [v for a in q for v in a]); arr("t_ppf", [stats.t.ppf(*a) for a in q])
# pass@k and kappa
k = [(10, 3, 1), (10, 3, 5), (200, 17, 100), (5, 5, 2), (8, 0, 3), (100, 60, 50)]
arr("pass_k", [v for a in k for v in a]); arr("pass_at", [1 - comb(n - c, j) / comb(n, j) for n, c, j in k])
a = rng.integers(0, 4, 40); c = np.where(rng.random(40) < 0.7, a, rng.integers(0, 4, 40))
print("static const int reader_a[] = { " + ", ".join(map(str, a)) + " }, reader_b[] = { " + ", ".join(map(str, c)) + " };")
arr("kappa", [np.mean(a == c), cohen_kappa_score(a, c)])
