"""What the pattern claims: one handler serves three sources; a new user gets one mail and is told of once, whatever fails in between."""

import json
from pathlib import Path

from stage import holds, seconds, until

HERE = Path(__file__).parent


class Handler:
    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made
        self.told = []

    def register(self, email):
        self.cloud.table(self.made["Users"]).put_item(Item={"userId": email.partition("@")[0], "email": email})

    def welcomes(self, email):
        return [mail for mail in self.cloud.mails(email) if mail["subject"] == "Welcome to our service!"]

    def notifications(self):
        """All (subject, message) that the topic's subscriber has got so far."""
        self.told += [(said["Subject"], said["Message"]) for said in map(json.loads, self.cloud.drained(self.made["SubscriberUrl"]))]
        return self.told

    def seen(self, kind):
        rows = self.cloud.rows(self.made["Seen"])
        return [row for row in rows if row["id"].startswith(f"{kind}:")]

    def as_written(self, record):
        """How the handbook's own handler ends with a record: the class of its error and what it says."""
        try:
            self.cloud.invoke(self.made["AsWritten"], {"Records": [record]})
        except RuntimeError as error:
            return error.args[0]["errorType"], error.args[0]["errorMessage"]
        return "", ""


def inserted(email):
    return {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {"NewImage": {"email": {"S": email}}}}


def show(cloud):
    handler = Handler(cloud, cloud.deploy(HERE / "template.yaml", "event-handler"))
    ada, grace, eve = "ada@example.org", "grace@example.org", "eve@example.org"
    early = [f"early-{n}@example.org" for n in range(3)]

    kind, text = handler.as_written(inserted(ada))
    holds("as written: SES refuses whom nobody has verified", kind == "MessageRejected", text[-50:])
    cloud.prove(handler.made["Sender"], ada, grace, *early)
    kind, text = handler.as_written(inserted(ada))
    holds("as written: SNS knows no such topic, after the mail was sent", kind == "InvalidParameterException" and len(handler.welcomes(ada)) == 1, text[-60:])
    kind, text = handler.as_written({"eventSource": "aws:s3"})
    holds("as written: for buckets and queues there is no function", kind == "NameError", text)

    handler.register(grace)
    took = until(lambda: handler.welcomes(grace) and ("New user registered", grace) in handler.notifications())
    holds("a new user gets a welcome mail, and the subscriber hears of it", took is not None, seconds(took))
    cloud.table(handler.made["Users"]).put_item(Item={"userId": "grace", "email": grace, "name": "Grace"})
    cloud.table(handler.made["Users"]).delete_item(Key={"userId": "grace"})

    cloud.client("s3").put_object(Bucket=handler.made["Bucket"], Key="größe 1.txt", Body=b"x")
    cloud.client("sqs").send_message(QueueUrl=handler.made["MessagesUrl"], MessageBody="hello")
    took = until(lambda: handler.seen("object") and handler.seen("message"))
    right = took is not None and handler.seen("object")[0]["id"].startswith("object:größe 1.txt@") and handler.seen("message")[0]["body"] == "hello"
    holds("an object and a message reach their branches of the same handler", right, seconds(took))

    handler.register(eve)
    handler.register(ada)
    took = until(lambda: len(handler.welcomes(ada)) == 2 and cloud.backlog(handler.made["FailuresUrl"]))
    [failure] = map(json.loads, cloud.drained(handler.made["FailuresUrl"])) if took is not None else [{}]
    right = took is not None and failure["DDBStreamBatchInfo"]["batchSize"] == 1 and not handler.welcomes(eve)
    holds("whom SES refuses goes to the failure queue after three tries; the next user is not held up", right, seconds(took))

    for email in early:
        handler.register(email)
    cloud.kill_and_restart()
    took = until(lambda: all(handler.welcomes(email) and ("New user registered", email) in handler.notifications() for email in early))
    holds("users that were stored before the region was killed get theirs after it", took is not None, seconds(took))
    once = len(handler.welcomes(grace)) == 1 and handler.notifications().count(("New user registered", grace)) == 1
    holds("a change and a deletion of a user send nothing", once and len(handler.seen("mail")) == 5, f"{len(handler.seen('mail'))} users, as many mails")
