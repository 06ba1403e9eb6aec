"""A picture of what was measured: bars of medians, each group against its peer. Values to SVG text, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LEFT, BAR, GAP, SCALE, WIDE = 190, 18, 14, 130, 760  # pixels; SCALE is the length of a bar of ratio 1
COLOURS = ("#8a8a8a", "#2b7a4b", "#c9a227", "#3b6ea5")


def bars(groups: Mapping[str, Mapping[str, float]], against: str) -> str:
    """Return the picture: for each group a bar for each name, as long as its median's ratio to that of `against`."""
    lines: list[str] = []
    y = GAP
    for group, medians in groups.items():
        lines.append(_text(8, y + BAR, group, weight="bold"))
        y += BAR + 6
        for colour, (name, median) in zip(COLOURS, medians.items(), strict=False):
            ratio = median / medians[against]
            length = min(ratio * SCALE, WIDE - LEFT - 130)
            lines.append(_text(LEFT - 8, y + BAR - 5, name, anchor="end"))
            lines.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 4}" fill="{colour}"/>')
            lines.append(_text(LEFT + length + 6, y + BAR - 5, f"{median:.2f} ms ({ratio:.2f})"))
            y += BAR
        y += GAP
    style = "text{font:12px sans-serif;fill:#222}rect.ground{fill:#fff}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{y}" viewBox="0 0 {WIDE} {y}">'
    ground = f'<rect class="ground" width="{WIDE}" height="{y}"/>'
    return "\n".join([head, f"<style>{style}</style>", ground, *lines, "</svg>", ""])


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{text}</text>'
