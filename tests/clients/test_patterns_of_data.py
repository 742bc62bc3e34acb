"""The patterns of data: tables, buckets, databases, the lake, shown as their READMEs say."""

import pytest
from pattern_workshop import each, held

CLAIMS = {
    "backup_restore": 10,
    "database_api": 9,
    "global_table": 5,
    "one_bucket_name": 9,
    "pooled_connections": 5,
    "s3_replication": 9,
    "s3_to_database": 6,
    "stream_to_lake": 10,
    "table_scaling": 8,
}


@pytest.mark.parametrize("name", each(CLAIMS))
def test_a_pattern_holds_what_it_claims(kumoniwa, name):
    assert held(kumoniwa, name) == CLAIMS[name]
