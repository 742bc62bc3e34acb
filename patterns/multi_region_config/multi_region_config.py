"""One configuration in three regions, each with its own endpoints, as SecureStrings of the Parameter Store.

    kumoniwa up --port 4566 &
    python patterns/multi_region_config/multi_region_config.py --endpoint http://127.0.0.1:4566

Against AWS itself leave ``--endpoint`` out.
"""

import argparse
import copy
import json

import boto3

REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
NAME = "/app/config/database"
BASE = {"database": {"port": 5432, "name": "app", "password": "kept-out-of-the-files"}, "cache": {"port": 6379}}


class MultiRegionConfig:
    def __init__(self, endpoint=None):
        self.by_region = {region: boto3.client("ssm", region_name=region, endpoint_url=endpoint) for region in REGIONS}

    def deploy_config(self, config_data):
        """Put each region's configuration where its applications read it."""
        for region, ssm in self.by_region.items():
            value = json.dumps(self.customize_config(config_data, region)["database"])
            ssm.put_parameter(Name=NAME, Value=value, Type="SecureString", Overwrite=True)

    def customize_config(self, base_config, region):
        """A copy of all levels: the handbook's ``copy()`` shares the inner ones, and changes what it was given."""
        config = copy.deepcopy(base_config)
        config["database"]["endpoint"] = f"db-{region}.example.com"
        config["cache"]["endpoint"] = f"cache-{region}.example.com"
        return config

    def read(self, region):
        """What an application of this region reads."""
        return json.loads(self.by_region[region].get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"])


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--endpoint")
    config = MultiRegionConfig(asked.parse_args().endpoint)
    config.deploy_config(BASE)
    for region in REGIONS:
        print(f"{region}: {NAME} says {config.read(region)['endpoint']}")


if __name__ == "__main__":
    main()
