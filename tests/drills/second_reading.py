"""A second reading of ``history.jsonl``, written from the page of formulas alone and sharing no code with the drill.

    python tests/drills/second_reading.py history.jsonl [RUN]

It is slow and plain on purpose: if it and the report disagree, one of them has misread the formulas.
"""

import json
import sys


def lines(path, run):
    with open(path) as file:
        return [line for line in map(json.loads, file) if line["run"] == run]


def rto(story, success, limit_s, width, hold):
    """The worst journey's seconds without service; None if one never recovered."""
    (zero,) = [line for line in story if line.get("event") == "zero"]
    struck = [line["t"] for line in story if line.get("event") == "fault" and line["phase"] == "confirmed" and not line["fault"].startswith("replication.")]
    if not struck:
        return 0.0
    fault, ends = min(struck), zero["ends"]
    worst = 0.0
    for journey in {line["journey"] for line in story if "f" in line and "phase" not in line and line["f"] != "recv"}:
        asked = []
        for line in story:
            if line.get("journey") == journey and "phase" not in line:
                under_way = line["due"] < fault <= line["t1"] and line["out"] != "ok"
                asked.append((fault if under_way else line["due"], line["out"] == "ok", line["t1"] - line["due"]))
        count = int((ends - fault) / width + 0.999999)
        verdicts, bads = [], []
        for n in range(count):
            inside = [one for one in asked if fault + n * width - 1e-9 <= one[0] < fault + (n + 1) * width - 1e-9]
            good = sorted(spent for _, is_ok, spent in inside if is_ok)
            if not inside:
                verdicts.append("unknown")
                continue
            slowest = good[-(-99 * len(good) // 100) - 1] if good else None
            is_good = len(good) / len(inside) >= success and slowest is not None and slowest <= limit_s
            verdicts.append("good" if is_good else "bad")
            if not is_good:
                bads.append([moment for moment, is_ok, spent in inside if not is_ok or spent > limit_s])
        if not bads:
            continue
        last = len(verdicts) - 1 - verdicts[::-1].index("bad")
        if verdicts[last + 1 :].count("good") < hold:
            return None
        last_bad = max(bads[-1])
        worst = max(worst, min(moment for moment, is_ok, spent in asked if is_ok and spent <= limit_s and moment > last_bad) - fault)
    return worst


def struck(story):
    """The moment of the first fault that takes something from users."""
    return min(line["t"] for line in story if line.get("event") == "fault" and line["phase"] == "confirmed" and not line["fault"].startswith("replication."))


def rpo(story, phase):
    """Seconds from the first lost acknowledgement before the fault to the fault; 0 if none was lost."""
    fault, gone = struck(story), lost(story, phase)
    moments = [line["t1"] for line in story if line.get("f") == "write" and "phase" not in line and line["out"] == "ok" and line["key"] in gone]
    return max([fault - moment for moment in moments if moment <= fault], default=0)


def decided(story):
    """Seconds from the fault until a runbook began."""
    return min(line["t"] for line in story if line.get("event") == "runbook" and line["phase"] == "begin") - struck(story)


def lost(story, phase):
    """Keys of acknowledged writes whose value no strong read of that look found, for writes to keys of their own."""
    acked = {line["key"]: line for line in story if line.get("f") == "write" and line["out"] == "ok" and "phase" not in line}
    found = {}
    for line in story:
        if line.get("phase") == phase and line.get("f") == "read" and line["out"] == "ok":
            found.setdefault(line["key"], []).append(line.get("value"))
    return {key for key, line in acked.items() if key in found and any(value != line["value"] for value in found[key])}


if __name__ == "__main__":
    told = lines(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print("RTO with the usual service level:", rto(told, 0.99, 1.0, 1.0, 5))
    for look in ("failover", "final"):
        print(f"lost, {look}: RPO {rpo(told, look)} s,", sorted(lost(told, look)))
