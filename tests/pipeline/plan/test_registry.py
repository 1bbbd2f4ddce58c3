"""The registry's verdicts against what AWS documents of each property."""

import pytest

from pipeline.source import registry

# AWS CloudFormation template reference, "Update requires" of each property: Replacement, or No interruption / Some
# interruptions. "perhaps" is "depends on the change".
DOCUMENTED = """
AWS::ApiGateway::Deployment RestApiId replace
AWS::ApiGateway::Deployment Description stays
AWS::ApiGateway::Method AuthorizationType stays
AWS::ApiGateway::Method HttpMethod replace
AWS::ApiGateway::Method ResourceId replace
AWS::ApiGateway::Resource ParentId replace
AWS::ApiGateway::Resource PathPart replace
AWS::ApiGateway::RestApi Body stays
AWS::ApiGateway::RestApi Name stays
AWS::ApiGateway::Stage MethodSettings stays
AWS::ApiGateway::Stage RestApiId replace
AWS::ApiGateway::Stage StageName replace
AWS::CloudWatch::Alarm AlarmName replace
AWS::CloudWatch::Alarm Threshold stays
AWS::CodeDeploy::Application ComputePlatform replace
AWS::Cognito::UserPool Schema stays
AWS::DynamoDB::Table BillingMode stays
AWS::DynamoDB::Table KeySchema perhaps
AWS::DynamoDB::Table TableName replace
AWS::EC2::Instance SubnetId replace
AWS::EC2::SecurityGroup GroupDescription replace
AWS::EC2::SecurityGroup GroupName replace
AWS::EC2::SecurityGroup VpcId replace
AWS::EC2::Subnet AvailabilityZone replace
AWS::EC2::VPC CidrBlock replace
AWS::EC2::Volume Size stays
AWS::ECR::Repository RepositoryName replace
AWS::EFS::FileSystem Encrypted replace
AWS::EFS::FileSystem PerformanceMode replace
AWS::ElasticLoadBalancingV2::LoadBalancer Name replace
AWS::ElasticLoadBalancingV2::LoadBalancer Scheme replace
AWS::Events::Rule Name replace
AWS::Events::Rule ScheduleExpression stays
AWS::IAM::ManagedPolicy ManagedPolicyName replace
AWS::IAM::ManagedPolicy Path replace
AWS::IAM::ManagedPolicy PolicyDocument stays
AWS::IAM::Role AssumeRolePolicyDocument stays
AWS::IAM::Role Path replace
AWS::IAM::Role Policies stays
AWS::IAM::Role RoleName replace
AWS::KMS::Alias AliasName replace
AWS::KMS::Alias TargetKeyId stays
AWS::KMS::Key Description stays
AWS::KMS::Key EnableKeyRotation stays
AWS::Kinesis::Stream Name replace
AWS::Lambda::Alias FunctionName replace
AWS::Lambda::Alias FunctionVersion stays
AWS::Lambda::Alias Name replace
AWS::Lambda::EventSourceMapping EventSourceArn replace
AWS::Lambda::Function Code stays
AWS::Lambda::Function Environment stays
AWS::Lambda::Function FunctionName replace
AWS::Lambda::Function Handler stays
AWS::Lambda::Function MemorySize stays
AWS::Lambda::Function PackageType replace
AWS::Lambda::LayerVersion Content replace
AWS::Lambda::LayerVersion LayerName replace
AWS::Lambda::Permission Action replace
AWS::Lambda::Permission Principal replace
AWS::Lambda::Permission SourceArn replace
AWS::Lambda::Url AuthType stays
AWS::Lambda::Url TargetFunctionArn replace
AWS::Lambda::Version FunctionName replace
AWS::Logs::LogGroup LogGroupName replace
AWS::Logs::LogGroup RetentionInDays stays
AWS::RDS::DBCluster DBClusterIdentifier replace
AWS::RDS::DBCluster StorageEncrypted replace
AWS::RDS::DBInstance DBInstanceClass stays
AWS::RDS::DBInstance DBName replace
AWS::RDS::DBInstance MasterUsername replace
AWS::RDS::DBInstance StorageEncrypted replace
AWS::S3::Bucket BucketName replace
AWS::S3::Bucket LifecycleConfiguration stays
AWS::S3::BucketPolicy Bucket replace
AWS::SNS::Topic FifoTopic replace
AWS::SNS::Topic TopicName replace
AWS::SQS::Queue FifoQueue replace
AWS::SQS::Queue QueueName replace
AWS::SQS::Queue VisibilityTimeout stays
AWS::SSM::Parameter Name replace
AWS::SSM::Parameter Value stays
AWS::SecretsManager::RotationSchedule SecretId replace
AWS::SecretsManager::Secret Description stays
AWS::SecretsManager::Secret Name replace
AWS::StepFunctions::StateMachine DefinitionString stays
AWS::StepFunctions::StateMachine StateMachineName replace
"""
CASES = [line.split() for line in DOCUMENTED.strip().splitlines()]


@pytest.mark.parametrize(("kind", "name", "expected"), CASES)
def test_the_verdict_is_what_aws_documents(kind: str, name: str, expected: str) -> None:
    """A property that forces a replacement is known to, and one that doesn't, isn't."""
    assert expected == (registry.verdict(kind, (name,), "eu-west-1") or "stays")


def test_there_are_sixty_of_them() -> None:
    """Enough types and properties to trust the rest of the registry."""
    assert 60 <= len(CASES)
    assert 60 <= len({(kind, name) for kind, name, _ in CASES})


def test_a_change_within_a_fixed_property_counts() -> None:
    """An item of a list, or a member of a mapping, that as a whole can't change."""
    assert "replace" == registry.verdict("AWS::Lambda::LayerVersion", ("Content", "S3Key"), "eu-west-1")
    assert "perhaps" == registry.verdict("AWS::DynamoDB::Table", ("KeySchema", 0, "KeyType"), "eu-west-1")


def test_a_type_without_a_schema_decides_for_itself() -> None:
    """A custom resource, or a type that is newer than the schemas."""
    assert "" == registry.verdict("Custom::Migration", ("ReleaseDigest",), "eu-west-1")


def test_a_region_without_schemas_takes_the_first_one() -> None:
    """Regions differ in which types they have, hardly in what a type's properties do."""
    assert "replace" == registry.verdict("AWS::SQS::Queue", ("QueueName",), "mars-west-1")
