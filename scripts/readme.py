"""python scripts/readme.py

Bring README.md and the pages in labs/ that it leads to up to date: figures from data/cards and data/bench, claims from
data/claims.json, what each file is from its own first lines.
"""

import json
import sys
from pathlib import Path

import listing
from marked import filled, table

ROOT = Path(__file__).resolve().parents[1]
FIGURES = 3  # of each lab, beside what it costs
sys.path.insert(0, str(ROOT))  # the catalogue is asked


def main() -> None:
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8", newline="\n")


def pages() -> dict[Path, str]:
    """Each page with its generated parts made anew."""
    parts = {
        "README.md": {"proof": proof, "notebooks": notebooks, "figures": figures, "peers": peers, "badges": badges,
                      "folders": listing.folders},
        "labs/CLAIMS.md": {"claims": claims},
        "labs/COSTS.md": {"costs": costs, "catalogue": catalogue},
        "labs/SPEED.md": {"bench": bench},
        "labs/FILES.md": {"files": listing.files},
    }  # fmt: skip
    made = {}
    for page, marked in parts.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        for name, make in marked.items():
            text = filled(text, name, make(), page)
        made[ROOT / page] = text
    return made


def proof() -> str:
    """The tour's models on the same held-out questions, with controls, as scripts/show_tour.py ran it."""
    tour = json.loads((ROOT / "data" / "samples" / "tour.json").read_text(encoding="utf-8"))
    head = [
        "",
        f"right, of {tour['n']} held-out questions",
        "blind",
        "another picture",
        "earlier skills",
        "MB",
        "seconds",
    ]
    rows = []
    for name, arm in tour["arms"].items():
        new, *controls = [f"{100 * arm[key]['mean']:.0f} % [{100 * arm[key]['low']:.0f}, {100 * arm[key]['high']:.0f}]"
                          for key in ("new", "blind", "shuffled", "earlier")]  # fmt: skip
        rows.append([name, f"**{new}**", *controls, f"{arm['megabytes']:.1f}", f"{arm.get('seconds', 0):.0f}"])
    rows[0] = ["before", *rows[0][1:-1], ""]
    return table(head, rows)


def notebooks() -> str:
    """A line for each notebook: its question, and how long it computes."""
    import badges
    import presenters

    rows = [[f"[{path.stem}]({path.parent.name}/{path.name})", listing.first_line(path).removeprefix("Worksheet "),
             presenters.computes(path.stem)] for path in badges.notebooks()]  # fmt: skip
    return table(["notebook", "its question", "computes"], rows)


def peers() -> str:
    """Tuning beside TRL and the plain Trainer, as scripts/bench.py has measured it."""
    from benching.tables import beside

    return beside(ROOT / "data" / "bench")


def badges() -> str:
    """Where each notebook opens with a click, or how to upload it."""
    from badges import for_readme

    return for_readme()


def figures() -> str:
    """One line for each checkpoint."""
    from data_card import headline

    cards = json.loads((ROOT / "data" / "cards.json").read_text(encoding="utf-8"))
    rows = [f"| {role.replace('_', ' ')} | `{card['checkpoint']}` | {card['megabytes']} | {headline(card)} |"
            for role, card in cards.items()]  # fmt: skip
    return "\n".join(["| role | checkpoint | MB | on held-out combinations |", "|---|---|---|---|", *rows])


def costs() -> str:
    """What each lab costs in each profile, from data/cards alone; where there is no card, that it was not measured."""
    from badges import notebooks

    from labs.preflight.costs import UNKNOWN, cards

    labs = [path.stem for path in notebooks()]
    head = ["lab", "profile", "device", "download, GB", "minutes", "peak, GB", "held out"]
    rows = []
    for profile in ("mini", "colab", "full"):
        mine = [card for card in cards(ROOT / "data" / "cards") if card["profile"] == profile]
        rows += [[lab, profile, f"{card['device']}, {cost['date']}", *_cost(cost)]
                 for lab in labs for card in mine if (cost := card["labs"].get(lab))]  # fmt: skip
        rows += [] if mine else [["all", profile, UNKNOWN, "", "", "", ""]]
    return table(head, rows)


def _cost(cost: dict) -> list[str]:
    named = [f"{name} {value}" for name, value in cost["figures"].items()]
    figures = "; ".join(named[:FIGURES] + [f"{len(named) - FIGURES} more in data/cards"] * (len(named) > FIGURES))
    return [f"{cost['download_gb']:.1f}", f"{cost['minutes']:.1f}", f"{cost['peak_gb']:.1f}", figures]


def catalogue() -> str:
    """The models and data sets of the real profiles."""
    from labs.data.catalog import REAL
    from labs.models.real import COLAB, FULL, SYSTEMS

    tables = {"colab": COLAB, "full": FULL, "systems": SYSTEMS}
    models = [
        [role, profile, f"`{entry.name}`", entry.licence, f"{entry.gigabytes:.3g}", f"{entry.memory('float16'):.2g}",
         f"{entry.memory('nf4'):.2g}" if entry.linear else "", entry.why]
        for profile, table in tables.items() for role, entry in table.items()
        if profile != "full" or COLAB.get(role) != entry
    ]  # fmt: skip
    data = [
        [role, profile, f"`{entry.name}` {entry.files}", entry.licence, f"{entry.megabytes / 1000:.2g}", entry.why]
        for profile, table in REAL.items() for role, entry in table.items()
        if profile != "full" or REAL["colab"][role] != entry
    ]  # fmt: skip
    head = ["role", "profile", "model", "licence", "GB to download", "GB in 16 bits", "in 4 bits", "why"]
    models = table(head, models)
    return "\n\n".join([models, table(["role", "profile", "data", "licence", "GB", "what"], data)])


def claims() -> str:
    """Every claim with its difference and verdict, as scripts/claims.py measured it, system by system."""
    from labs.systems.outcome import all_kept

    by_system: dict[str, list[list[str]]] = {}
    for name, one in all_kept().items():
        system, _, claim = name.partition("/")
        row = [claim, one.said["hypothesis"], one.show(one.gap, signed=True), one.verdict]
        by_system.setdefault(system, []).append(row)
    head, parts = ["claim", "hypothesis, written before", "difference [95 % interval]", "verdict"], []
    for system, rows in by_system.items():
        file = ROOT / "labs" / "systems" / f"{system}.py"
        parts += [f"### [{system}](systems/{file.name})", f"{listing.first_line(file)}.", table(head, rows)]
    return "\n\n".join(parts)


def bench() -> str:
    """What scripts/bench.py has measured, and what it has not."""
    from benching.tables import tables

    return tables(ROOT / "data" / "bench")


if __name__ == "__main__":
    main()
