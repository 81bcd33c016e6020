"""`python docs/draw.py` draws docs/layers.svg and docs/run.svg. Colours follow the reader's light or dark mode."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

STYLE = """
text { font-family: system-ui, "Segoe UI", "Liberation Sans", sans-serif; font-size: 14px; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 12px; fill: #59636e; }
.code { font-family: ui-monospace, "SF Mono", "Liberation Mono", monospace; font-size: 13px; }
.group { fill: #f6f8fa; stroke: #d1d9e0; }
.module { fill: #ffffff; stroke: #818b98; }
.torch { fill: #fff1e5; stroke: #bc4c00; }
.value { fill: #ddf4ff; stroke: #0969da; }
.line { stroke: #59636e; stroke-width: 1.5; fill: none; }
.head { fill: #59636e; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .small { fill: #9198a1; }
  .group { fill: #151b23; stroke: #3d444d; }
  .module { fill: #212830; stroke: #656c76; }
  .torch { fill: #3d2410; stroke: #db6d28; }
  .value { fill: #10273d; stroke: #4493f8; }
  .line { stroke: #9198a1; }
  .head { fill: #9198a1; }
}
"""
ARROW = (
    '<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="head" d="M0 0 L10 5 L0 10 z"/></marker>'
)


@dataclass
class Picture:
    """Shapes in pixels; the later ones lie above the earlier."""

    width: int
    height: int
    title: str
    shapes: list[str] = field(default_factory=list)

    def box(self, x: int, y: int, w: int, h: int, kind: str = "module") -> None:
        self.shapes.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}" rx="6"/>')

    def text(self, x: int, y: int, words: str, kind: str = "", anchor: str = "middle") -> None:
        self.shapes.append(f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def module(self, x: int, y: int, w: int, name: str, note: str = "", kind: str = "module", h: int = 44) -> None:
        """A named box; the note stands below the name."""
        self.box(x, y, w, h, kind)
        middle = x + w // 2
        self.text(middle, y + (h // 2 - 2 if note else h // 2 + 5), name, "code")
        if note:
            self.text(middle, y + h // 2 + 14, note, "small")

    def arrow(self, *points: tuple[int, int]) -> None:
        path = " ".join(f"{'L' if n else 'M'}{x} {y}" for n, (x, y) in enumerate(points))
        self.shapes.append(f'<path class="line" d="{path}" marker-end="url(#arrow)"/>')

    def svg(self) -> str:
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(self.title)}">'
        return "\n".join([head, f"<style>{STYLE}</style>", f"<defs>{ARROW}</defs>", *self.shapes, "</svg>"]) + "\n"


def layers() -> Picture:
    """Layers: a higher one may use a lower one, never the other way round."""
    picture = Picture(980, 600, "The layers of regtrain")
    picture.box(10, 10, 560, 460, "group")
    picture.text(28, 34, "core/regtrain", "title", "start")
    rows = [
        [("cli", "arguments, printing", "module"), ("api", "for Python users", "torch")],
        [("run", "plan, prepare, launch, complete", "module")],
        [("export", "models built anew, exported, checked", "torch")],
        [("job", "the launched side", "torch"), ("tracking", "records to trackers", "module")],
        [("plan", "every choice, with reason", "module"), ("trainer", "loop, engine", "torch")],
        [*_plain("config", "host", "targets", "run_dir", "hardware"), ("checkpoint", "", "torch")],
        [("hookspecs", "every hook, one sentence each", "module")],
        [("types", "what crosses hooks, and the config", "module")],
        [("errors", "one class per fact", "module"), *_plain("redact", "bounded", "packages")],
    ]
    _stack(picture, rows, 28, 46, 524, step=47)
    picture.box(590, 10, 380, 460, "group")
    picture.text(608, 34, "registry/regtrain_registry", "title", "start")
    rows = [
        [("registry", "the façade: Registry", "module")],
        [("ops", "operations, in transactions", "module")],
        _plain("archives", "signing", "query"),
        _plain("db", "cards"),
        [("store", "files under their digest", "module")],
        [("domain", "values and decisions", "module"), ("location", "", "module")],
        _plain("refs", "semver", "json_values", "processes", "atomic_file"),
        [("validation", "", "module"), ("errors", "one class per fact", "module")],
    ]
    _stack(picture, rows, 608, 48, 344, step=52)
    picture.box(10, 500, 560, 60, "group")
    picture.text(28, 524, "plugins/regtrain_plugins", "title", "start")
    picture.text(28, 546, "one file each; see hookspecs and types of the core, and not each other", "small", "start")
    picture.arrow((290, 500), (290, 474))
    picture.arrow((570, 70), (604, 70))
    picture.text(608, 520, "run, cli and api alone reach the registry", "small", "start")
    picture.box(608, 536, 18, 18, "torch")
    picture.text(634, 550, "loads torch; everything else does without", "small", "start")
    picture.text(10, 586, "A higher layer uses lower ones, never the other way round.", "small", "start")
    return picture


def _plain(*names: str) -> list[tuple[str, str, str]]:
    return [(name, "", "module") for name in names]


def _stack(
    picture: Picture, layers: list[list[tuple[str, str, str]]], x: int, y: int, width: int, step: int = 59
) -> None:
    gap = 10
    for layer in layers:
        shares = [max(len(name), len(note) // 2, 6) + 2 for name, note, _ in layer]
        space, left = width - gap * (len(layer) - 1), x
        for (name, note, kind), share in zip(layer, shares, strict=True):
            wide = space * share // sum(shares)
            picture.module(left, y, wide, name, note, kind)
            left += wide + gap
        y += step


def run() -> Picture:
    """One direction, one value per arrow."""
    picture = Picture(980, 330, "From a YAML file to a registered version")
    picture.module(10, 30, 130, "run.yaml", "overlays, overrides", "value", 50)
    picture.module(190, 30, 130, "config", "one typed Config", h=50)
    picture.module(370, 30, 150, "plan", "choices, reasons", h=50)
    picture.module(570, 30, 150, "run folder", "plan.json, config.yaml", "value", 50)
    picture.module(770, 30, 200, "launcher", "a command, no pickle", h=50)
    for start, end in ((140, 190), (320, 370), (520, 570), (720, 770)):
        picture.arrow((start, 55), (end, 55))
    picture.box(370, 120, 600, 90, "group")
    picture.text(386, 143, "job: a process of its own", "title", "start")
    for x, name in ((386, "checkpoints"), (532, "trainer"), (678, "optimizer …"), (824, "model, data")):
        picture.module(x, 156, 130, name, kind="torch", h=38)
    for x in (824, 678, 532):
        picture.arrow((x, 175), (x - 16, 175))
    picture.arrow((870, 80), (870, 116))
    picture.text(960, 143, "loads torch; never sees the database", "small", "end")
    picture.module(570, 250, 150, "outcome.json", "metrics, recipe, best", "value", 50)
    picture.arrow((645, 210), (645, 246))
    picture.module(370, 250, 150, "register", "what has changed?", h=50)
    picture.arrow((570, 275), (524, 275))
    picture.module(190, 250, 130, "registry", "files, then one row", h=50)
    picture.arrow((370, 275), (324, 275))
    picture.module(10, 250, 130, "name@1.4.0", "with its parents", "value", 50)
    picture.arrow((190, 275), (144, 275))
    return picture


if __name__ == "__main__":
    here = Path(__file__).parent
    for name, picture in (("layers", layers()), ("run", run())):
        (here / f"{name}.svg").write_text(picture.svg(), encoding="utf-8")
