# SPDX-License-Identifier: GPL-2.0-only
"""Medians, ratios, tables."""

from statistics import median

# Ratios to the bare machine that a KVM guest showed under the same emulation, as
# issue 2 quotes them. The aim is at most half of its excess over 1.
KVM_QUOTED = {"boot": 2.9, "sha": 2.9, "fork": 5.1, "dd": 1.6, "sleep": 1.3}

# Bytes that a throughput row moves (tools/benchmarks/init).
BYTES = {"disk-read": 64 << 20, "disk-write": 64 << 20, "net-send": 32 << 20,
         "net-receive": 32 << 20}

# Fewer exits than that in an idle parent, per timer tick of a CPU.
IDLE_EXITS_PER_TICK = 5


def aim(ratio):
    return None if ratio is None else 1 + (ratio - 1) / 2


def seconds(runs, row):
    return [r.rows[row]["ns"] / 1e9 for r in runs if r is not None and row in r.rows]


def ratios(runs, bases, row, what="ns"):
    """Of the pairs of which both halves were measured."""
    return [r.rows[row][what] / b.rows[row][what] for r, b in zip(runs, bases)
            if r is not None and b is not None and r.rows.get(row, {}).get(what)
            and b.rows.get(row, {}).get(what)]


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values),
            "samples": values} if values else None


def hv_reasons(taken):
    """What hv counted for all VPs together, by reason."""
    reasons = {}
    for vp in taken["vps"]:
        for name, count in vp["exits"].items():
            reasons[name] = reasons.get(name, 0) + count
    return reasons


def exits_of(runs, row):
    """Medians of what hv counted over a row; None where it counted nothing."""
    taken = [r.rows[row] for r in runs if r is not None and "vps" in r.rows.get(row, {})]
    if not taken:
        return None

    def middle(value):
        return median(value(t) for t in taken)

    names = sorted({name for t in taken for name in hv_reasons(t)})
    reasons = {n: middle(lambda t, n=n: hv_reasons(t).get(n, 0)) for n in names}
    duration = middle(lambda t: t["ns"]) / 1e9
    total = middle(lambda t: sum(hv_reasons(t).values()))
    # While a guest boots its own kernel is not asked.
    kernel = {kind: middle(lambda t, kind=kind: sum(t.get(kind, [])))
              for kind in ("ticks", "reschedules", "calls", "shootdowns", "devices")}
    return {"count": total, "per_second": total / duration, "reasons": reasons,
            "per_tick": total / kernel["ticks"] if kernel["ticks"] else None,
            "hv_seconds": middle(lambda t: sum(vp["hv_ns"] for vp in t["vps"])) / 1e9,
            "kernel": kernel}


def kvm_exits_of(runs, row):
    """The same of KVM, as far as its debugfs tells."""
    taken = [r.rows[row] for r in runs if r is not None and "kvm" in r.rows.get(row, {})]
    if not taken:
        return None
    names = sorted({name for t in taken for name in t["kvm"]} - {"exits"})
    reasons = {n.removesuffix("_exits"): median(t["kvm"].get(n, 0) for t in taken) for n in names}
    total = median(t["kvm"].get("exits", 0) for t in taken)
    return {"count": total, "per_second": total / median(t["ns"] for t in taken) * 1e9,
            "reasons": reasons}


def measured(name, runs, bases, peers, peer_bases, rows):
    """All of one mode, as in the JSON output."""
    result = {}
    for row in rows:
        kvm = spread(ratios(peers, peer_bases, row))
        quoted = KVM_QUOTED.get(row)
        entry = {"bare": spread(seconds(bases, row)), "hv": spread(seconds(runs, row)),
                 "ratio": spread(ratios(runs, bases, row)) if row != "idle" else None,
                 "cpu_ratio": spread(ratios(runs, bases, row, "cpu_ns")),
                 "kvm": spread(seconds(peers, row)),
                 "kvm_ratio": kvm if row != "idle" else None, "kvm_quoted": quoted,
                 "aim": aim(quoted), "aim_here": aim(kvm["median"]) if kvm else None,
                 "exits": exits_of(runs, row)}
        if entry["ratio"]:
            for which in ("aim", "aim_here"):
                if entry[which] is not None:
                    entry["met" + which[3:]] = entry["ratio"]["median"] <= entry[which]
        if row == "idle" and entry["exits"] and entry["exits"]["per_tick"] is not None:
            entry["met"] = entry["exits"]["per_tick"] < IDLE_EXITS_PER_TICK
        result[row] = entry
    return {"mode": name, "rows": result}


