"""Measurements as tables. A cell is one load on one cluster: a dictionary of figures."""

import statistics

KEY = ("stores", "kilobytes", "senders")

# (heading, figure, digits behind the point)
COLUMNS = [
    ("stores", "stores", 0),
    ("KB", "kilobytes", 0),
    ("senders", "senders", 0),
    ("deliv/s", "deliveries_per_second", 0),
    ("p50 ms", "p50_ms", 1),
    ("p99 ms", "p99_ms", 1),
    ("CPU s/1000", "cpu_seconds_per_1000", 2),
    ("of it store", "store_cpu_seconds_per_1000", 2),
    ("mx", "mx_cpu_seconds_per_1000", 2),
    ("CPU used", "cpu_cores", 2),
    ("syncs/s", "syncs_per_second", 0),
    ("ms/sync", "sync_ms", 2),
    ("deliv/sync", "deliveries_per_sync", 1),
    ("written", "written_per_byte", 2),
]

# What is set in relation.
RATIOS = [
    ("deliv/s", "deliveries_per_second"),
    ("p50", "p50_ms"),
    ("p99", "p99_ms"),
    ("CPU/1000", "cpu_seconds_per_1000"),
    ("store CPU/1000", "store_cpu_seconds_per_1000"),
    ("syncs/s", "syncs_per_second"),
    ("written", "written_per_byte"),
]

LEGEND = """\
One row per load; figures of several rounds are medians. `CPU s/1000`: processor seconds of all server processes for 1,000
deliveries, `of it` those of all stores and of all MXes. `CPU used`: cores that all of them kept busy, the generator aside.
`syncs/s`: synced writes of the log of one store; `ms/sync`: what one of them took. `written`: bytes that all stores handed to
the disk, for each byte of message, within the load."""


def median_cell(cells):
    """The same load in several rounds as one cell."""
    return {key: cells[0][key] if key in KEY else statistics.median(one[key] for one in cells)
            for key in cells[0]}


def medians(cells):
    rounds = {}
    for cell in cells:
        rounds.setdefault(tuple(cell[key] for key in KEY), []).append(cell)
    return [median_cell(same) for same in rounds.values()]


def table(headings, rows):
    """Columns of numbers and words, to the right."""
    lines = [headings] + rows
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    return "\n".join("  ".join(word.rjust(width) for word, width in zip(line, widths)) for line in lines)


def cells_table(cells):
    rows = [[f"{cell[figure]:.{digits}f}" for _, figure, digits in COLUMNS] for cell in cells]
    return table([heading for heading, _, _ in COLUMNS], rows)


def ratios_table(cells, base=1):
    """Every cell over the one with `base` stores and the same load; empty without such."""
    bases = {(one["kilobytes"], one["senders"]): one for one in cells if one["stores"] == base}
    rows = []
    for cell in cells:
        under = bases.get((cell["kilobytes"], cell["senders"]))
        if under is None or cell is under:
            continue
        rows.append([f"{cell['stores']} stores / {base} store", str(cell["kilobytes"]), str(cell["senders"])] +
                    [f"{cell[figure] / under[figure]:.2f}" if under[figure] else "-" for _, figure in RATIOS])
    if not rows:
        return ""
    return table(["ratio", "KB", "senders"] + [heading for heading, _ in RATIOS], rows)


def amplification_table(flushed):
    """{(stores, kilobytes): bytes written for a byte of message, when all is written out}."""
    rows = [[str(stores), str(kilobytes), f"{value:.2f}", f"{value / stores:.2f}"]
            for (stores, kilobytes), value in flushed.items()]
    return table(["stores", "KB", "written by all", "by each"], rows)


def idle_table(idle):
    """{process: share of a core}."""
    return table(["process", "% of a core"], [[name, f"{100 * share:.2f}"] for name, share in idle.items()])
