"""What was meant by a command line that can't be understood?"""

import difflib
import glob
import os
import re

from mdcore.config import synonyms

COMMANDS = {
    "run": "simulate simulation md go start execute launch dynamics",
    "check": "validate lint test dry-run inspect-input",
    "train": "fit learn training optimize",
    "evaluate": "predict eval score errors parity",
    "info": "show describe inspect summary card",
    "verify": "validate-potential selftest",
    "analyse": "analyze analysis plot rdf msd diffusion",
    "rerun": "recompute reevaluate re-evaluate rescore relabel label",
    "relax": "minimise minimize min optimise optimize-geometry geometry",
    "elastic": "elasticity elastic-constants stiffness moduli cij",
    "eos": "equation-of-state birch birch-murnaghan volume bulk-modulus",
    "neb": "nudged-elastic-band barrier ci-neb",
    "saddle": "dimer transition-state transition saddle-point ts",
    "phonons": "phonon phonopy bands band-structure dispersion vibrations lattice-dynamics",
    "convert": "export import n2p2 merge committee",
}
INSTEAD = {
    "continue": "to go on: mdcore run INPUT --restart",
    "restart": "to go on: mdcore run INPUT --restart",
    "resume": "to go on: mdcore run INPUT --restart",
    "new": "mdcore init NAME writes an input to begin with",
    "create": "mdcore init NAME writes an input to begin with",
    "example": "mdcore init NAME writes an input to begin with",
    "version": "did you mean --version?",
}
OPTIONS = {
    "--restart": "--resume --continue -r --from-checkpoint --checkpoint",
    "--overwrite": "--force -f --clobber --replace -y",
    "--quiet": "-q --silent -s",
    "--version": "-v -V",
    "--set": "-D -var -v --override --param --option -o",
}
RANKS = ("-n", "-np", "--np", "--ranks", "--nprocs", "--ntasks")
INPUT = ("-i", "-in", "--input", "--in", "--config", "-c", "--file")


def hint(message: str, parser) -> str:
    """What to write instead, as a piece of a sentence; empty if there is no idea."""
    text = ""
    match = re.search(r"invalid choice: '(.*?)' \(choose from", message)
    if match and hasattr(parser, "commands"):
        text = _of_command(match[1], parser)
    elif message.startswith("unrecognized arguments: "):
        text = _of_argument(message.removeprefix("unrecognized arguments: ").split(), parser)
    elif message.endswith("required: INPUT"):
        found = sorted([*glob.glob("*.toml"), *glob.glob("inputs/*.toml")])[:3]
        text = f"e.g. {' or '.join(f'{parser.prog} {file}' for file in found or ['input.toml'])}"
    elif message.endswith("required: --potential"):
        text = f"e.g. {parser.prog} structure.extxyz --potential net.h5"
    elif "not allowed with" in message:
        text = "--restart goes on with results, --overwrite replaces them"
    return f"{text}; " if text else ""


def _of_command(word: str, parser) -> str:
    if os.path.isfile(word):
        return f"did you mean: mdcore {'info' if word.endswith('.h5') else 'run'} {word}?"
    lower = word.lower()
    if lower in INSTEAD:
        return INSTEAD[lower]
    known = {lower: ours for ours, words in COMMANDS.items() for lower in words.split()}
    known |= {name: name for name in parser.commands.choices}
    close = difflib.get_close_matches(lower, known, n=1, cutoff=0.6)
    return f"did you mean: mdcore {known[close[0]]}?" if close else ""


def _of_argument(words: list[str], parser) -> str:
    word = words[0] if words else ""
    name, _, value = word.partition("=")
    if not value and len(words) > 1 and not words[1].startswith("-"):
        value = words[1]
    if not word.startswith("-"):
        if "=" in word:
            return f"did you mean --set {word}?"
        return f"one input a command: {parser.prog} {word}" if word.endswith(".toml") else ""
    if name in RANKS:
        return "ranks are started by mpirun: mpirun -n 4 mdcore run INPUT"
    own = parser._option_string_actions
    if hasattr(parser, "commands"):
        homes = [word for word, one in parser.commands.choices.items() if name in one._option_string_actions]
        if homes:
            return f"options follow the command: mdcore {homes[0]} INPUT {name}"
    if name in INPUT:
        return f"the input stands alone: {parser.prog} input.toml"
    key = name.lstrip("-").replace("-", "_")
    meant = next((ours for ours, words in OPTIONS.items() if name in words.split() and ours in own), None)
    if meant is None and "--set" in own:
        meant = _setting((key,), value, parser.prog)
    if meant is None:
        long = [option for option in own if option.startswith("--")]
        meant = next(iter(difflib.get_close_matches(name, long, n=1, cutoff=0.7)), None)
    if meant is None and "--set" in own:
        meant = _setting(synonyms.of_key(key), value, parser.prog)
    return f"did you mean {meant}?" if meant else ""


def _setting(keys, value: str, command: str) -> str | None:
    """``--set parallel.threads=4``, if one of `keys` is a setting."""
    from mdcore.config.manual import ROOTS, parts

    root = ROOTS["train" if command.endswith("train") else "input"][0]
    found = {name: part for part in reversed(list(parts(root))) for name in part.fields}
    name = next((key for key in keys if key in found), None)
    if name is None:
        return None
    part = found[name]
    path = ".".join(filter(None, (part.path, "0" if part.title.startswith("[[") else "", name)))
    return f"--set {path}={value or '...'}"
