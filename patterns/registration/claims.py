"""What the pattern claims: who registers is checked, stored and welcomed by mail, each once, also when the region is killed in between."""

import json
import time
from pathlib import Path

from botocore.exceptions import ClientError
from stage import holds, seconds, until

HERE = Path(__file__).parent
STEPS = ["ValidateInput", "CheckDuplicateUser", "CreateUser", "SendWelcomeEmail"]


class Registrations:
    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made
        self.states = cloud.client("stepfunctions")

    def arn(self, name):
        return f"{self.made['Machine'].replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, run, **user):
        self.states.start_execution(stateMachineArn=self.made["Machine"], name=run, input=json.dumps(user))

    def ended(self, arn):
        """How an execution ended, and why if it failed; None while it runs."""
        found = self.states.describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else (found["status"], found.get("cause", ""))

    def run(self, run, **user):
        self.start(run, **user)
        until(lambda: self.ended(self.arn(run)))
        return self.ended(self.arn(run))

    def through_api(self, **user):
        """POST /registrations; answers how the execution that it started ended."""
        status, said = self.cloud.call_api(f"{self.made['Api']}/registrations", "POST", user)
        until(lambda: self.ended(said["executionArn"]))
        return status, self.ended(said["executionArn"])

    def users(self):
        return {row["email"]: row for row in self.cloud.rows(self.made["Users"])}

    def asked(self):
        return {row["id"]: int(row["times"]) for row in self.cloud.rows(self.made["Asked"])}

    def welcomes(self, email):
        return [mail for mail in self.cloud.mails(email) if mail["subject"] == "Welcome to our service!"]

    def completed(self, name):
        """The steps of a registration that are over, by its history."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=self.arn(name))
        return [event["stateExitedEventDetails"]["name"] for page in pages for event in page["events"] if event["type"] == "TaskStateExited"]


def as_written(registrations):
    """The definition as the handbook has it, whose functions are in no account: how an execution ends, and with which error."""
    states = registrations.states
    role = states.describe_state_machine(stateMachineArn=registrations.made["Machine"])["roleArn"]
    try:
        made = states.create_state_machine(name="as-written", definition=(HERE / "as_written.asl.json").read_text(), roleArn=role)
    except ClientError as error:
        return "REFUSED", error.response["Error"]["Message"]
    run = states.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")["executionArn"]
    until(lambda: registrations.ended(run))
    found = states.describe_execution(executionArn=run)
    states.delete_state_machine(stateMachineArn=made["stateMachineArn"])
    return found["status"], found["error"]


def show(cloud):
    registrations = Registrations(cloud, cloud.deploy(HERE / "template.yaml", "registration"))
    ended, text = as_written(registrations)
    holds("as written it ends at its first step: no function has such an ARN", ended == "FAILED", text)
    email = "ada@example.org"
    ended = registrations.run("unproven", name="Ada", email=email)
    holds("whom nobody has verified SES does not write to", ended[0] == "FAILED" and "Email address is not verified" in ended[1], json.loads(ended[1])["errorMessage"][-60:])
    cloud.table(registrations.made["Users"]).delete_item(Key={"email": email})
    people = ["grace@example.org", *(f"killed-{n}@example.org" for n in range(3 if cloud.is_short else 8))]
    cloud.prove(registrations.made["Sender"], email, *people)

    status, ended = registrations.through_api(name="Ada", email=email)
    stored = registrations.users().get(email, {}).get("name")
    holds("good input through the API: SUCCEEDED, and the user is stored", (status, ended[0], stored) == (200, "SUCCEEDED", "Ada"), stored)
    [line] = registrations.welcomes(email)
    letter = cloud.letter(line)
    headers = dict(letter["headers"])
    right = (headers["From"], headers["To"]) == (registrations.made["Sender"], email) and "Dear Ada" in letter["text"]
    holds("and the welcome mail lies in the mailbox, with its headers", right and "DKIM-Signature" in headers, line["subject"])

    ended = registrations.run("bad", name="Nobody", email="no address")
    holds("bad input: FAILED", ended == ("FAILED", "Input validation failed"), ended[1])
    ended = registrations.run("again", name="Ada the Second", email=email)
    holds("the same user again: FAILED", ended == ("FAILED", "User already exists"), ended[1])
    right = registrations.users()[email]["name"] == "Ada" and len(registrations.welcomes(email)) == 1
    holds("only the registration that succeeded stored and sent", right and set(registrations.users()) == {email}, f"{len(registrations.welcomes(email))} mail")

    names = ["race-1", "race-2"]
    for name in names:
        registrations.start(name, name=name, email=people[0], work_s=0.3)
    until(lambda: all(registrations.ended(registrations.arn(name)) for name in names))
    ends = sorted(registrations.ended(registrations.arn(name)) for name in names)
    right = ends == [("FAILED", "User already exists"), ("SUCCEEDED", "")] and len(registrations.welcomes(people[0])) == 1
    holds("of two at the same moment one is registered and welcomed", right, registrations.users()[people[0]]["name"])
    killed(cloud, registrations, people[1:])


def killed(cloud, registrations, people):
    """The region ends without goodbye while registrations are at every step."""
    names = {email: email.partition("@")[0] for email in people}
    for email, name in names.items():
        registrations.start(name, name=name, email=email, work_s=0.4)
        time.sleep(0.3)
    before = {(name, step) for name in names.values() for step in registrations.completed(name)}
    running = sum(registrations.ended(registrations.arn(name)) is None for name in names.values())
    cloud.kill_and_restart()
    took = until(lambda: all(registrations.ended(registrations.arn(name)) for name in names.values()), 60)
    done = [registrations.ended(registrations.arn(name)) == ("SUCCEEDED", "") for name in names.values()]
    right = took is not None and all(done) and all(email in registrations.users() and registrations.welcomes(email) for email in people)
    holds(f"a region killed with {running} registrations under way completes them all", right and running > 0, seconds(took))
    asked = registrations.asked()
    again = [key for key in before if asked[f"{key[0]}:{key[1]}"] != 1]
    holds("and repeats no step that was over", before and not again, f"of {len(before)} none")