def layout(lines):
    """Columns as wide as needed; the first one left, the others right."""
    widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(lines[0]))]
    for line in lines:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def amount(row, value):
    """Seconds, or the throughput that they mean."""
    if value is None:
        return "-"
    if row in BYTES:
        return f"{BYTES[row] / value['median'] / 1e6:.0f} MB/s"
    if value["median"] < 0.1:
        return f"{value['median'] * 1e3:.2f} ms"
    return f"{value['median']:.3f} s"


def number(value):
    return "-" if value is None else f"{value['median'] if isinstance(value, dict) else value:.2f}"


def verdict(entry, which):
    return {True: "yes", False: "NO", None: "-"}[entry.get(which)]


def time_table(mode, with_kvm):
    head = ["row", "bare", "hv", "ratio", "min..max", "cpu", "aim", "met"]
    lines = [head + (["kvm", "its ratio", "half", "met"] if with_kvm else [])]
    for row, e in mode["rows"].items():
        if e["ratio"] is None:
            continue
        r = e["ratio"]
        line = [row, amount(row, e["bare"]), amount(row, e["hv"]), number(r),
                f"{r['min']:.2f}..{r['max']:.2f}", number(e["cpu_ratio"]), number(e["aim"]), verdict(e, "met")]
        if with_kvm:
            line += [amount(row, e["kvm"]), number(e["kvm_ratio"]), number(e["aim_here"]),
                     verdict(e, "met_here")]
        lines.append(line)
    return layout(lines)


def by_reason(reasons):
    return ", ".join(f"{name} {count:.0f}" for name, count in
                     sorted(reasons.items(), key=lambda item: -item[1]))


def left_last(lines):
    """For layout: the last column is the only one that is not aligned on the right."""
    width = max((len(line[-1]) for line in lines), default=0)
    return [line[:-1] + [line[-1].ljust(width)] for line in lines]


def exit_table(mode):
    lines = [["row", "exits", "per s", "in hv", "ticks", "by reason"]]
    for row, e in mode["rows"].items():
        x = e["exits"]
        if x is None:
            continue
        lines.append([row, f"{x['count']:.0f}", f"{x['per_second']:.0f}",
                      f"{x['hv_seconds'] * 1e3:.1f} ms", f"{x['kernel']['ticks']:.0f}",
                      by_reason(x["reasons"])])
    return layout(left_last(lines))


def idle_line(mode):
    x = mode["rows"].get("idle", {}).get("exits")
    if not x or x["per_tick"] is None:
        return None
    return (f"idle: {x['per_tick']:.2f} exits per timer tick of a CPU, aim < "
            f"{IDLE_EXITS_PER_TICK}: {'met' if mode['rows']['idle']['met'] else 'NOT met'}")


# ---- A Mullion guest beside a KVM guest ----

def beside(runs, peers, rows):
    """As in the JSON output; the aim is a ratio of at most 1."""
    result = {}
    for row in rows:
        ratio = spread(ratios(runs, peers, row)) if row != "idle" else None
        result[row] = {"mullion": spread(seconds(runs, row)), "kvm": spread(seconds(peers, row)),
                       "ratio": ratio, "cpu_ratio": spread(ratios(runs, peers, row, "cpu_ns")),
                       "exits": exits_of(runs, row), "kvm_exits": kvm_exits_of(peers, row)}
        if ratio:
            result[row]["met"] = ratio["median"] <= 1
    return result


