#!/usr/bin/env python3
"""Principal components, t-SNE, k-means, hulls, trustworthiness and tf-idf from scikit-learn and SciPy.
Made with Python 3.11, NumPy 2.4.6, SciPy 1.17.1, scikit-learn 1.9.1:
    python3 tests/reference/embedding.py > tests/reference/data/embedding.h"""
import sys

import numpy as np
from emit import array
from scipy.sparse import csr_matrix
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.manifold import TSNE, _t_sne, trustworthiness
from sklearn.neighbors import NearestNeighbors

out = sys.stdout
out.write("/* Written by tests/reference/embedding.py. */\n")
rng = np.random.default_rng(4)
N, D, PERPLEXITY = 70, 6, 8


def d(name, x):
    """float32 in is float32 out: what scikit-learn computes in single precision has no more digits"""
    single = np.asarray(x).dtype == np.float32
    array(out, name, [float(str(v)) for v in x] if single else x, "double")


label = np.arange(N) % 4
X = np.round(rng.normal(size=(4, D))[label] * 3 + rng.normal(size=(N, D)), 4)
Y = np.round(rng.normal(size=(N, 2)), 4)
d("em_x", X)
d("em_y", Y)

pca = PCA(4, svd_solver="full").fit(X)
axes = pca.components_
axes = axes * np.sign(axes[np.arange(4), np.abs(axes).argmax(1)])[:, None]
d("em_pca", (X - X.mean(0)) @ axes.T)
d("em_share", pca.explained_variance_ratio_)

# ---- t-SNE: affinities (scikit-learn's are float32), divergence and gradient
P = _t_sne._joint_probabilities(squareform(pdist(X)) ** 2, PERPLEXITY, 0)
d("em_p", P.astype(np.float32)[:400])  # the first rows of the upper triangle
kl, gradient = _t_sne._kl_divergence(Y.ravel().copy(), P, 1, N, 2)
d("em_kl", [kl])
d("em_gradient", np.float32(gradient))
k = 3 * PERPLEXITY + 1
near = NearestNeighbors(n_neighbors=k).fit(X).kneighbors_graph(mode="distance")
near.data **= 2
sparse = _t_sne._joint_probabilities_nn(csr_matrix(near), PERPLEXITY, 0).toarray()
d("em_sparse_row", sparse[7].astype(np.float32))
kl_bh, gradient_bh = _t_sne._kl_divergence_bh(Y.ravel().astype(np.float32), csr_matrix(sparse), 1, N, 2, angle=0.5)
d("em_kl_bh", [kl_bh])
d("em_gradient_bh", np.float32(gradient_bh))

# ---- whole runs from the same beginning
start = 1e-4 * (X - X.mean(0)) @ axes[:2].T
d("em_start", start)
for name, method in (("em_final_exact", "exact"), ("em_final_bh", "barnes_hut")):
    t = TSNE(2, perplexity=PERPLEXITY, init=start.astype(np.float32), method=method, max_iter=1000, learning_rate="auto")
    Z = t.fit_transform(X)
    d(name, [t.kl_divergence_, trustworthiness(X, Z, n_neighbors=5)])

d("em_trust", [trustworthiness(X, Y, n_neighbors=k) for k in (1, 5, 12)])
neighbours = NearestNeighbors(n_neighbors=6).fit(Y).kneighbors(Y, return_distance=False)[:, 1:]
array(out, "em_label", label, "int")
d("em_purity", [(label[neighbours] == label[:, None]).mean()])

# ---- k-means from given centers; the best inertia of many beginnings
km = KMeans(4, init=X[:4], n_init=1, algorithm="lloyd", tol=0).fit(X)
array(out, "em_kmeans", km.labels_, "int")
d("em_inertia", [km.inertia_, KMeans(4, n_init=50, random_state=0, tol=0).fit(X).inertia_])
array(out, "em_hull", sorted(ConvexHull(Y).vertices), "int")
d("em_area", [ConvexHull(Y).volume])

# ---- tf-idf
texts = ["The agent learns from reward", "A reward model scores the agent's answer: 42 points", "Trees search; the search grows trees of trees",
         "Search for reward, search_again", "model of the world, MODEL of the agent"]
v = TfidfVectorizer(min_df=2)
T = v.fit_transform(texts).toarray()
out.write("static const char *const em_text[] = {\n" + "".join(f'    "{t}",\n' for t in texts) + "};\n")
out.write("static const char *const em_word[] = { " + ", ".join(f'"{w}"' for w in v.get_feature_names_out()) + " };\n")
d("em_tfidf", T)
