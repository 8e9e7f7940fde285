"""What do structure and motion look like, in one picture?"""

from functools import partial

import numpy as np

from mdcore.analysis.table import of_pair
from mdcore.base.writing import in_picture
from mdcore.figures import COLORS, GREY, INK, RED, figure, plain, save
from mdcore.output.averages import uncertain

ABREAST = 3  # panels
CLIPPED = 3  # peaks that are named above the panel, at most


def draw(report, path) -> None:
    """Write a picture of the g(r) and the mean square displacements of a `Report`.

    Bands are two standard errors wide on either side, from blocks of the trajectory. MissingMatplotlib;
    OutputError if the file can't be written.
    """
    panels = [panel for panel, there in ((_rdf, report.rdf is not None), (_msd, report.diffusion)) if there]
    panels += [partial(_curves, panel) for result in report.further.values() for panel in result.panels]
    wide = min(len(panels), ABREAST)
    high = -(-len(panels) // wide)
    picture = figure(5.4 * wide, 4.3 * high)
    places = np.ravel(picture.subplots(high, wide))
    for axes in places[len(panels) :]:
        axes.remove()
    for axes, panel in zip(places, panels, strict=False):
        panel(axes, report)
        plain(axes)
        axes.margins(x=0)
    save(path, picture, "\n".join(conditions(report)), size=10, dpi=160)


def conditions(report) -> list[str]:
    """What was simulated, in a line or two: title; composition, temperature, density, time, potential."""
    known, unit = report.conditions, report.units.labels
    words = [known.get("composition", "")]
    if "temperature" in known:
        words.append(f"T = {known['temperature']:.4g} {_pretty(unit['temperature'])}")
    if "density" in known:
        words.append(f"{known['density']:.4g} {_pretty(unit['density'])}")
    span, time = report.times[1] - report.times[0], unit["time"]
    words.append(f"{span / 1000.0:.4g} ps" if time == "fs" else f"{span:.4g} {_pretty(time)}")
    words.append(report.provenance.get("potentials", ""))
    return [line for line in (report.provenance.get("title", ""), "   ".join(filter(None, words))) if line]


def _band(axes, x, y, error, color) -> None:
    there = np.isfinite(error)
    axes.fill_between(
        x[there], (y - 2.0 * error)[there], (y + 2.0 * error)[there], color=color, alpha=0.25, linewidth=0
    )


def _rdf(axes, report):
    g = report.rdf
    axes.axhline(1.0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    curves, errors = g.by_pair, g.errors_by_pair
    top = _beyond_bonds(curves.values())
    unit = _pretty(report.units.labels["length"])
    table = report.reference.get("rdf", {})
    clipped = []
    for color, (name, values) in zip(COLORS * len(curves), curves.items(), strict=False):
        _band(axes, g.r, values, errors.get(name, np.full_like(values, np.nan)), color)
        axes.plot(g.r, values, color=color, linewidth=1.6, label=name)
        if values.max() > top:
            clipped.append((values.max(), g.r[int(np.argmax(values))], name, color))
        other = of_pair(table, name)
        if other is not None:
            shown = table["r"] <= g.r[-1]
            axes.plot(table["r"][shown], other[shown], color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
    for k, (height, r, name, color) in enumerate(sorted(clipped, reverse=True)[:CLIPPED]):
        axes.annotate(
            f"{name} up to {height:.3g} at {r:.2f} {unit}",
            (r, top),
            xytext=(30, -9 - 14 * k),
            textcoords="offset points",
            arrowprops={"arrowstyle": "->", "color": color},
            color=color,
            fontsize=9,
            va="center",
        )
    if table:
        axes.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (2, 2)), label=_reference(report))
    if np.isfinite(g.error).any():
        axes.fill_between([], [], [], color=GREY, alpha=0.4, linewidth=0, label="± 2 standard errors")
    axes.legend(frameon=False, fontsize=9)
    if np.isfinite(g.peak) and g.peak_height < top:
        axes.plot([g.peak], [g.peak_height], "o", color=RED, markersize=5)
        axes.annotate(
            f"{uncertain(g.peak, g.peak_error).replace('+-', '±')} {unit}",
            (g.peak, g.peak_height),
            xytext=(9, 0),
            textcoords="offset points",
            color=RED,
            fontsize=10,
            va="center",
        )
    if "rdf_peak" in report.reference:
        axes.axvline(report.reference["rdf_peak"], color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.annotate(
            _reference(report, f"{report.reference['rdf_peak']:g} {unit}"),
            (report.reference["rdf_peak"], 0.5),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    axes.set_xlabel(f"r ({unit})", color=INK)
    axes.set_ylabel("g(r)", color=INK)
    axes.set_ylim(0.0, top if top > 0.0 else 1.0)
    axes.set_title("Radial distribution function", fontsize=11, color=INK, loc="left")


def _beyond_bonds(curves) -> float:
    """Where the axis of g(r) ends: above everything, unless bonds dwarf the liquid around them."""
    highest = max(float(values.max()) for values in curves)
    beyond = 0.0
    for values in curves:
        low = int(np.argmax(values > 0.5))  # where the curve begins
        after = np.flatnonzero(values[low:] < 0.1)  # a gap: what came before were bonds
        beyond = max(beyond, float(values[low + after[0] :].max() if len(after) else values.max()))
    return 1.08 * (highest if highest < 3.0 * beyond else 1.5 * beyond)


def _msd(axes, report):
    metal = report.units.name == "metal"
    per, time = (1000.0, "ps") if metal else (1.0, _pretty(report.units.labels["time"]))
    scale, unit = report.diffusion_unit
    power = int(np.floor(np.log10(max(abs(d.coefficient) * scale for d in report.diffusion.values()) or 1.0)))
    end, top = 0.0, 0.0
    for color, (name, d) in zip(COLORS * len(report.diffusion), report.diffusion.items(), strict=False):
        shown = d.lags <= 2.0 * d.window[1]
        end, top = max(end, d.lags[shown][-1] / per), max(top, float(d.msd[shown].max()))
        ten = f"$\\times 10^{{{power}}}$ " if power else ""
        value, error = d.coefficient * scale / 10.0**power, d.error * scale / 10.0**power
        label = f"{in_picture(name)}: D = ({value:.2f} ± {error:.2f}) {ten}{_pretty(unit)}"
        _band(axes, d.lags[shown] / per, d.msd[shown], d.msd_error[shown], color)
        axes.plot(d.lags[shown] / per, d.msd[shown], color=color, linewidth=1.6, label=label)
        line = np.array([0.0, d.lags[shown][-1]])
        axes.plot(line / per, d.slope * line + d.intercept, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.axvspan(d.window[0] / per, d.window[1] / per, color=GREY, alpha=0.12, linewidth=0)
    if "diffusion" in report.reference:
        text = (
            f"D = {report.reference['diffusion'] / 10.0**power:.2f} $\\times 10^{{{power}}}$ {_pretty(unit)}"
        )
        axes.plot([], [], color="none", label=_reference(report, text))
    axes.plot([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label="Einstein fit (over the shaded lags)")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    axes.set_xlim(0.0, end)
    axes.set_ylim(0.0, 1.35 * top if top > 0.0 else 1.0)  # room for the legend
    axes.set_xlabel(f"t ({time})", color=INK)
    axes.set_ylabel(f"mean square displacement ({_pretty(report.units.labels['length'])}²)", color=INK)
    axes.set_title("Self-diffusion", fontsize=11, color=INK, loc="left")


def _curves(panel, axes, report):
    """A `more.Panel`."""
    axes.axhline(0.0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    for color, (label, x, y, error) in zip(COLORS * len(panel.curves), panel.curves, strict=False):
        _band(axes, x, y, error, color)
        axes.plot(x, y, color=color, linewidth=1.6, label=in_picture(label))
    for mark in panel.marks:
        axes.axvline(mark, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    if len(panel.curves) > 1:
        axes.legend(frameon=False, fontsize=9)
    axes.set_xlabel(in_picture(panel.x), color=INK)
    axes.set_ylabel(in_picture(panel.y), color=INK)
    axes.set_title(in_picture(panel.title), fontsize=11, color=INK, loc="left")


def _reference(report, text: str = "") -> str:
    return in_picture(report.reference.get("label", "reference")) + (f": {text}" if text else "")


def _pretty(unit: str) -> str:
    names = {"Angstrom": "Å", "cm2/s": "cm²/s", "sigma": "σ", "tau": "τ", "sigma^2/tau": "σ²/τ", "g/cm3": "g/cm³"}
    names |= {"epsilon/kB": "ε/kB", "m/sigma3": "m/σ³"}
    return names.get(unit, unit)
