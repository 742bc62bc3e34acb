"""Environments in a network of their own: what a process there reaches is what a door is open to, and nothing else answers."""

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap

import pytest

pytestmark = pytest.mark.network
CALLS = """
    import socket, sys
    kept = {}

    def handler(event, context):
        address = event["to"], event["port"]
        try:
            if event.get("kept"):
                if address not in kept:
                    kept[address] = socket.create_connection(address, timeout=0.25)
                caller = kept[address]
            else:
                caller = socket.create_connection(address, timeout=0.25)
            caller.settimeout(event.get("patience", 20))
            own = caller.getsockname()[0]
            caller.sendall(event.get("say", "hello").encode())
            return [caller.recv(100).decode(), own]
        except TimeoutError:
            return "silence"
        except OSError as error:
            return error.strerror
"""


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data.upper())


async def _served():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def _ask(environment, **event):
    outcome = await environment.invoke("id", json.dumps(event).encode(), arn="arn:aws:lambda:us-east-1:000000000000:function:f")
    return json.loads(outcome.payload)


@pytest.fixture
def hosts(tmp_path):
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n10.0.2.9 orders.rds.localhost\n")
    return str(file)


def test_nothing_answers_but_what_a_door_is_open_to(bench, hosts):
    async def body(bench):
        server, port = await _served()
        network = await bench.runtimes.network("10.0.1.5", hosts)
        environment = await bench.runtimes.start(bench.spec(CALLS), None, network)
        assert await _ask(environment, to="10.0.2.9", port=5432) == "silence"
        assert await _ask(environment, to="127.0.0.1", port=port) == "Connection refused"  # this machine is not the function's
        await network.open("10.0.2.9", 5432, "127.0.0.1", port)
        assert await _ask(environment, to="10.0.2.9", port=5432) == ["HELLO", "10.0.2.9"]
        assert (await _ask(environment, to="orders.rds.localhost", port=5432))[0] == "HELLO"
        await network.shut("10.0.2.9", 5432, is_held=True)
        assert await _ask(environment, to="10.0.2.9", port=5432) == "silence"
        server.close()

    bench(body)


def test_who_is_inside_stays_when_a_group_lets_nobody_follow_and_is_cut_off_when_the_way_is_gone(bench, hosts):
    async def body(bench):
        server, port = await _served()
        network = await bench.runtimes.network("10.0.1.5", hosts)
        environment = await bench.runtimes.start(bench.spec(CALLS), None, network)
        await network.open("10.0.2.9", 5432, "127.0.0.1", port)
        assert (await _ask(environment, to="10.0.2.9", port=5432, kept=True))[0] == "HELLO"
        await network.shut("10.0.2.9", 5432, is_held=False)
        assert (await _ask(environment, to="10.0.2.9", port=5432, kept=True))[0] == "HELLO"
        assert await _ask(environment, to="10.0.2.9", port=5432) == "silence"
        await network.shut("10.0.2.9", 5432, is_held=True)
        assert await _ask(environment, to="10.0.2.9", port=5432, kept=True, say="held", patience=0.25) == "silence"
        await network.open("10.0.2.9", 5432, "127.0.0.1", port)
        assert (await _ask(environment, to="10.0.2.9", port=5432))[0] == "HELLO"
        assert (await _ask(environment, to="10.0.2.9", port=5432, kept=True, say="again"))[0].startswith("HELD")
        server.close()

    bench(body)


def test_a_network_outlives_the_processes_of_its_environment_and_ends_with_it(bench, hosts):
    async def body(bench):
        server, port = await _served()
        network = await bench.runtimes.network("10.0.1.5", hosts)
        environment = await bench.runtimes.start(bench.spec(CALLS), None, network)
        await network.open("10.0.2.9", 5432, "127.0.0.1", port)
        os.kill(environment.process.pid, signal.SIGKILL)
        outcome = await environment.invoke("id", b'{"to": "10.0.2.9", "port": 5432}', arn="f")
        if outcome.function_error:
            outcome = await environment.invoke("id", b'{"to": "10.0.2.9", "port": 5432}', arn="f")
        assert b"HELLO" in outcome.payload
        switch = bench.runtimes.switch.pid
        before = len(os.listdir(f"/proc/{switch}/fd"))
        bench.runtimes.end(environment)
        while bench.runtimes.ending:
            await asyncio.wait(bench.runtimes.ending)
        assert len(os.listdir(f"/proc/{switch}/fd")) < before
        server.close()

    bench(body)


def test_two_environments_of_one_address_have_ports_of_their_own(bench, hosts):
    async def body(bench):
        code = """
            import socket
            def handler(event, context):
                global listening
                listening = socket.create_server(("127.0.0.1", 8080))
                return "listens"
        """
        answers = []
        for _ in range(2):
            network = await bench.runtimes.network("10.0.1.5", hosts)
            environment = await bench.runtimes.start(bench.spec(code), None, network)
            answers.append((await environment.invoke("id", b"{}", arn="f")).payload)
        assert answers == [b'"listens"'] * 2

    bench(body)


