"""From the settings of a training to objects, and from what they find wrong to the key of the input."""

from contextlib import contextmanager

from mdcore.base.errors import InputError
from mdcore.cli.clashes import clash
from mdcore.config.problems import at
from mdcore.config.training import TrainingSettings
from mdcore.training.data import sources
from mdcore.training.prepare import Prepared, prepare
from mdcore.training.settings import Unsuited


def prepared_of(settings: TrainingSettings, comm=None) -> Prepared:
    """What is trained on and with; rank 0 reads."""
    with naming(settings):
        return prepare(settings.plan, lambda: read(settings), comm)


def read(settings: TrainingSettings) -> list:
    """(use, structures) of each file."""
    groups = []
    for i, source in enumerate(settings.sources):
        try:
            groups.append((source.use, sources.of_source(source, settings.plan.read)))
        except InputError as error:
            raise Unsuited(str(error), ("data", i, "file")) from None
    return groups


def refuse_clash(settings, written, inputs) -> None:
    """InputError if a training would write over what it reads; OutputError if a file can't be written over."""
    if wrong := clash(written, inputs):
        raise at(
            settings,
            ("output", "name"),
            f"the training would write over its own input or output: {wrong}; choose another name, "
            f"e.g. --set output.name={settings.output.name}-2",
        )


@contextmanager
def naming(settings: TrainingSettings):
    """What the library finds unsuited names the file (or --set), section, key and value."""
    try:
        yield
    except Unsuited as error:
        told = InputError("\n".join(str(at(settings, error.path, line)) for line in str(error).splitlines()))
        told.collective = getattr(error, "collective", False)
        raise told from None