def beside_table(rows):
    lines = [["row", "KVM", "Mullion", "ratio", "min..max", "cpu", "at or ahead"]]
    for row, e in rows.items():
        if e["ratio"]:
            r = e["ratio"]
            lines.append([row, amount(row, e["kvm"]), amount(row, e["mullion"]), number(r),
                          f"{r['min']:.2f}..{r['max']:.2f}", number(e["cpu_ratio"]),
                          verdict(e, "met")])
    return layout(lines)


def beside_exit_table(rows):
    lines = [["row", "", "exits", "per s", "by reason"]]
    for row, e in rows.items():
        for name, x in (("KVM", e["kvm_exits"]), ("Mullion", e["exits"])):
            if x:
                lines.append([row, name, f"{x['count']:.0f}", f"{x['per_second']:.0f}",
                              by_reason(x["reasons"])])
    return layout(left_last(lines))


# ---- Single exits and round trips ----

MICRO_ROWS = ["null-hypercall", "cpuid-exit", "msr-exit", "port-exit", "ipi", "ipi-halted",
              "message", "event"]


def micro(runs, peers):
    """Guest TSC ticks, as in the JSON output."""
    result = {}
    for row in MICRO_ROWS:
        found = {name: [r.rows[row] for r in of if r is not None and row in r.rows]
                 for name, of in (("mullion", runs), ("kvm", peers))}
        ratio = spread(ratios(runs, peers, row, "ticks"))
        if not ratio:
            continue
        result[row] = {name: {what: spread([t[what] for t in of])
                              for what in ("ticks", "least", "p99")} for name, of in found.items()}
        result[row].update(ratio=ratio, met=ratio["median"] <= 1, exits=exits_each(runs, row),
                           kvm_exits=exits_each(peers, row))
    return result


def exits_each(runs, row):
    """Exits for each operation."""
    taken = [r.rows[row] for r in runs if r is not None and row in r.rows]
    return median((t["kvm"]["exits"] if "kvm" in t else sum(hv_reasons(t).values())) / t["count"]
                  for t in taken)


def micro_table(rows):
    lines = [["row", "KVM", "Mullion", "ratio", "min..max", "KVM p99", "Mullion p99",
              "exits: KVM", "Mullion", "at or ahead"]]
    for row, e in rows.items():
        r = e["ratio"]
        lines.append([row, f"{e['kvm']['ticks']['median']:.0f}", f"{e['mullion']['ticks']['median']:.0f}",
                      number(r), f"{r['min']:.2f}..{r['max']:.2f}", f"{e['kvm']['p99']['median']:.0f}",
                      f"{e['mullion']['p99']['median']:.0f}", number(e["kvm_exits"]),
                      number(e["exits"]), verdict(e, "met")])
    return layout(lines)


# Of hv's memory for a partition with one VP and 512 MiB.
MEMORY_AIM = 1 << 20


def memory(runs):
    taken = [r.facts["memory"] for r in runs if r is not None and "memory" in r.facts]
    if not taken:
        return None
    result = {name: median(t[name] for t in taken) for name in taken[0]}
    result["bytes"] = 4096 * result["pool_pages"]
    result["met"] = result["bytes"] < MEMORY_AIM
    return result


def memory_line(m):
    used = m["pool_pages"] - m["pool_free"]
    return (f"hv's memory for a partition with 1 VP and 512 MiB: {m['bytes'] / 1024:.0f} KiB, of them "
            f"{used * 4:.0f} in use ({m['table_pages'] * 4:.0f} for its map); "
            f"aim < {MEMORY_AIM >> 10} KiB: {'met' if m['met'] else 'NOT met'}")


def behind_line(*tables):
    """Which rows miss the aim, in one line."""
    judged = {row: e for table in tables for row, e in table.items() if e.get("met") is not None}
    behind = [f"{row} ({number(e['ratio'])})" for row, e in judged.items() if not e["met"]]
    met = f"NOT met, behind in {', '.join(behind)}" if behind else "met" if judged else "nothing to compare"
    return f"aim, at or ahead of KVM in every row: {met}"


# ---- The scheduler ----

