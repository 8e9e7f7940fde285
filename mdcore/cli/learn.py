"""``mdcore learn``: a potential that asks for the calculations it needs."""

from contextlib import suppress
from pathlib import Path

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, OutputError
from mdcore.cli.outputs import changes, tell, tell_differences
from mdcore.config.load_learn import load_learn
from mdcore.config.problems import at
from mdcore.learn import named, table
from mdcore.learn.campaign import Campaign
from mdcore.learn.executors import check as check_executor
from mdcore.learn.record import NAME, Record, check_begin


def command(arguments, comm) -> None:
    if arguments.status or arguments.dry_run:
        text = status if arguments.status else check
        on_root(comm, lambda: print(text(arguments.input, arguments.set)))
        return
    if comm.size > 1:
        raise InputError(
            f"{comm.size} ranks, and a campaign is one process whose calculations go out to others. With executor = "
            f'"mpi" in [label]: mpiexec -n {comm.size} python -m mpi4py.futures -m mdcore learn ...'
        ).everywhere()
    say = (lambda text="": None) if arguments.quiet else lambda text="": print(text, flush=True)
    campaign = Campaign(arguments.input, overrides=arguments.set, say=say)
    if arguments.restart:
        tell_changes(campaign)
    campaign.run(restart=arguments.restart, overwrite=arguments.overwrite)


def tell_changes(campaign: Campaign) -> None:
    """Notes on what the input, and files that it names, say otherwise than they did."""
    path, settings = campaign.folders.record, campaign.settings
    record = Record(path, write=False) if path.exists() else None
    if record is None or not record.events:
        return
    tell_differences(str(path), record.told("input"), settings, "the campaign")
    changed, labels = [], len(record.of("label"))
    with suppress(InputError):  # of another version: told above
        changed = changes(record.told("input"), settings, "oracle")
    if changed and labels:
        tell(
            f"{settings.source}: [oracle] says something else, and {labels} labels are of the one before: labels "
            "of two methods contradict each other; if it is another method, begin anew in another folder, e.g. "
            "--set campaign.directory=..."
        )
    for note in named.changes(record.told("files") or {}, named.read(settings)):
        tell(note)


def status(path: str, overrides=()) -> str:
    """Where the campaign of an input, of a folder, or of a record stands; OutputError if there is none."""
    if Path(path).is_dir() or Path(path).name == NAME:
        return _status_of_folder(Path(path), overrides)
    settings = load_learn(path, overrides)
    record = Path(settings.campaign.directory) / NAME
    if not record.exists():
        raise OutputError(f"{record}: not there: this campaign has not begun")
    return "\n".join(table.status(Record(record, write=False), settings))


def _status_of_folder(path: Path, overrides) -> str:
    record = path / NAME if path.is_dir() else path
    if overrides:
        raise InputError(f"{path}: --set applies to an input file, and this is what a campaign has written")
    if not record.exists():
        there = sorted(path.glob("*/" + NAME))[:1] if path.is_dir() else []
        cure = f"did you mean {there[0].parent}?" if there else "name the folder of a campaign, or its input file"
        raise OutputError(f"{record}: not there: no campaign has begun in this folder; {cure}")
    check_begin(str(record))
    return "\n".join(table.status(Record(record, write=False)))


def check(path: str, overrides=()) -> str:
    """What a campaign would do, and everything that is wrong with its input; InputError."""
    campaign = Campaign(path, overrides=overrides, say=lambda text="": None)
    campaign.oracle  # noqa: B018  (can it be made?)
    if campaign.settings.label.executor != "mpi":  # whose ranks are there when it runs
        check_executor(campaign.settings.label.executor)
    settings, budget, targets = campaign.settings, campaign.settings.campaign, campaign.settings.judge
    missing = sum(labels is None for _, labels in campaign.start)
    if budget.calls is not None and missing > budget.calls:
        raise at(settings, ("campaign", "calls"), f"{missing} structures of the start need labels")
    rules = campaign.rules
    most = rules.batch + targets.frames * len(campaign.explorers)
    record = campaign.folders.record
    lines = [
        f"{path}: the input is right",
        f"start       {len(campaign.start)} structures, {missing} to be labelled first",
        f"train       {settings.beside(settings.train.input)}, {settings.train.start}",
        *(f"explorer    {own.name}, {kind}" for own, kind in _kinds(campaign)),
        f"select      by {rules.by}, up to {rules.batch} a generation",
        f"oracle      {settings.oracle[0].type}; up to {most} calls a generation",
        f"judge       {targets.frames} frames an explorer; until errors are below {targets.forces:g} eV/Angstrom and "
        f"{targets.energy:g} eV/atom in {targets.generations} generations",
        f"ends        after {budget.generations} generations"
        + (f", {budget.calls} calls" if budget.calls else "")
        + (f", {budget.hours:g} hours" if budget.hours else ""),
        f"writes      {campaign.folders.directory}/ ({NAME}, a folder a generation, pictures)",
    ]
    if record.exists():
        lines += ["", *table.status(Record(record, write=False), settings)]
    return "\n".join(lines)


def _kinds(campaign: Campaign):
    return [(own, each.type) for own, each in zip(campaign.explorers, campaign.settings.explorer, strict=True)]
