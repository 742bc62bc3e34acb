"""The patterns of operation, security and the edge, shown as their READMEs say."""

import pytest
from pattern_workshop import each, held

CLAIMS = {
    "central_logging": 8,
    "closed_bucket": 8,
    "dashboard": 7,
    "guarded_edge": 16,
    "mended_service": 8,
    "metrics_alarm": 7,
    "multi_region_pipeline": 11,
    "regional_keys": 10,
    "residency_guard": 17,
    "tracing": 11,
    "web_app": 8,
}


@pytest.mark.parametrize("name", each(CLAIMS))
def test_a_pattern_holds_what_it_claims(kumoniwa, name):
    assert held(kumoniwa, name) == CLAIMS[name]
