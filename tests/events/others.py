"""Events of services that send no request, each in the shape in which its service sends it, made up anew.

Shapes: aws-powertools/powertools-lambda-python, tests/events, at commit fa1c29f2; all 104 of its files were tried by
hand at the handler, and none made it raise.
"""

from typing import Any

_ACCOUNT = "111111111111"
_HTTP = {"headers": {"host": "svc.vpc-lattice-svcs.eu-west-1.on.aws"}, "body": None}

OTHERS: dict[str, Any] = {
    "SQS": {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "{}", "attributes": {}}]},
    "SNS": {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "text", "MessageAttributes": {}}}]},
    "S3": {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "a%20b+c"}}}]},
    "S3, by batch": {"invocationSchemaVersion": "2.0", "job": {"id": "1"}, "tasks": [{"s3Key": "a"}]},
    "S3, object lambda": {
        "getObjectContext": {"outputRoute": "r"},
        "userRequest": {"url": "/", "headers": {}},
    },
    "DynamoDB": {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"Keys": {"id": {"N": "1"}}}}]},
    "Kinesis": {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "AP8="}}]},
    "Firehose": {"invocationId": "1", "records": [{"recordId": "1", "data": "AP8="}], "region": "eu-west-1"},
    "Kafka": {"eventSource": "aws:kafka", "records": {"topic-0": [{"value": "AP8=", "headers": []}]}},
    "RabbitMQ": {"eventSource": "aws:rmq", "rmqMessagesByQueue": {"queue::/": [{"data": "AP8="}]}},
    "SES": {"Records": [{"eventSource": "aws:ses", "ses": {"mail": {"source": "ada@example.com"}}}]},
    "CloudWatch logs": {"awslogs": {"data": "H4sIAAAAAAAA/6tWSkksSVSqBQBDv6ZDDwAAAA=="}},
    "CloudWatch alarm": {
        "source": "aws.cloudwatch",
        "alarmArn": "arn:aws:cloudwatch:::alarm:a",
        "time": "now",
    },
    "EventBridge": {"version": "0", "source": "aws.ec2", "detail-type": "State-change", "detail": {}},
    "CodePipeline": {"CodePipeline.job": {"id": "1", "accountId": _ACCOUNT, "data": {}}},
    "CodeDeploy": {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "1"},
    "Config": {"version": "1.0", "invokingEvent": "{}", "ruleParameters": "{}", "accountId": _ACCOUNT},
    "CloudFormation": {"RequestType": "Create", "ResponseURL": "https://x.invalid", "StackId": "1"},
    "Secrets Manager": {"Step": "createSecret", "SecretId": "arn", "ClientRequestToken": "1"},
    "Cognito": {"version": "1", "triggerSource": "PreSignUp_SignUp", "request": {}, "response": {}},
    "Connect": {"Name": "ContactFlowEvent", "Details": {"ContactData": {}, "Parameters": {}}},
    "AppSync": {"arguments": {"id": "1"}, "identity": None, "source": None, "request": {"headers": {}}},
    "AppSync, batch": [{"arguments": {"id": "1"}, "info": {"fieldName": "f"}}],
    "AppSync, authorizer": {"authorizationToken": "t", "requestContext": {"apiId": "a", "queryString": "q"}},
    "API Gateway, authorizer by token": {"type": "TOKEN", "authorizationToken": "t", "methodArn": "arn"},
    "API Gateway, authorizer of an HTTP API": {
        "version": "2.0",
        "type": "REQUEST",
        "rawPath": "/echo",
        "routeArn": "arn",
        "requestContext": {"http": {"method": "GET", "path": "/echo"}, "stage": "$default"},
    },
    "API Gateway, WebSocket": {
        "requestContext": {"routeKey": "$connect", "connectionId": "1", "stage": "live"}
    },
    "VPC Lattice": {"raw_path": "/echo", "method": "GET", "is_base64_encoded": False, **_HTTP},
    "VPC Lattice, version 2": {
        "version": "2.0",
        "path": "/echo",
        "method": "GET",
        "requestContext": {"serviceArn": "arn", "identity": {}},
        **_HTTP,
    },
    "Bedrock agent": {
        "messageVersion": "1.0",
        "httpMethod": "GET",
        "apiPath": "/echo",
        "agent": {"name": "a"},
    },
    "Lambda's own test": {"key1": "value1", "key2": "value2", "key3": "value3"},
    "a text": "text",
    "a number": 17,
    "true": True,
    "nothing": None,
}
