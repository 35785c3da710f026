"""Images made smaller, gray or stacked, actions repeated."""

import numpy as np

from .spaces import channels_first, image_size, is_image
from .trouble import Trouble


def shrink(n, m):
    """[m, n]: averages over the area each of m pixels covers of n."""
    edge = np.linspace(0, n, m + 1)
    cell = np.arange(n)
    cover = np.minimum(edge[1:, None], cell + 1) - np.maximum(edge[:-1, None], cell)
    return (np.maximum(cover, 0) / (n / m)).astype(np.float32)


class Pixels:
    """Brightness, size and a stack of an environment's images."""

    def __init__(self, space, changes):
        from gymnasium import spaces

        if not is_image(space):
            raise Trouble("resize, gray and stack need observations that are one image (Box of uint8, two or three axes)", f"the space is {space}")
        self.first = channels_first(space.shape)
        h, w, c = image_size(space.shape)
        self.gray, self.size, self.stack = changes["gray"] and c == 3, changes["resize"], changes["stack"]
        self.down = self.across = None
        if self.size:
            self.down, self.across = shrink(h, self.size), shrink(w, self.size)
            h = w = self.size
        self.channels = 1 if self.gray else c
        self.space = spaces.Box(0, 255, (h, w, self.channels * self.stack), np.uint8)

    def frame(self, image):
        x = np.asarray(image)
        x = x.transpose(1, 2, 0) if self.first else x if x.ndim == 3 else x[:, :, None]
        if not self.gray and self.down is None:
            return x
        if self.gray:
            x = (x @ np.array([0.299, 0.587, 0.114], np.float32))[:, :, None]
        if self.down is not None:
            x = np.stack([self.down @ x[:, :, k].astype(np.float32) @ self.across.T for k in range(x.shape[2])], axis=2)
        return np.rint(x).astype(np.uint8)

    def begin(self, image):
        f = self.frame(image)
        return np.concatenate([f] * self.stack, axis=2)

    def add(self, held, image):
        if self.stack == 1:
            return self.frame(image)
        return np.concatenate([held[:, :, self.channels :], self.frame(image)], axis=2)


class Changed:
    """An environment with frame skip and changed images."""

    def __init__(self, env, changes):
        self.env, self.skip = env, changes["skip"]
        self.action_space, self.observation_space = env.action_space, env.observation_space
        self.pixels = None
        if changes["resize"] or changes["gray"] or changes["stack"] > 1:
            self.pixels = Pixels(env.observation_space, changes)
            self.observation_space = self.pixels.space
        self.image = is_image(env.observation_space)

    def reset(self, **more):
        obs, info = self.env.reset(**more)
        if self.pixels:
            obs = self.held = self.pixels.begin(obs)
        return obs, info

    def step(self, action):
        total, before = 0.0, None
        for k in range(self.skip):
            obs, reward, terminated, truncated, info = self.env.step(action)
            total += reward
            if terminated or truncated:
                break
            if self.image and k == self.skip - 2:
                before = np.array(obs)
        if before is not None and k == self.skip - 1:
            obs = np.maximum(before, obs)  # sprites that show on every other frame
        if self.pixels:
            obs = self.held = self.pixels.add(self.held, obs)
        return obs, total, terminated, truncated, info

    def close(self):
        self.env.close()
