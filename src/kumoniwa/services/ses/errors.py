"""What SES refuses with, in the words of its first API. ``services/sesv2/errors`` says which of its own errors each of them is."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidParameterValue(AwsError):
    status = 400


class Throttling(AwsError):
    status = 400


class MessageRejected(AwsError): ...


class AccountSendingPausedException(AwsError):
    def __init__(self, account: str) -> None:
        super().__init__(f"Email sending is disabled for AWS account {account}.")


class ConfigurationSetSendingPausedException(AwsError):
    def __init__(self, name: str) -> None:
        super().__init__(f"Email sending is disabled for configuration set {name}.")


class ConfigurationSetDoesNotExistException(AwsError):
    def __init__(self, name: str) -> None:
        super().__init__(f"Configuration set <{name}> does not exist.")


class ConfigurationSetAlreadyExistsException(AwsError):
    def __init__(self, name: str) -> None:
        super().__init__(f"Configuration set <{name}> already exists.")


class InvalidConfigurationSetException(AwsError): ...


class EventDestinationDoesNotExistException(AwsError):
    def __init__(self, configuration_set: str) -> None:
        # Recorded: localstack's test_deleting_non_existent_configuration_set_event_destination.
        super().__init__(f"No EventDestination found for {configuration_set}")


class EventDestinationAlreadyExistsException(AwsError):
    def __init__(self, configuration_set: str, name: str) -> None:
        super().__init__(f"An event destination with name <{name}> already exists in configuration set <{configuration_set}>.")


class InvalidSNSDestinationException(AwsError): ...


class TemplateDoesNotExistException(AwsError):
    def __init__(self, name: str) -> None:
        super().__init__(f"Template {name} does not exist")


class InvalidTemplateException(AwsError): ...


class InvalidRenderingParameterException(AwsError): ...


class MissingRenderingAttributeException(AwsError):
    def __init__(self, name: str) -> None:
        super().__init__(f"Attribute '{name}' is not present in the rendering data.")


class MailFromDomainNotVerifiedException(AwsError): ...


class LimitExceededException(AwsError): ...


class AlreadyExistsException(AwsError): ...


class InvalidPolicyException(AwsError): ...


class RuleSetDoesNotExistException(AwsError): ...


class RuleDoesNotExistException(AwsError): ...


class CannotDeleteException(AwsError): ...


class InvalidS3ConfigurationException(AwsError): ...


class InvalidSnsTopicException(AwsError): ...


class InvalidLambdaFunctionException(AwsError): ...
