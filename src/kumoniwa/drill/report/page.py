"""The report as one page: it opens from disk, needs no network and no script, prints, and is read by keyboard and by ear."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from importlib import resources
from typing import Any

from kumoniwa.drill.report import charts
from kumoniwa.drill.report.machines import WORDS, quantity, spread_text

SIGNS = {"met": "✓", "breached": "✗", "inconclusive": "?", "failed": "!"}
VERDICTS = {
    "met": "Everything asked for was met",
    "breached": "What was asked for was not met",
    "inconclusive": "No verdict can be given",
    "failed": "The harness failed: no verdict is valid",
}
NAMES = {
    "availability": "Availability",
    "multiRegion.rto": "Recovery time when a region is lost",
    "multiRegion.rpo": "Data loss when a region is lost",
    "multiAz.rto": "Recovery time when a zone is lost",
    "multiAz.rpo": "Data loss when a zone is lost",
    "dataRecovery.timeBetweenBackups": "Time between backups",
}
LOST_SHOWN_MAX = 200


def page(told: dict[str, Any]) -> str:
    css = resources.files(__package__).joinpath("page.css").read_text()
    parts = [_head(told), "<main id=main>", _objectives(told)]
    worst = _worst_run(told)
    if worst is not None:
        parts += [_timeline(told, worst, is_first=True), _parts(worst), _lost(told), _map(told, worst), _journeys(worst)]
    parts += [_invariants(told), _cost(told), _proofs(told), _other_runs(told, worst), _words(told), "</main>", _foot(told)]
    title = f"{told['drill']}: {told['verdict']}"
    return (
        f'<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><link rel=icon href="data:,"><style>{css}</style></head><body>'
        f"<a class=skip href=#main>Skip to the results</a>{''.join(parts)}</body></html>"
    )


def _worst_run(told: dict[str, Any]) -> dict[str, Any] | None:
    """The run that the verdict rests on: not recovered before slowest, then most lost."""
    runs = told["runs"]
    return max(runs, key=lambda run: (run["rto"]["value"] is None, run["rto"]["value"] or 0.0, run["lost_count"]), default=None)


def _head(told: dict[str, Any]) -> str:
    date = datetime.fromtimestamp(told["started_at"], UTC).strftime("%-d %B %Y, %H:%M UTC")
    runs = len(told["runs"])
    reasons = " · ".join(reason for reason in [told["failure"], *told["troubles"]] if reason)
    return (
        f"<header><div class=house><span lang=ja>雲庭</span> Kumoniwa · drill <code>{escape(told['drill'])}</code></div>"
        f"<h1>{escape(told['says'])}</h1>"
        f'<div class="verdict {told["verdict"]}"><span class=sign aria-hidden=true>{SIGNS[told["verdict"]]}</span>'
        f"<div><b>{VERDICTS[told['verdict']]}</b>{f' <span class=why>{escape(reasons)}</span>' if reasons else ''}</div></div>"
        f"<p class=facts>{date} · {runs} {'run' if runs == 1 else 'runs'} in {told['took_s']:.0f} s · seed {told['seed']} · Kumoniwa {escape(told['version'])}</p></header>"
    )


def _objectives(told: dict[str, Any]) -> str:
    cards = []
    for place, one in enumerate(told["objectives"]):
        big = quantity(one["measured"], one["unit"]) if one["measured"] is not None else "–"
        if one["measured"] is None and one["verdict"] == "PolicyBreached":
            big = "never"
        cards.append(
            f"<section class=card><h3>{escape(NAMES.get(one['name'], one['name']))}{_badge(one['verdict'])}</h3>"
            f"<div class=big>{escape(big)} <small>{escape(one['label'])}, asked {escape(quantity(one['asked'], one['unit']))}</small></div>"
            f"{charts.gauge(one, f'gauge{place}') if one['verdict'] != 'NotApplicable' else ''}"
            f"<p>{escape(spread_text(one)) if one.get('spread') else ''}</p><p>{escape(one.get('why', ''))}</p></section>"
        )
    return f"<h2>Asked and measured</h2><div class=cards>{''.join(cards)}</div>" if cards else ""


def _badge(verdict: str) -> str:
    return f'<span class="badge b-{verdict}">{WORDS[verdict].lower()}</span>'


def _timeline(told: dict[str, Any], run: dict[str, Any], *, is_first: bool) -> str:
    place = run["number"]
    name = f"time{place}"
    title = f"<h2>What users saw{' in the worst run' if len(told['runs']) > 1 else ''}</h2>" if is_first else ""
    rows = "".join(
        f"<tr><td class=n>{cell['t']:.1f}</td><td class=n>{cell['requests']}</td><td class=n>{cell['requests'] - cell['ok']}</td>"
        f"<td class=n>{'–' if cell['p99_ms'] is None else format(cell['p99_ms'], '.1f')}</td><td>{cell['verdict']}</td></tr>"
        for cell in run["timeline"]
    )
    slo = told["slo"]
    return (
        f"{title}<figure>{charts.timeline(run, slo, name)}<figcaption>Run {run['number']}. Second 0 is the end of the warm-up. A window of {slo['window_s']:g} s is good if "
        f"{100 * slo['success']:g} % of its requests succeed with a p99 of at most {slo['p99_ms']:g} ms, counted from when each was due; "
        f"recovery needs {slo['hold']} good windows. A window without requests is unknown.</figcaption></figure>"
        f"<details><summary>The same as a table</summary>{_tall(f'Windows of run {place}')}<table><caption>Windows of run {run['number']}</caption><thead><tr><th class=n>second</th>"
        f"<th class=n>requests</th><th class=n>failed</th><th class=n>p99 ms</th><th>window</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _tall(label: str) -> str:
    """The beginning of a box that scrolls, by keyboard too."""
    return f'<div class="scroll tall" tabindex=0 role=region aria-label="{escape(label)}">'


def _parts(run: dict[str, Any]) -> str:
    rto = run["rto"]
    if rto["value"] is None:
        said = f"It did not recover within {rto['at_least']:.1f} s." if rto["known"] else "Nothing was asked after the fault: unknown is not healthy."
        return f"<h2>Where the time went</h2><p>{said}</p>"
    if not rto["value"]:
        return ""
    rows = "".join(
        f"<tr><td>{words}</td><td class=n>{quantity(run['rto_parts'][part]['value'], 's')}</td><td>{meaning}</td></tr>"
        for part, words, meaning in (
            ("detect", "Detect", "from the fault to the first alarm or unhealthy check"),
            ("decide", "Decide", "to the first act of recovery, such as a runbook or another DNS answer"),
            ("switch", "Switch", "to the first request that a surviving region served"),
            ("warm", "Warm up", "to the first good request after the last bad one"),
        )
    )
    return (
        f"<h2>Where the {rto['value']:.1f} s went</h2><figure>{charts.rto_parts(run, 'parts')}</figure>"
        f"<div class=scroll><table><caption>RTO {rto['value']:.2f} s, known to within {rto['resolution']:.2f} s (measured)</caption><tbody>{rows}</tbody></table></div>"
    )


def _lost(told: dict[str, Any]) -> str:
    lost = [(run, one) for run in told["runs"] for one in run["lost"]]
    count = sum(run["lost_count"] for run in told["runs"])
    failover, final = ([run[key] for run in told["runs"]] for key in ("rpo_at_failover", "rpo_final"))
    summary = (
        "<table><caption>Acknowledged writes that strong reads did not find (measured)</caption><thead><tr><th>run</th><th class=n>missing at failover</th>"
        "<th class=n>RPO at failover</th><th class=n>missing for good</th><th class=n>RPO, final</th><th class=n>read back</th></tr></thead><tbody>"
        + "".join(
            f"<tr><td>{run['number']}</td><td class=n>{early.get('lost', '–')}</td><td class=n>{quantity(early['value'], 's')}</td>"
            f"<td class=n>{late.get('lost', '–')}</td><td class=n>{quantity(late['value'], 's')}</td><td class=n>{late.get('checked', '–')}</td></tr>"
            for run, early, late in zip(told["runs"], failover, final)
        )
        + "</tbody></table>"
    )
    whys = sorted({each["why"] for each in [*failover, *final] if each.get("why")})
    notes = "".join(f"<p class=none>Not measured: {escape(why)}.</p>" for why in whys)
    if not lost:
        return f"<h2>Lost writes</h2><div class=scroll>{summary}</div>{notes}" + (
            "" if whys else "<p>None: every acknowledged write was read back.</p>"
        )
    rows = "".join(
        f"<tr><td>{run['number']}</td><td class=n>{one['t']:+.3f} s</td><td><code>{escape(str(one['key']))}</code></td><td><code>{escape(str(one['value']))}</code></td>"
        f"<td>{escape(one['entry_region'])}</td><td>{'lost for good' if one['is_final'] else 'missing at failover, came back'}</td></tr>"
        for run, one in lost[:LOST_SHOWN_MAX]
    )
    more = f"<p>{count - LOST_SHOWN_MAX} more are in report.json.</p>" if count > LOST_SHOWN_MAX else ""
    return (
        f"<h2>Lost writes: {count}</h2><div class=scroll>{summary}</div>{notes}<details open><summary>The list</summary>{_tall('Lost writes')}<table>"
        f"<thead><tr><th>run</th><th class=n>acknowledged at</th><th>key</th><th>value</th><th>taken by</th><th>fate</th></tr></thead><tbody>{rows}</tbody></table></div>{more}</details>"
    )


def _map(told: dict[str, Any], run: dict[str, Any]) -> str:
    picture = charts.region_map(told["regions"], told["links"], run["lag"], run["struck"], "map")
    if not picture:
        return ""
    rows = "".join(
        f"<tr><td>{escape(region)}</td><td class=n>{_ms(lag['p50_s'])}</td><td class=n>{_ms(lag['p99_s'])}</td><td class=n>{_ms(lag['max_s'])}</td>"
        f"<td class=n>{lag['n']}</td><td class=n>{lag['missing']}</td><td class=n>{quantity((run['exposure'].get(region) or {}).get('value'), 's')}</td></tr>"
        for region, lag in run["lag"].items()
    )
    table = (
        f"<div class=scroll><table><caption>Replication to each region (measured)</caption><thead><tr><th>replica</th><th class=n>lag p50</th><th class=n>p99</th><th class=n>max</th>"
        f"<th class=n>writes</th><th class=n>missing</th><th class=n>exposure p99</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if rows
        else ""
    )
    return f"<h2>Regions</h2><figure>{picture}<figcaption>Round trips are modelled on AWS's{_measured_trips(told)}; lag is measured.</figcaption></figure>{table}"


def _measured_trips(told: dict[str, Any]) -> str:
    known = [link for link in told["links"] if link.get("measured_rtt_ms") is not None and link["from"] < link["to"]]
    said = ", ".join(f"{link['from']} to {link['to']} {link['measured_rtt_ms']:.1f} ms" for link in known)
    return f" (measured through the link: {escape(said)})" if said else ""


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f} ms"


def _journeys(run: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td class=n>{one['requests']}</td><td class=n>{one['ok']}</td><td class=n>{one['failed']}</td><td class=n>{one['unknown']}</td>"
        f"<td class=n>{_or_dash(one['p50_ms'])}</td><td class=n>{_or_dash(one['p99_ms'])}</td><td class=n>{_or_dash(one['max_ms'])}</td>"
        f"<td class=n>{quantity(run['rto_by_journey'].get(name, {'value': None})['value'], 's')}</td></tr>"
        for name, one in run["journeys"].items()
    )
    errors = "".join(f"<tr><td><code>{escape(code)}</code></td><td class=n>{count}</td></tr>" for code, count in run["errors"].items())
    error_table = f"<details><summary>Errors by kind</summary><table><tbody>{errors}</tbody></table></details>" if errors else ""
    amplified = "".join(
        f"<tr><td><code>{escape(operation)}</code></td><td class=n>× {told['value']:.2f}</td></tr>"
        for operation, told in run["amplification"].items()
    )
    if amplified:
        caption = "Calls per request in the surviving regions while the fault acted, relative to the quiet before it (measured)"
        error_table += f"<details><summary>Amplification</summary><table><caption>{caption}</caption><tbody>{amplified}</tbody></table></details>"
    return (
        f"<h2>Journeys</h2><div class=scroll><table><caption>After the warm-up of run {run['number']}; latency from the due time (measured)</caption><thead><tr><th>journey</th>"
        f"<th class=n>requests</th><th class=n>ok</th><th class=n>failed</th><th class=n>outcome unknown</th><th class=n>p50 ms</th><th class=n>p99 ms</th><th class=n>max ms</th>"
        f"<th class=n>RTO</th></tr></thead><tbody>{rows}</tbody></table></div>{error_table}"
    )


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _invariants(told: dict[str, Any]) -> str:
    if not told["invariants"]:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one['name'])}</td><td>{_badge(one['verdict'])}</td><td>{escape(one.get('why', ''))}{_example(one)}</td></tr>"
        for one in told["invariants"]
    )
    return f"<h2>Invariants</h2><div class=scroll><table><tbody>{rows}</tbody></table></div>"


def _example(one: dict[str, Any]) -> str:
    found = one.get("counter_example")
    return f" <code>{escape(str(found)[:400])}</code>" if found else ""


def _cost(told: dict[str, Any]) -> str:
    """A line for each thing that AWS bills, a column for each region."""
    cost = told["cost"]
    if cost is None or not cost["lines"]:
        return ""
    regions, usages = list(cost["regions"]), sorted({line["usage"] for line in cost["lines"]})
    held = {(line["usage"], line["region"]): line for line in cost["lines"]}
    heads = "".join(f"<th class=n>{escape(region)}</th>" for region in regions)
    rows = "".join(
        f"<tr><td><code>{escape(usage)}</code></td>{''.join(_priced(held.get((usage, region))) for region in regions)}</tr>" for usage in usages
    )
    sums = "".join(f"<td class=n><b>{cost['regions'][region]:.6f}</b></td>" for region in regions)
    notes = sorted({line["note"] for line in cost["lines"] if line["note"]})
    silent = [f"{name} could not be asked" for name in cost["silent"]]
    caption = f"All runs together, {cost['currency']} at AWS's list prices (estimated){''.join(f'; * {escape(note)}' for note in [*notes, *silent])}"
    return (
        f"<h2>What it would cost</h2><div class=scroll><table><caption>{caption}</caption><thead><tr><th>used</th>{heads}</tr></thead>"
        f"<tbody>{rows}<tr><td><b>{cost['usd']:.6f}</b></td>{sums}</tr></tbody></table></div>"
    )


def _priced(line: dict[str, Any] | None) -> str:
    if line is None:
        return "<td class=n>–</td>"
    price = "no price" if line["usd"] is None else f"{line['usd']:.6f}"
    return f"<td class=n>{price}{'*' if line['note'] else ''} <small>{line['quantity']:,.6g} {escape(line['unit'])}</small></td>"


def _proofs(told: dict[str, Any]) -> str:
    if not told["proofs"]:
        return ""
    rows = "".join(f"<tr><td>{escape(name)} drill</td><td>{escape(said)}</td></tr>" for name, said in told["proofs"].items())
    return f"<h2>Can these instruments be believed?</h2><table><tbody>{rows}</tbody></table>"


def _other_runs(told: dict[str, Any], worst: dict[str, Any] | None) -> str:
    others = [run for run in told["runs"] if run is not worst]
    if not others:
        return ""
    return "<h2>The other runs</h2>" + "".join(
        f"<details><summary>Run {run['number']}: RTO {quantity(run['rto']['value'], 's')}, {run['lost_count']} writes missed</summary>{_timeline(told, run, is_first=False)}</details>"
        for run in others
    )


def _words(told: dict[str, Any]) -> str:
    yearly = told["yearly_availability"]
    projection = (
        f"<p>Projected over a year: <b>{100 * yearly['value']:.4f} %</b>, on the declared assumption of "
        f"{escape(', '.join(f'{name} {count:g} times a year' for name, count in yearly['assumed'].items()))}.</p>"
        if yearly
        else ""
    )
    return (
        f"<h2>What these numbers are</h2>{projection}{_evidence(told)}<p><b>Measured</b> happened on this machine. <b>Modelled</b> are constants of AWS that were put in: health check intervals, TTLs, "
        "round trips between regions. <b>Estimated</b> are prices and carbon. <b>Declared</b> is what the author of the drill said. A recovery time measured with modelled constants proves "
        "the order and logic of the recovery and a floor for its length, not AWS's speed. Lost writes, duplicates and wrong answers are proven as such.</p>"
    )


def _evidence(told: dict[str, Any]) -> str:
    """The practices that this drill bears witness for, as its author declared them."""
    said = "; ".join(
        f"{escape(frame)} {escape(', '.join(map(str, ids)) if isinstance(ids, list) else str(ids))}"
        for frame, ids in told["evidence"].items()
    )
    return f"<p>Evidence for: {said} (declared).</p>" if said else ""


def _foot(told: dict[str, Any]) -> str:
    run = told["runs"][0] if told["runs"] else None
    noise = (
        f"The drill's own clock started requests late by {run['calibration']['lateness_p99_s']['value'] * 1000:.1f} ms at p99. "
        if run and run["calibration"].get("lateness_p99_s")
        else ""
    )
    return f"<footer>{noise}The verdict takes the worst run. Every number can be computed again from <code>history.jsonl</code>, which lies beside this page with <code>report.json</code>.</footer>"
