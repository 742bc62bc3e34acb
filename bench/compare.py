#!/usr/bin/env python3
"""Compare a local AWS endpoint with its peers on the same work, in one run: prints a table of server CPU per operation.

    python compare.py --ours 'kumoniwa up --port {port} --data {dir}' [--peers ministack,fauxqs,dynalite,moto]
                      [--reps 3] [--seconds 1.5] [--only ddb_put,ddb_get] [--out result.json]

The servers run side by side and take turns workload by workload, so that a noisy machine is noisy for all of them. The figure to quote is
server CPU milliseconds per operation (the process and its living children): it does not depend on what else the machine is doing. Every answer
is checked by aws_load.py; a wrong or missing answer is shown as such and never as a number. Peers are installed on first use under --home
with the ordinary pip and npm clients. Needs botocore.
"""
import argparse, json, os, shlex, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
import botocore.session
import aws_load

WORKLOADS = [w for w in aws_load.WORKLOADS if w.__name__ != "raw_get"]
ONLY_OF = {"fauxqs": ("sqs", "sns", "s3"), "dynalite": ("ddb",)}


def ministack(home):
    if not os.path.exists(f"{home}/ministack/bin/ministack"):
        subprocess.run([sys.executable, "-m", "venv", f"{home}/ministack"], check=True)
        subprocess.run([f"{home}/ministack/bin/pip", "install", "-q", "ministack==1.5.33", "boto3"], check=True)
    return lambda d, p: ([f"{home}/ministack/bin/ministack"],
                         dict(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(p), LOG_LEVEL="WARNING", S3_DATA_DIR=d + "/s3", STATE_DIR=d + "/state"))


def moto(home):
    if not os.path.exists(f"{home}/moto/bin/moto_server"):
        subprocess.run([sys.executable, "-m", "venv", f"{home}/moto"], check=True)
        subprocess.run([f"{home}/moto/bin/pip", "install", "-q", "moto[server,all]==5.2.5"], check=True)
    return lambda d, p: ([f"{home}/moto/bin/moto_server", "-H", "127.0.0.1", "-p", str(p)], {})


def node(home, name, version):
    if not os.path.exists(f"{home}/node_modules/.bin/{name}"):
        os.makedirs(home, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", home, f"{name}@{version}"], check=True)
    return f"{home}/node_modules/.bin/{name}"


def fauxqs(home):
    exe = node(home, "fauxqs", "1.9.2")
    return lambda d, p: (["node", exe], dict(FAUXQS_PORT=str(p), FAUXQS_LOGGER="false"))


def dynalite(home):
    exe = node(home, "dynalite", "4.0.0")
    return lambda d, p: (["node", exe, "--port", str(p), "--host", "127.0.0.1", "--createTableMs", "0"], {})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(name, how):
    port, folder = free_port(), tempfile.mkdtemp(prefix=f"bench-{name}-")
    argv, env = how(folder, port)
    began = time.perf_counter()
    process = subprocess.Popen(argv, cwd=folder, env={**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **env},
                               stdout=open(f"{folder}/log", "wb"), stderr=subprocess.STDOUT, start_new_session=True)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if process.poll() is not None or time.perf_counter() - began > 60:
                sys.exit(f"{name} did not start: see {folder}/log")
            time.sleep(0.01)
    return process, port, folder


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--ours", help="start command; {port} and {dir} are filled in")
    a.add_argument("--peers", default="ministack,fauxqs,dynalite")
    a.add_argument("--home", default=os.path.expanduser("~/.cache/kumoniwa-bench-peers"))
    a.add_argument("--reps", type=int, default=3)
    a.add_argument("--seconds", type=float, default=1.5)
    a.add_argument("--connections", default="8")
    a.add_argument("--only")
    a.add_argument("--out")
    a = a.parse_args()
    servers = {}
    try:
        if a.ours:
            servers["ours"] = start("ours", lambda d, p: (shlex.split(a.ours.format(port=p, dir=d)), {}))
        for name in filter(None, a.peers.split(",")):
            servers[name] = start(name, globals()[name](a.home))
        rows, sessions, gone = [], {}, set()
        for rep in range(a.reps):
            for workload in WORKLOADS:
                w = workload.__name__
                if a.only and w not in a.only.split(","):
                    continue
                for name, (process, port, _) in servers.items():
                    if (name in ONLY_OF and not w.startswith(ONLY_OF[name])) or (name, w) in gone:
                        continue
                    args = aws_load.parser().parse_args([
                        "--endpoint", f"http://127.0.0.1:{port}", "--workload", w, "--requests", "300" if w == "sqs_receive_delete" else "20000",
                        "--connections", a.connections, "--max-seconds", str(a.seconds), "--server-pid", str(process.pid)])

                    def late(*_):
                        raise TimeoutError("over 60 s")
                    signal.signal(signal.SIGALRM, late)
                    signal.alarm(60)
                    try:
                        row = aws_load.bench(args, sessions.setdefault(name, botocore.session.Session()))
                    except Exception as e:
                        row = {"workload": w, "unsupported": True, "error": f"{type(e).__name__}: {e}"}
                    signal.alarm(0)
                    if row.get("unsupported"):
                        gone.add((name, w))
                    rows.append({**row, "server": name, "rep": rep})
                    print(f"# {rep} {w} {name} {row.get('server_cpu_ms_op', 'unsupported')} ms/op, {row.get('ops_s', '')} op/s, errors {row.get('errors', '')}, "
                          f"verify {row.get('verify', '')} {row.get('error', '')[:100]}", file=sys.stderr, flush=True)
        names = list(servers)
        print("server CPU ms per operation, median of", a.reps, "runs; 'x' = ours is that many times cheaper than the best peer")
        print("| workload | " + " | ".join(names) + " | x |\n|---|" + "---|" * (len(names) + 1))
        for w in dict.fromkeys(r["workload"] for r in rows):
            cell = {}
            for n in names:
                good = [r["server_cpu_ms_op"] for r in rows if r["server"] == n and r["workload"] == w and "server_cpu_ms_op" in r]
                wrong = any(r.get("errors") or r.get("verify", "ok") != "ok" for r in rows if r["server"] == n and r["workload"] == w)
                cell[n] = (statistics.median(good), wrong) if good else None
            best = min((c[0] for n, c in cell.items() if n != "ours" and c and not c[1]), default=None)
            ours = cell.get("ours")
            ratio = f"{best / ours[0]:.1f}" if ours and not ours[1] and best and ours[0] else "-"
            print(f"| {w} | " + " | ".join("-" if not c else f"{c[0]:.3f}" + (" WRONG" if c[1] else "") for c in cell.values()) + f" | {ratio} |")
        if a.out:
            json.dump(rows, open(a.out, "w"), indent=1)
    finally:
        for process, _, folder in servers.values():
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
