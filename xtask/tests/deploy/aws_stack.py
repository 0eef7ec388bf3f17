"""Deploys deploy/aws/template.yaml into an emulator of AWS, with the calls that the commands of docs/deploy/aws.md
make.

    aws_stack.py ENDPOINT TEMPLATE ZIP SECRETS

Prints the outputs of the stack as JSON, or the reasons of a failure as an error.
"""

import json
import pathlib
import platform
import re
import sys
import time

import botocore.session

endpoint, template, zip_file, secrets = sys.argv[1:]
session = botocore.session.get_session()


def client(service):
    return session.create_client(
        service,
        region_name="eu-central-1",
        endpoint_url=endpoint,
        # The root user of the emulator.
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


s3, ssm, stacks = client("s3"), client("ssm"), client("cloudformation")
s3.create_bucket(
    Bucket="doorward-code",
    CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
)
s3.put_object(
    Bucket="doorward-code", Key="doorward.zip", Body=pathlib.Path(zip_file).read_bytes()
)
ssm.put_parameter(
    Name="/doorward/env", Type="SecureString", Value=pathlib.Path(secrets).read_text()
)
machine = {"x86_64": "x86_64", "aarch64": "arm64"}
parameters = {
    "CodeBucket": "doorward-code",
    "CodeKey": "doorward.zip",
    "PublicUrl": "http://localhost:8000",
    "Architecture": machine[platform.machine()],
}
# The emulator returns parameters that are numbers as texts, which the SDK cannot read, and indexes of a stack without a
# status. So `doorward migrate` creates the indexes.
body = pathlib.Path(template).read_text()
for name in ["MaxReadUnits", "MaxWriteUnits"]:
    body = body.replace(f"!Ref {name}", "1000")
body = re.sub(r"\n *- { AttributeName: _[ps][0-9].*", "", body)
body = re.sub(r"\n *GlobalSecondaryIndexes:\n(.+\n)*", "\n", body)
stacks.create_stack(
    StackName="doorward",
    TemplateBody=body,
    Capabilities=["CAPABILITY_IAM"],
    Parameters=[
        {"ParameterKey": key, "ParameterValue": value}
        for key, value in parameters.items()
    ],
)
for _ in range(300):
    stack = stacks.describe_stacks(StackName="doorward")["Stacks"][0]
    if not stack["StackStatus"].endswith("_IN_PROGRESS"):
        break
    time.sleep(0.2)
if stack["StackStatus"] != "CREATE_COMPLETE":
    events = stacks.describe_stack_events(StackName="doorward")["StackEvents"]
    sys.exit("\n".join(str(event) for event in events))
print(json.dumps({out["OutputKey"]: out["OutputValue"] for out in stack["Outputs"]}))
