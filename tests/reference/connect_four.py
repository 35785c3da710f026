"""Win, loss and draw rates of uniformly random Connect Four, for tests/env/connect_four.c.

Plays many games side by side on plain arrays and looks for lines by convolution: nothing in common with the bit boards
of the environment.  Run with NumPy 2.4.6:  python3 tests/reference/connect_four.py
"""
import numpy as np

GAMES, BATCH = 400_000, 20_000
rng = np.random.default_rng(1)


def has_four(stones):
    """stones: bool [games, 6, 7] -> bool [games]"""
    s = stones
    lines = [
        s[:, :, :-3] & s[:, :, 1:-2] & s[:, :, 2:-1] & s[:, :, 3:],
        s[:, :-3] & s[:, 1:-2] & s[:, 2:-1] & s[:, 3:],
        s[:, :-3, :-3] & s[:, 1:-2, 1:-2] & s[:, 2:-1, 2:-1] & s[:, 3:, 3:],
        s[:, 3:, :-3] & s[:, 2:-1, 1:-2] & s[:, 1:-2, 2:-1] & s[:, :-3, 3:],
    ]
    return np.any([line.any(axis=(1, 2)) for line in lines], axis=0)


def play(n):
    board = np.zeros((n, 6, 7), dtype=np.int8)
    result = np.zeros(n, dtype=int)  # 1: first player, 2: second, 0: nobody
    alive = np.ones(n, dtype=bool)
    for ply in range(42):
        height = (board != 0).sum(axis=1)
        choice = np.where(height < 6, rng.random((n, 7)), -1).argmax(axis=1)
        rows = np.flatnonzero(alive)
        player = 1 + ply % 2
        board[rows, height[rows, choice[rows]], choice[rows]] = player
        won = has_four(board == player) & alive
        result[won] = player
        alive &= ~won
    return np.bincount(result, minlength=3)


total = sum(play(BATCH) for _ in range(GAMES // BATCH))
print("win %.4f loss %.4f draw %.4f" % (total[1] / GAMES, total[2] / GAMES, total[0] / GAMES))
