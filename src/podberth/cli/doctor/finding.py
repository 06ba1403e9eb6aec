"""What the doctor says of one thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`level`: ok; warn, for what only some pods will miss; fail, if ADD can't work. `todo` is the remedy."""

    area: str
    name: str
    level: str
    text: str
    todo: str = ""

    def form(self) -> dict[str, object]:
        """Return the JSON form."""
        return {"area": self.area, "name": self.name, "level": self.level, "text": self.text, "todo": self.todo}
