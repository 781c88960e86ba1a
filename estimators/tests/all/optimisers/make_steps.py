"""Writes steps.csv: five steps of each rule on a fixed sequence of gradients, in 50 digits and rounded to 17.

The formulas are written here from the documentation of PyTorch, with the sign of an ascent, and not from the library.
"""

from mpmath import mp, mpf, nstr, sqrt

mp.dps = 50
GRADIENTS = [["1", "-0.5"], ["0.25", "2"], ["-3", "0.125"], ["0", "-1"], ["0.5", "0.75"]]
START = ["1", "-2"]
LR = mpf("0.1")


def adam(state, x, g, t, decay=mpf(0), coupled=mpf(0)):
    b1, b2, eps = mpf("0.9"), mpf("0.999"), mpf("1e-8")
    x -= LR * decay * x
    g -= coupled * x
    state["m"] = b1 * state.get("m", 0) + (1 - b1) * g
    state["v"] = b2 * state.get("v", 0) + (1 - b2) * g**2
    m, v = state["m"] / (1 - b1**t), state["v"] / (1 - b2**t)
    return x + LR * m / (sqrt(v) + eps)


def adamw(state, x, g, t):
    return adam(state, x, g, t, decay=mpf("0.01"))


def adam_l2(state, x, g, t):
    """A wrong AdamW: the decay is part of the gradient."""
    return adam(state, x, g, t, coupled=mpf("0.01"))


def adamax(state, x, g, t, correct=True):
    b1, b2, eps = mpf("0.9"), mpf("0.999"), mpf("1e-8")
    state["m"] = b1 * state.get("m", 0) + (1 - b1) * g
    state["u"] = max(b2 * state.get("u", 0), abs(g) + eps)
    return x + LR / (1 - b1**t if correct else 1) * state["m"] / state["u"]


def adamax_uncorrected(state, x, g, t):
    """A wrong Adamax: the mean is not corrected for its beginning at zero."""
    return adamax(state, x, g, t, correct=False)


def adagrad(state, x, g, t):
    state["s"] = state.get("s", 0) + g**2
    return x + LR * g / (sqrt(state["s"]) + mpf("1e-10"))


def rmsprop(state, x, g, t, momentum=mpf(0), centered=False):
    alpha, eps = mpf("0.99"), mpf("1e-8")
    state["v"] = alpha * state.get("v", 0) + (1 - alpha) * g**2
    state["mean"] = alpha * state.get("mean", 0) + (1 - alpha) * g
    v = state["v"] - state["mean"]**2 if centered else state["v"]
    state["u"] = momentum * state.get("u", 0) + g / (sqrt(v) + eps)
    return x + LR * state["u"]


def rmsprop_momentum(state, x, g, t):
    return rmsprop(state, x, g, t, momentum=mpf("0.9"))


def rmsprop_centered(state, x, g, t):
    return rmsprop(state, x, g, t, centered=True)


def rmsprop_both(state, x, g, t):
    return rmsprop(state, x, g, t, momentum=mpf("0.9"), centered=True)


def nesterov(state, x, g, t):
    mu = mpf("0.9")
    state["u"] = mu * state.get("u", 0) + g
    return x + LR * (g + mu * state["u"])


def average(state, x, g, t, uniform=True):
    """The average beside plain steps, which are kept in the state."""
    state["x"] = state.get("x", x) + LR * g
    if uniform:
        state["sum"] = state.get("sum", 0) + state["x"]
        return state["sum"] / t
    decay = mpf("0.9")
    state["ema"] = decay * state["ema"] + (1 - decay) * state["x"] if "ema" in state else state["x"]
    return state["ema"]


def exponential_average(state, x, g, t):
    return average(state, x, g, t, uniform=False)


RULES = [adam, adamw, adam_l2, adamax, adamax_uncorrected, adagrad, rmsprop, rmsprop_momentum, rmsprop_centered]
RULES += [rmsprop_both, nesterov, average, exponential_average]

with open("steps.csv", "w") as file:
    for rule in RULES:
        x, states = [mpf(s) for s in START], [{}, {}]
        for t, gradient in enumerate(GRADIENTS, 1):
            x = [rule(state, x, mpf(g), t) for state, x, g in zip(states, x, gradient)]
            file.write(f"{rule.__name__},{t}," + ",".join(nstr(x, 17) for x in x) + "\n")
