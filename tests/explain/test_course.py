"""The lesson: the same commands in both languages, over files that the package has, none of which needs the network."""

import re
import shlex
from pathlib import Path

LESSON = Path(__file__).parents[2] / "recipes" / "course"


def commands(name: str) -> list[list[str]]:
    text = (LESSON / name).read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE)]


def tables(name: str) -> list[str]:
    lines = (LESSON / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if re.match(r"\| \S+.*\d", line)]


def test_both_languages_have_the_same_commands_and_figures() -> None:
    assert commands("README.md") == commands("README.es.md")
    assert tables("README.md") == tables("README.es.md")


def test_the_lesson_runs_every_command_of_explain_and_ends_with_hello() -> None:
    ours = commands("README.md")
    assert {words[2] for words in ours if words[1] == "explain"} == {"ladder", "audio", "gates", "gradients", "memory"}
    assert ours[-1][:2] == ["speechrnn", "hello"]


def test_what_the_lesson_reads_is_in_the_package_or_made_before() -> None:
    made = {"runs/course/ladder"}
    for words in commands("README.md"):
        out = words[words.index("--out") + 1] if "--out" in words else ""
        for path in (word for word in words if "/" in word and word != out):
            assert (LESSON.parents[1] / path).exists() or {path, str(Path(path).parent)} & made, path
        made.add(out)
