"""Ids and ARNs."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.kernel import arn
from kumoniwa.kernel.ids import Ids


def test_ids_have_the_shapes_aws_gives_them():
    ids = Ids(1)
    for _ in range(200):
        assert uuid.UUID(ids.uuid()).version == 4
        assert re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", ids.request_id()
        )
        assert re.fullmatch(r"[0-9a-f]{17}", ids.hex(17))
        assert re.fullmatch(r"[a-z0-9]{10}", ids.lower(10))
        assert re.fullmatch(r"[A-Z2-7]{16}", ids.upper(16))
        assert re.fullmatch(r"[A-Za-z0-9+/]{40}", ids.secret())


def test_a_seed_repeats_and_none_does_not():
    def some(ids: Ids) -> list[str]:
        return [ids.uuid(), ids.request_id(), ids.hex(32), ids.secret()]

    assert some(Ids(7)) == some(Ids(7))
    assert not set(some(Ids())) & set(some(Ids()))


def test_ids_do_not_repeat():
    ids = Ids(3)
    for make in (ids.uuid, ids.request_id, lambda: ids.hex(32)):
        assert len({make() for _ in range(20_000)}) == 20_000


part = st.text(st.characters(codec="ascii", exclude_characters=":\n"), max_size=8)


@given(part, part.filter(bool), part, part, st.text(max_size=20))
def test_an_arn_is_its_parts_and_back(partition, service, region, account, resource):
    text = f"arn:{partition}:{service}:{region}:{account}:{resource}"
    assert arn.parse(text) == (partition, service, region, account, resource)
    assert str(arn.parse(text)) == text


@given(st.text(max_size=60))
def test_what_is_no_arn_is_none(text):
    parsed = arn.parse(text)
    assert parsed is None or (text.startswith("arn:") and str(parsed) == text)


def test_partitions_follow_the_region():
    assert [arn.partition(r) for r in ("us-east-1", "cn-north-1", "us-gov-west-1")] == [
        "aws",
        "aws-cn",
        "aws-us-gov",
    ]