# Shares and caps hold within that part of themselves.
SHARE_TOLERANCE = 0.03


def share(partitions, at, elapsed):
    """What one partition was to get and got: of its CPUs where a cap or a reserve decides,
    else of what all of the scenario got; and whether that is as it should be."""
    p = partitions[at]
    of_cpus = p["run_ns"] / elapsed / p["vps"]
    if p["cap"]:
        wanted, got = p["cap"] / 100, of_cpus
        met = abs(got / wanted - 1) <= SHARE_TOLERANCE
    elif p["reserve"]:
        wanted, got = p["reserve"] / 100, of_cpus
        met = got >= wanted * (1 - SHARE_TOLERANCE)
    elif any(other["reserve"] for other in partitions):
        wanted, got, met = None, of_cpus, None  # what the reserve leaves
    else:
        wanted = p["weight"] * p["vps"] / sum(o["weight"] * o["vps"] for o in partitions)
        got = p["run_ns"] / sum(o["run_ns"] for o in partitions)
        met = abs(got / wanted - 1) <= SHARE_TOLERANCE
    return {"wanted": wanted, "got": got, "met": met}


def shares(runs):
    """By scenario, for each partition."""
    taken = [r for r in runs if r is not None]
    names = [n for n in (taken[0].rows if taken else {}) if n.startswith("shares-")]
    result = {}
    for name in names:
        rows = [r.rows[name] for r in taken]
        result[name.removeprefix("shares-")] = [
            {**{k: p[k] for k in ("weight", "cap", "reserve", "vps")},
             "runs": [share(row["partitions"], i, row["ns"]) for row in rows]}
            for i, p in enumerate(rows[0]["partitions"])]
    return result


def share_table(scenarios):
    lines = [["scenario", "weight", "cap", "reserve", "VPs", "wanted", "got", "min..max", "met"]]
    for name, partitions in scenarios.items():
        for p in partitions:
            got, wanted = [r["got"] * 100 for r in p["runs"]], p["runs"][0]["wanted"]
            met = None if wanted is None else all(r["met"] for r in p["runs"])
            lines.append([name, f"{p['weight']}", f"{p['cap'] or '-'}", f"{p['reserve'] or '-'}",
                          f"{p['vps']}", "-" if wanted is None else
                          ("> " if p["reserve"] else "") + f"{wanted * 100:.2f}",
                          f"{median(got):.2f}", f"{min(got):.2f}..{max(got):.2f}",
                          verdict({"met": met}, "met")])
    return layout(lines)


def missed_line(scenarios):
    missed = [f"{name} {p['weight']}" for name, partitions in scenarios.items() for p in partitions
              if any(r["met"] is False for r in p["runs"])]
    return f"aim, within {SHARE_TOLERANCE * 100:.0f} % of what was set: " + \
        (f"NOT met by {', '.join(missed)}" if missed else "met")


LATENCY_LOADS = {"idle": ("idle", "idle"), "busy": ("processes", "children")}


def latencies(runs, bases):
    """By load and policy: bare beside Mullion, in microseconds."""
    def of(machines, row, what):
        return spread([r.rows[row][what] / 1e3 for r in machines
                       if r is not None and row in r.rows])

    result = {}
    for load, (bare, mullion) in LATENCY_LOADS.items():
        for policy in ("fifo", "other"):
            entry = {name: {what: of(machines, f"latency-{of_load}-{policy}", f"{what}_ns")
                            for what in ("p50", "p99", "max")}
                     for name, machines, of_load in (("bare", bases, bare), ("mullion", runs, mullion))}
            if entry["bare"]["p50"] and entry["mullion"]["p50"]:
                result[f"{load} {policy}"] = entry
    return result


def latency_table(rows):
    lines = [["load, policy", "bare p50", "p99", "max", "Mullion p50", "p99", "max"]]
    for name, e in rows.items():
        lines.append([name] + [f"{e[machine][what]['median']:.0f}" for machine in ("bare", "mullion")
                               for what in ("p50", "p99", "max")])
    return layout(lines)
