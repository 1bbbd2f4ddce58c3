"""Templates of every kind that SAM takes: no rule raises on one, and none takes long."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from pipeline.base.run import CHECKOUT
from pipeline.gate.engines import own
from pipeline.gate.rules import load
from pipeline.source.project import Project

type Make = Callable[..., Project]
RULES = load(CHECKOUT / "policies")
LONGEST = 15.0  # seconds of this process, for all rules


def function(**properties: Any) -> dict[str, Any]:
    plain = {"Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "s3://bucket/key"}
    return {"Type": "AWS::Serverless::Function", "Properties": plain | properties}


def fed_by(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A function with one event of a kind."""
    return {"Resources": {"Function": function(Events={"Event": {"Type": kind, "Properties": properties}})}}


TOPIC = {"Type": "AWS::SNS::Topic"}
SOURCES: dict[str, dict[str, Any]] = {
    "Alexa": {"SkillId": "x"},
    "CloudWatchEvent": {"Pattern": {"source": ["aws.ec2"]}},
    "CloudWatchLogs": {"LogGroupName": "group", "FilterPattern": ""},
    "Cognito": {"UserPool": {"Ref": "Pool"}, "Trigger": ["PreSignUp", "PostConfirmation"]},
    "DocumentDB": {"Cluster": "arn", "DatabaseName": "x", "SourceAccessConfigurations": []},
    "DynamoDB": {"Stream": {"Fn::GetAtt": ["Table", "StreamArn"]}, "StartingPosition": "LATEST"},
    "EventBridgeRule": {
        "Pattern": {"detail": [{"state": [{"anything-but": "x"}]}]},
        "DeadLetterConfig": {"Type": "SQS"},
    },
    "HttpApi": {"Path": "/{proxy+}", "Method": "ANY"},
    "IoTRule": {"Sql": "SELECT * FROM 'a'", "AwsIotSqlVersion": "2016-03-23"},
    "Kinesis": {"Stream": "arn:aws:kinesis:eu-west-1:123456789012:stream/x", "StartingPosition": "LATEST"},
    "MQ": {
        "Broker": "arn",
        "Queues": ["q"],
        "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn"}],
    },
    "MSK": {
        "Stream": "arn:aws:kafka:eu-west-1:123456789012:cluster/x",
        "Topics": ["t"],
        "StartingPosition": "LATEST",
    },
    "Schedule": {"Schedule": "rate(1 minute)", "Enabled": {"Fn::If": ["Late", False, True]}},
    "ScheduleV2": {"ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"}},
    "SelfManagedKafka": {"KafkaBootstrapServers": ["a:1"], "Topics": ["t"], "SourceAccessConfigurations": []},
    "SNS": {"Topic": {"Ref": "Topic"}, "SqsSubscription": True},
    "SQS": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}, "BatchSize": {"Ref": "AWS::NoValue"}},
}
OTHERS: dict[str, dict[str, Any]] = {
    "a test where a condition's name belongs": {
        "Conditions": {"A": {"Fn::Equals": [{"Ref": "AWS::Region"}, "x"]}},
        "Resources": {
            "Function": function(
                EventInvokeConfig={
                    "DestinationConfig": {
                        "OnSuccess": {
                            "Type": "SQS",
                            "Destination": {"Fn::If": ["A", {"Ref": "X"}, {"Ref": "AWS::NoValue"}]},
                        },
                        "OnFailure": {"Type": "SNS"},
                    }
                },
                AutoPublishAlias="live",
            ),
            "Topic": TOPIC
            | {
                "Properties": {
                    "Tags": [{"Fn::If": [{"Fn::Not": [{"Condition": "A"}]}, {"Key": "a", "Value": "b"}, 1]}]
                }
            },
        },
    },
    "dependencies that are no names": {
        "Resources": {"One": TOPIC | {"DependsOn": 5}, "Two": TOPIC | {"DependsOn": [["a"], {"b": 1}, None]}}
    },
    "conditions that go round": {
        "Conditions": {
            "A": {"Condition": "B"},
            "B": {"Fn::Not": [{"Condition": "A"}]},
            "C": {"Fn::Or": "x"},
            "D": None,
        },
        "Resources": {"Topic": TOPIC | {"Condition": "A"}, "Other": TOPIC | {"Condition": "D"}},
    },
    "policies that are texts, numbers and templates": {
        "Resources": {
            "Function": function(
                Policies=[
                    "AmazonS3ReadOnlyAccess",
                    {"SQSPollerPolicy": {"QueueName": {"Ref": "Topic"}}},
                    {"Statement": []},
                ]
            ),
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": "{}",
                    "Policies": [
                        {
                            "PolicyDocument": {
                                "Statement": [5, None, "x", {"Effect": "Allow", "Action": {"Ref": "A"}}]
                            }
                        }
                    ],
                },
            },
            "Policy": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyDocument": {
                        "Statement": {"Effect": "Allow", "Action": [1, {"a": 2}], "Resource": [[], 3]}
                    }
                },
            },
        }
    },
    "APIs": {
        "Resources": {
            "Rest": {
                "Type": "AWS::Serverless::Api",
                "Properties": {
                    "StageName": {"Ref": "AWS::StackName"},
                    "DefinitionBody": {
                        "openapi": "3.0.1",
                        "paths": {"/": {"get": None}, "/a": {"x": 1}, "/b": {"get": {}}},
                    },
                    "Auth": {
                        "DefaultAuthorizer": "AWS_IAM",
                        "ResourcePolicy": {"CustomStatements": [{"Effect": "Deny"}]},
                    },
                },
            },
            "Http": {
                "Type": "AWS::Serverless::HttpApi",
                "Properties": {
                    "CorsConfiguration": True,
                    "Auth": {
                        "EnableIamAuthorizer": True,
                        "Authorizers": {"L": {"FunctionArn": "arn", "Identity": {}}},
                    },
                    "Domain": {
                        "DomainName": "example.com",
                        "CertificateArn": "arn",
                        "Route53": {"HostedZoneId": "Z"},
                    },
                },
            },
            "Raw": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": "openapi: 3.0.1"}},
            "Method": {"Type": "AWS::ApiGateway::Method", "Properties": {"Integration": "AWS_PROXY"}},
        }
    },
    "machines, connectors, graphs, layers": {
        "Resources": {
            "Machine": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {
                    "Definition": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
                    "Events": {"Every": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}},
                },
            },
            "Table": {"Type": "AWS::Serverless::SimpleTable"},
            "Function": function(Layers=[{"Ref": "Layer"}], VpcConfig={"SubnetIds": {"Ref": "AWS::NoValue"}}),
            "Layer": {
                "Type": "AWS::Serverless::LayerVersion",
                "Properties": {"ContentUri": "s3://bucket/key"},
            },
            "Connector": {
                "Type": "AWS::Serverless::Connector",
                "Properties": {
                    "Source": {"Id": "Function"},
                    "Destination": {"Id": "Table"},
                    "Permissions": ["Read"],
                },
            },
            "Graph": {
                "Type": "AWS::Serverless::GraphQLApi",
                "Properties": {"SchemaInline": "type Query { a: Int }", "Auth": {"Type": "AWS_IAM"}},
            },
        }
    },
    "properties of other shapes": {
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"BucketEncryption": [], "LifecycleConfiguration": "x"},
            },
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {"KeyPolicy": {"Fn::Sub": "{}"}, "EnableKeyRotation": "yes"},
            },
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": "{}", "QueueName": 5}},
            "Group": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"RetentionInDays": "x", "LogGroupName": {"Ref": "X"}},
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"Dimensions": {"a": 1}, "AlarmActions": "arn"},
            },
            "Base": {
                "Type": "AWS::RDS::DBInstance",
                "Properties": {"MasterUserPassword": ["x"], "StorageEncrypted": "no"},
            },
            "Raw": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"Code": "x", "Environment": ["A=b"], "Layers": "arn"},
            },
            "Url": {
                "Type": "AWS::Lambda::Url",
                "Properties": {"Cors": {"AllowOrigins": "*"}, "AuthType": None},
            },
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": "x"}},
        }
    },
    "nothing in it": {
        "Resources": {"Topic": TOPIC},
        "Outputs": {"A": None, "B": {"Value": {"Fn::If": "x"}}},
        "Parameters": {"P": None},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [pytest.param(fed_by(kind, properties), id=kind) for kind, properties in SOURCES.items()]
    + [pytest.param(template, id=name) for name, template in OTHERS.items()],
)
def test_no_rule_raises_and_none_takes_long(make_project: Make, template: dict[str, Any]) -> None:
    """Each is judged or told to be unreadable, with SAM's transform and without."""
    for transform in ({"Transform": "AWS::Serverless-2016-10-31"}, {}):
        project = make_project(**{"template.yaml": yaml.safe_dump(transform | template, sort_keys=False)})
        start = time.process_time()
        told = [*own.unreadable(project), *(one for rule in RULES for one in own.apply(rule, project))]

        assert told
        assert LONGEST > time.process_time() - start
