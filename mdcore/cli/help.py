"""``mdcore help``: what may stand in an input, what do exit codes mean, which options has a command?"""

import sys

from mdcore.base import console
from mdcore.base.errors import InputError
from mdcore.cli.arguments import EXIT_CODES, build
from mdcore.config.problems import near_miss

SYNONYMS = {
    "input": "inputs toml keys settings reference docs",
    "train": "training",
    "exit-codes": "exit exit-code exitcodes codes errors",
    "units": "unit",
    "": "commands options",
}
TOPICS = {word: topic for topic, words in SYNONYMS.items() for word in words.split()}


def command(arguments, comm) -> None:
    text = page(arguments.topic)
    if comm.rank == 0:
        print(text)


def page(topic: list[str]) -> str:
    """The text about a topic; InputError if there is none."""
    word, *rest = topic or ["commands"]
    word = TOPICS.get(word.lower(), word.lower())
    if not word:
        return build().format_help().rstrip()
    width = min(console.width(sys.stdout) - 1, console.MOST)
    from mdcore.config import manual

    if word in manual.ROOTS:
        return manual.page(word, rest, width)
    commands = build().commands.choices
    if rest:
        raise InputError(f"help {' '.join(topic)}: sections are those of an input: mdcore help input {rest[0]}")
    if word == "exit-codes":
        return "\n".join(f"{code:>4}  {text}" for code, text in EXIT_CODES.items())
    if word == "units":
        return manual.units_table()
    if word in commands:
        return commands[word].format_help().rstrip()
    try:
        return manual.page("input", [topic[0]], width)
    except InputError:
        known = [*manual.ROOTS, "exit-codes", "units", *commands]
        if close := near_miss(word, known, cutoff=0.75):
            raise InputError(f"no help about '{topic[0]}'; did you mean: mdcore help {close}?") from None
        raise
