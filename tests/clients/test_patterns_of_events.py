"""The patterns of events and workflows, shown as their READMEs say."""

import pytest
from pattern_workshop import each, held

CLAIMS = {
    "cqrs": 8,
    "event_handler": 8,
    "event_sourcing": 10,
    "graphql_api": 8,
    "pub_sub": 12,
    "registration": 10,
    "s3_to_queue": 6,
    "s3_to_table": 7,
    "saga": 8,
    "warm_functions": 9,
}


@pytest.mark.parametrize("name", each(CLAIMS))
def test_a_pattern_holds_what_it_claims(kumoniwa, name):
    assert held(kumoniwa, name) == CLAIMS[name]
