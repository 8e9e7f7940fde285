"""What is a watcher? It reads what a potential finds in a run, and acts."""

from mdcore.potentials.base import Finding


class Watcher:
    """Looks at every step; all ranks call it together.

    reads : findings that come with the forces (potentials/base.py), which it wants in every step
    """

    reads: tuple[Finding, ...] = ()

    def look(self, sim, term):
        """At the end of a step, once. term : the bound potential, which is asked by `term.find(sim.work, findings)`.
        Returns an error that ends the run when the observers have seen the step, or None."""
        raise NotImplementedError

    def note(self, sim, term) -> None:
        """Somebody asked for the findings of this step."""

    def told(self, potential) -> list[str]:
        """What was seen so far, in numbers."""
        return []