def test_a_door_to_somebody_else_lets_in_and_keeps_out_by_turns(bench, hosts):
    async def body(bench):
        network = await bench.runtimes.network("10.0.1.5", hosts)
        environment = await bench.runtimes.start(bench.spec(CALLS), None, network)
        await network.keep_out("127.0.0.1", 4566)
        assert await _ask(environment, to="127.1.3.1", port=4566) == "silence"
        for _ in range(2):
            server = await asyncio.get_running_loop().create_server(Echo, sock=await network.let_in("127.0.0.1", 4566))
            assert (await _ask(environment, to="127.1.3.1", port=4566))[0] == "HELLO"
            server.close()
            await network.keep_out("127.0.0.1", 4566)
            assert await _ask(environment, to="127.0.0.1", port=4566) == "silence"

    bench(body)


def test_a_custom_runtime_hears_its_region_from_within_a_network(bench, hosts):
    program = f"""#!{sys.executable}
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        id_ = event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(api + id_ + "/response", data=json.dumps(open("/etc/hosts").read()).encode()).close()
"""

    async def body(bench):
        spec = bench.spec("", runtime="provided.al2023")
        with open(f"{spec.task_root}/bootstrap", "w") as file:
            file.write(textwrap.dedent(program))
        os.chmod(f"{spec.task_root}/bootstrap", 0o755)
        network = await bench.runtimes.network("10.0.1.5", hosts)
        environment = await bench.runtimes.start(spec, None, network)
        for _ in range(2):
            assert b"orders.rds.localhost" in (await environment.invoke("id", b"{}", arn="f")).payload
            os.kill(environment.process.pid, signal.SIGKILL)
            await environment.invoke("id", b"{}", arn="f")

    bench(body)


def test_who_is_restored_from_a_snapshot_is_in_its_own_network(bench, hosts):
    async def body(bench):
        server, port = await _served()
        spec = bench.spec(CALLS, snap_start="snapshot")
        source = await bench.runtimes.start(spec, None, await bench.runtimes.network("10.0.1.5", hosts))
        network = await bench.runtimes.network("10.0.1.6", hosts)
        await network.open("10.0.2.9", 5432, "127.0.0.1", port)
        from dataclasses import replace

        environment = await bench.runtimes.start(replace(spec, snap_start="restored"), source, network)
        assert (await _ask(environment, to="10.0.2.9", port=5432))[0] == "HELLO"
        bench.runtimes.end(environment)
        server.close()

    bench(body)


def test_datagrams_come_out_of_a_network_at_the_port_that_is_open_to_them(bench, hosts):
    code = """
        import socket
        def handler(event, context):
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"a trace", ("127.0.0.1", event["port"]))
    """

    async def body(bench):
        heard = asyncio.get_running_loop().create_future()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.bind(("127.0.0.1", 0))
            port = daemon.getsockname()[1]
            asyncio.get_running_loop().add_reader(daemon, lambda: heard.set_result(daemon.recv(100)))
            network = await bench.runtimes.network("10.0.1.5", hosts)
            await network.pass_datagrams(port, "127.0.0.1", port)
            environment = await bench.runtimes.start(bench.spec(code), None, network)
            await environment.invoke("id", json.dumps({"port": port}).encode(), arn="f")
            assert await heard == b"a trace"
            asyncio.get_running_loop().remove_reader(daemon)

    bench(body)


def test_either_side_may_speak_first_and_fall_silent_first(bench, hosts):
    code = """
        import socket
        def handler(event, context):
            with socket.create_connection(("10.0.2.9", 5432)) as caller:
                greeting = caller.recv(100)
                caller.sendall(b"x" * 1_000_000)
                caller.shutdown(socket.SHUT_WR)
                said = b"".join(iter(lambda: caller.recv(65_536), b""))
            with socket.create_connection(("10.0.2.9", 5432)) as caller:
                pass
            return [greeting.decode(), said.decode()]
    """
    ended = []

    async def greet(reader, writer):
        writer.write(b"welcome")
        size = len(await reader.read())
        writer.write(str(size).encode())
        writer.close()
        ended.append(size)

    async def body(bench):
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        network = await bench.runtimes.network("10.0.1.5", hosts)
        await network.open("10.0.2.9", 5432, "127.0.0.1", server.sockets[0].getsockname()[1])
        environment = await bench.runtimes.start(bench.spec(code), None, network)
        assert json.loads((await environment.invoke("id", b"{}", arn="f")).payload) == ["welcome", "1000000"]
        while len(ended) < 2:
            await asyncio.sleep(0.01)
        assert ended == [1_000_000, 0]
        server.close()

    bench(body)
