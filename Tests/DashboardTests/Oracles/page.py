"""Reads a night's page as a browser would and prints what is wrong with it, one line each.

Standard input: the page, a line of 0x1e, then rows "version truth rul low high probability".
"""
import collections
import html.parser
import sys

import numpy

VOID = {"meta"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.text = [], [], []
        self.box = None
        self.shapes = 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "script" or any(key in ("src", "href") for key in attributes):
            self.wrong.append(f"<{tag}> asks for something else: {attributes}")
        if tag == "svg":
            self.box = [float(part) for part in attributes["viewbox"].split()]
            if not attributes.get("aria-label"):
                self.wrong.append("a drawing without a label")
        elif self.box:
            self.check(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def check(self, tag, attributes):
        points = []
        if "points" in attributes:
            points = [tuple(map(float, p.split(","))) for p in attributes["points"].split()]
        for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")):
            if x in attributes:
                points.append((float(attributes[x]), float(attributes[y])))
        if tag == "rect":
            points.append((float(attributes["x"]) + float(attributes["width"]),
                           float(attributes["y"]) + float(attributes["height"])))
        self.shapes += len(points)
        for x, y in points:
            if not (-0.1 <= x <= self.box[2] + 0.1 and -0.1 <= y <= self.box[3] + 0.1):
                self.wrong.append(f"<{tag}> at {x},{y} is outside of {self.box}")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()
        if tag == "svg":
            self.box = None

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


source, _, figures = sys.stdin.read().partition("\x1e\n")
page = Page()
page.feed(source)
page.close()
wrong = page.wrong + [f"<{tag}> is never closed" for tag in page.open]
if "http" in source or "url(" in source or "@import" in source:
    wrong.append("the page names another resource")
if page.shapes < 100:
    wrong.append(f"only {page.shapes} points are drawn")

rows = collections.defaultdict(list)
for line in figures.splitlines():
    version, *values = line.split()
    rows[version].append([float(value) for value in values])
text = " ".join(page.text)
for version, values in rows.items():
    # Predictions are 32-bit floats, written with as few digits as tell them apart.
    values = numpy.array(values).astype(numpy.float32).astype(float)
    truth, rul, low, high, probability = values.T
    capped = numpy.minimum(truth, 125)
    expected = [
        f"{numpy.sqrt(numpy.mean((rul - capped) ** 2)):.2f}",
        f"{100 * numpy.mean(rul > capped):.0f} %",
        f"{100 * numpy.mean((low <= capped) & (capped <= high)):.0f} %",
    ]
    if version == "1":
        place = numpy.minimum((probability * 10).astype(int), 9)
        for index in numpy.unique(place):
            inside = place == index
            expected.append(f"{100 * probability[inside].mean():.1f} %")
            expected.append(f"{100 * (truth[inside] <= 30).mean():.1f} %")
    wrong += [f"version {version}: {figure} is missing" for figure in expected if figure not in text]
print("\n".join(wrong))
