"""Regions that speak over links: how long it takes, and what becomes of it when a link is slow, narrow, lossy or cut."""

import statistics

import pytest

from kumoniwa.kernel.principal import root
from kumoniwa.links.peer import RegionUnreachable

US, EU, TOKYO = "us-east-1", "eu-west-1", "ap-northeast-1"
WHO = root("000000000000")


@pytest.fixture
def far(make_cloud):
    """Three regions as far from each other as AWS's."""
    return make_cloud(US, EU, TOKYO, links="aws-p50")


async def _asked(cloud, source, destination):
    began = cloud.loop.time()
    await cloud.regions[source].ask(WHO, "sqs:ListQueues", {}, region=destination)
    return (cloud.loop.time() - began) * 1e3


def ask_ms(cloud, source=US, destination=EU):
    """How long one region's question to another takes, milliseconds of virtual time."""
    return cloud.run(_asked(cloud, source, destination))


@pytest.mark.parametrize("pair, rtt_ms", [((US, EU), 69.6), ((US, TOKYO), 149.3), ((EU, TOKYO), 201.05)])
def test_a_question_takes_the_links_round_trip(far, pair, rtt_ms):
    # Medians of one year, cloudping.co 2025-05-29; a pair's value is the mean of its two ends'.
    times = [ask_ms(far, *pair) for _ in range(21)]
    assert statistics.median(times) == pytest.approx(rtt_ms, abs=0.02 * rtt_ms)
    assert len(set(times)) > 1


def test_regions_without_links_of_their_own_are_at_once_there(make_cloud):
    assert ask_ms(make_cloud(US, EU)) < 1


def test_delay_is_added_to_the_round_trip_and_taken_away_again(far):
    far.fault("link.delay", {"link": f"{US}->{EU}"}, rtt_add=200)
    assert ask_ms(far) == pytest.approx(269.6, abs=6)
    assert ask_ms(far, US, TOKYO) == pytest.approx(149.3, abs=4)
    far.heal()
    assert ask_ms(far) == pytest.approx(69.6, abs=3)


def test_a_blackhole_is_silence_until_the_question_is_given_up(far):
    ask_ms(far)
    far.fault("link.cut", {"from": US, "to": EU})
    began = far.now()
    with pytest.raises(RegionUnreachable, match="did not answer within 60 s"):
        ask_ms(far)
    assert far.now() - began == pytest.approx(60, abs=0.1)


def test_what_waited_at_a_cut_arrives_when_the_link_is_whole(far):
    ask_ms(far)
    cut = far.fault("link.cut", {"from": US, "to": EU})
    question = far.loop.create_task(_asked(far, US, EU))
    far.sleep(30)
    far.heal(cut)
    assert far.wait(question) == pytest.approx(30_069.6, abs=5)


def test_a_cut_in_one_direction_lets_the_question_pass_and_not_its_answer(far):
    url = far.client("sqs", EU).create_queue(QueueName="orders")["QueueUrl"]
    far.fault("link.cut", {"from": EU, "to": US}, direction="one")
    asked = far.regions[US].ask(WHO, "sqs:SendMessage", {"QueueUrl": url, "MessageBody": "x"}, region=EU)
    with pytest.raises(RegionUnreachable):
        far.run(asked)
    assert ask_ms(far, EU, TOKYO) == pytest.approx(201.05, abs=5)


def test_an_isolated_region_is_cut_off_from_all_and_still_serves_its_clients(far):
    far.fault("region.isolate", {"region": EU})
    for source, destination in ((US, EU), (EU, TOKYO)):
        with pytest.raises(RegionUnreachable):
            ask_ms(far, source, destination)
    assert "QueueUrls" not in far.client("sqs", EU).list_queues()
    assert ask_ms(far, US, TOKYO) == pytest.approx(149.3, abs=5)


def test_a_narrow_link_takes_its_time_for_a_large_message(make_cloud):
    cloud = make_cloud(US, EU)
    url = cloud.client("sqs", EU).create_queue(QueueName="orders")["QueueUrl"]
    cloud.fault("link.throttle", {"from": US, "to": EU}, mbps=8)
    began = cloud.loop.time()
    params = {"QueueUrl": url, "MessageBody": "x" * 250_000}
    cloud.run(cloud.regions[US].ask(WHO, "sqs:SendMessage", params, region=EU))
    # 250,000 bytes at a million bytes a second.
    assert cloud.loop.time() - began == pytest.approx(0.25, rel=0.05)


def test_throughput_is_the_links_within_five_percent(make_cloud):
    cloud = make_cloud(US, EU, links="aws-p50")
    cloud.fault("link.throttle", {"from": US, "to": EU}, mbps=80)
    ask_ms(cloud)
    began = cloud.loop.time()
    peer = cloud.peers[US].by_name[EU]

    async def send():
        for _ in range(10):
            await peer.echo(b"\0" * 1_000_000)

    cloud.run(send())
    per_piece_s = (cloud.loop.time() - began) / 10 - 0.0696
    assert 8 / per_piece_s == pytest.approx(80, rel=0.05)


def test_loss_is_stalls(make_cloud):
    cloud = make_cloud(US, EU, links="aws-p50")
    ask_ms(cloud)
    cloud.fault("link.loss", {"from": US, "to": EU}, percent=30)
    times = [ask_ms(cloud) for _ in range(40)]
    assert min(times) < 80
    assert max(times) > 69.6 + 200 - 5


def test_bytes_do_not_overtake_each_other(far):
    url = far.client("sqs", EU).create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    far.fault("link.delay", {"from": US, "to": EU}, rtt_add=0, jitter=50)

    async def send(n):
        params = {"QueueUrl": url, "MessageBody": str(n), "MessageGroupId": "g", "MessageDeduplicationId": str(n)}
        await far.regions[US].ask(WHO, "sqs:SendMessage", params, region=EU)

    far.wait(*(far.loop.create_task(send(n)) for n in range(30)))
    received = []
    while batch := far.client("sqs", EU).receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        received += [int(message["Body"]) for message in batch]
        for message in batch:
            far.client("sqs", EU).delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert received == list(range(30))


def test_a_dark_region_says_nothing_and_the_asker_learns_it_by_waiting(far):
    ask_ms(far)
    far.kill(EU)
    began = far.now()
    with pytest.raises(RegionUnreachable, match="cannot be reached"):
        ask_ms(far)
    assert far.now() - began >= 5
    far.region(EU)
    assert ask_ms(far) == pytest.approx(69.6, abs=5)
