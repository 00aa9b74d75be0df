"""Draws values.csv: python3 values.py SUITE_FUNCTIONS_PY > values.csv

name, value, coordinates. Points are uniform in the unit cube; a trial decodes a
coordinate as the peers' library does: whole numbers on a log scale by rounding
exp of a number uniform between the logs of low - 1/2 and high + 1/2.
"""
import csv, importlib.util, math, random, sys

spec = importlib.util.spec_from_file_location("suite_functions", sys.argv[1])
suite = importlib.util.module_from_spec(spec)
spec.loader.exec_module(suite)
COND = ["model", "C", "kernel", "g", "depth", "feat", "lr", "mom", "h"]


class Trial:
    def __init__(self, rng, names=None):
        self.rng, self.names, self.u = rng, names, {}

    def draw(self, name):
        self.u[name] = u = self.rng.random()
        return u

    def suggest_float(self, name, lo, hi, log=False, step=None):
        u = self.draw(name)
        if log:
            return math.exp(math.log(lo) + (math.log(hi) - math.log(lo)) * u)
        if step:
            n = round((hi - lo) / step) + 1
            return lo + step * int(u * n)
        return lo + (hi - lo) * u

    def suggest_int(self, name, lo, hi, log=False):
        u = self.draw(name)
        if log:
            a, b = math.log(lo - 0.5), math.log(hi + 0.5)
            return min(max(math.floor(math.exp(a + (b - a) * u) + 0.5), lo), hi)
        return lo + int(u * (hi - lo + 1))

    def suggest_categorical(self, name, values):
        return values[int(self.draw(name) * len(values))]


out = csv.writer(sys.stdout, lineterminator="\n")
for name, (space, f, optimum, noise) in suite.SUITE.items():
    rng = random.Random(name)
    for _ in range(20 if name == "lowdim20" else 40):
        t = Trial(rng)
        p = space(t)
        u = [t.u.get(n, math.nan) for n in (COND if name == "cond8" else t.u)]
        out.writerow([name, repr(float(f(p)))] + ["" if v != v else repr(v) for v in u])
