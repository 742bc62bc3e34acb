"""Two items that change together or not at all, and one that changes alone."""

from worker import REGION, Plain, Worker


class Transactor(Worker):
    """Writes the same number to two items in one transaction, and to a third one alone."""

    def prepare(self) -> None:
        self.call, self.paired, self.alone = Plain(self.cloud), 0, 0

    def act(self, name: str) -> None:
        n = self.paired + 1

        def put(key: str, n: int) -> dict:
            return {"TableName": "pairs", "Item": {"k": {"S": f"{key}{self.number}"}, "n": {"N": str(n)}}}

        pair = [{"Put": put("left", n)}, {"Put": put("right", n)}]
        self.call("DynamoDB_20120810.TransactWriteItems", TransactItems=pair)
        self.paired = n
        self.call("DynamoDB_20120810.PutItem", **put("alone", self.alone + 1))
        self.alone += 1

    def number_of(self, key: str) -> int:
        key = {"k": {"S": f"{key}{self.number}"}}
        found = self.call("DynamoDB_20120810.GetItem", TableName="pairs", Key=key, ConsistentRead=True)
        return int(found["Item"]["n"]["N"]) if "Item" in found else 0


def begin(cloud) -> list[Worker]:
    cloud.client("dynamodb", REGION).create_table(
        TableName="pairs", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )  # fmt: skip
    return [Transactor(cloud, 10), Transactor(cloud, 11)]


def check(cloud, workers: list[Transactor]) -> None:
    for worker in workers:
        left, right = worker.number_of("left"), worker.number_of("right")
        assert left == right, f"half a transaction: {left} and {right}"
        assert left in (worker.paired, worker.paired + 1)
        assert worker.number_of("alone") in (worker.alone, worker.alone + 1)
