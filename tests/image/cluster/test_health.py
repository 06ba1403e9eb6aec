"""The judge of what /healthz said: true, or false with the reason, or nobody while the agent was away."""

from __future__ import annotations

from tests.image.cluster.health import Answer, complaints

AWAY = [(100, 200)]


def test_true_and_false_with_a_reason_are_right_at_any_time() -> None:
    assert complaints([Answer(1, 2, 200, "ok\n"), Answer(3, 4, 503, "feed: no turn for 301 s\n")], AWAY) == []


def test_nobody_is_right_while_the_agent_was_killed_or_replaced() -> None:
    nobody = [Answer(90, 110, 0, "reset"), Answer(120, 121, 0, "refused"), Answer(190, 210, 0, "reset")]
    assert complaints(nobody, AWAY) == []
    assert complaints([Answer(201, 202, 0, "refused")], AWAY) == ["201..202: 0 'refused'"]


def test_false_without_a_reason_and_any_other_status_are_wrong() -> None:
    wrong = [Answer(1, 2, 503, " \n"), Answer(150, 151, 500, "oh")]
    assert complaints(wrong, AWAY) == ["1..2: 503 ' \\n'", "150..151: 500 'oh'"]
