"""A real S3 server, moto's, that checks signatures: one user, one bucket, everything in memory.

    s3_server.py PORT BUCKET

Prints the keys of its user as JSON and serves until it is stopped or its parent is gone.
"""
import json
import os
import sys
import time

# The first three calls make the user; every one after them must be signed by its keys.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "3"

import boto3
from moto.server import ThreadedMotoServer

ANYTHING = {"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def main():
    parent = os.getppid()
    port, bucket = int(sys.argv[1]), sys.argv[2]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    place = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1"}
    iam = boto3.client("iam", **place, aws_access_key_id="none", aws_secret_access_key="none")
    iam.create_user(UserName="nacelle")
    iam.put_user_policy(UserName="nacelle", PolicyName="all", PolicyDocument=json.dumps(ANYTHING))
    key = iam.create_access_key(UserName="nacelle")["AccessKey"]
    keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    boto3.client("s3", **place, aws_access_key_id=keys["access_key"],
                 aws_secret_access_key=keys["secret_key"]).create_bucket(Bucket=bucket)
    print(json.dumps(keys), flush=True)
    while os.getppid() == parent:
        time.sleep(0.2)
    # The server's threads would keep the process.
    os._exit(0)


main()
